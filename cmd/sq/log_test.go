package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// quoted is a value in the log.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// TestLogLinesAreLines: at every level and in both formats, what clients send and
// what the files are called makes no line of the log but its own, and no token
// gets there.
func TestLogLinesAreLines(t *testing.T) {
	isLine := map[string]func(string) bool{
		"text": func(line string) bool {
			line = quoted.ReplaceAllString(line, "x")
			return strings.HasPrefix(line, "time=2") && strings.Count(line, "level=") == 1 && !strings.Contains(line, "\"")
		},
		"json": func(line string) bool { return json.Valid([]byte(line)) && strings.HasPrefix(line, `{"time":"2`) },
	}
	for format, ok := range isLine {
		t.Run(format, func(t *testing.T) {
			config, dir := twoTenants(t)
			s := start(t, "--config", config, "--log-format", format, "--log-level", "debug")
			s.want(tokenOfAlice, "GET", "version", "", "0.5.5")
			for i, name := range append(oddNames, "x level=ERROR msg=forged", `x" level=ERROR msg="forged`, `x","level":"ERROR`) {
				if len(name) < 200 && !strings.HasPrefix(name, ".") {
					put(t, filepath.Join(dir, "alice", name+".phext"), "no phext: \xff") // which is worth a warning
				}
				what := url.Values{"p": {name}, "c": {first}, "s": {"forged\nlevel=ERROR"}}.Encode()
				tokens := []string{tokenOfAlice, tokenOfBob, "guessed-token"}
				if i > 2 { // after that wrong tokens wait
					tokens = tokens[:2]
				}
				for _, token := range tokens {
					s.call(token, http.MethodGet, "get?"+what, "")
					s.call(token, http.MethodPost, "insert?"+what, "forged text")
					s.call(token, http.MethodGet, url.PathEscape(name)+"%0alevel=ERROR", "")
				}
			}
			s.stop()
			warned := 0
			for line := range strings.Lines(s.stderr.String()) {
				if !ok(strings.TrimSuffix(line, "\n")) {
					t.Errorf("a line of the log: %q", line)
				}
				if strings.Contains(line, "no phext") {
					warned++
				}
			}
			for _, part := range []string{tokenOfAlice, tokenOfBob, "guessed-token", "forged text", "forged\\nlevel", "\u2028", "\u202e", "\x1b"} {
				if strings.Contains(s.stderr.String(), part) && !(format == "json" && part == "\u202e") {
					t.Errorf("%q is in the log", part)
				}
			}
			if warned == 0 {
				t.Error("no file was worth a line")
			}
		})
	}
}
