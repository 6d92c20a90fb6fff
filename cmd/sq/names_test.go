package main

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// notNames are spellings of p, as they stand in a URL, that must reach nothing.
func notNames() map[string]int {
	list := map[string]int{"": 400, ".": 400, ".sq": 400, "%2esq": 400, ".notes": 400}
	for _, up := range []string{
		"..", "%2e%2e", ".%2e", "%2E.", "../notes", "..%2fnotes", "%2e%2e/notes", "%2e%2e%2fnotes", "..%5cnotes", "%2e%2e%5Cnotes", "....//notes", "..;/notes",
		"x/../../bob/theirs", "x%2f..%2f..%2fbob%2ftheirs", "../bob/theirs", "..%2Fbob%2Ftheirs", "..%5cbob%5ctheirs", "/etc/passwd", "%2fetc%2fpasswd", "//host/share",
		"%5c%5chost%5cshare", "C:%5cnotes", "a/b", "a%2fb", "a%5cb", ".sq/lock", "..%00", "%00/..", "a..b", "notes..", "...", "..%c0%af", "..%ef%bc%8fnotes", "%2e%2e%2e", ".sq%2flock",
	} {
		list[up] = http.StatusForbidden
	}
	for _, broken := range []string{
		"%c0%ae%c0%ae%c0%afnotes", "%c0%ae", "%c1%9c", "%c0%af", "%e0%80%af", "%e0%80%ae%e0%80%ae", "%f0%80%80%ae", "%f8%80%80%80%af", "%fc%80%80%80%80%ae", // overlong
		"%ed%a0%80", "%ff", "%fe%ff", "a%80", "%f4%90%80%80", "%c2", // no UTF-8
		"notes%00", "%00", "notes%00.phext", "notes%0a", "notes%0d%0aX:%20y", "%09", "%7f", "%1b[2J", "%c2%85", "%c2%9b", // control characters
		"%u002e%u002e", "%", "%2", "%zz", "%%32e", // no escapes
	} {
		list[broken] = http.StatusBadRequest
	}
	for n := range 0x20 {
		list[fmt.Sprintf("a%%%02xb", n)] = http.StatusBadRequest
	}
	for _, long := range []string{strings.Repeat("n", 201), strings.Repeat("%c3%a9", 101), strings.Repeat("n", 4096), strings.Repeat("n", 50_000)} {
		list[long] = http.StatusBadRequest
	}
	return list
}

// oddNames are names, and so files of just these names, whatever they mean
// elsewhere.
var oddNames = []string{
	"%2e%2e%2f", "%252e", "%00", "%c0%ae", // decoded once and not again
	"CON", "NUL", "aux.txt", "com1", "LPT9.txt", "CONIN$", "name:stream", "name::$DATA", "notes.", "notes ", " notes", "C:notes", "~", "$HOME", "`id`", "$(id)",
	"*", "?", "<b>", "|", "\"", "'", "-rf", "--help", ";", "&", "#", "notes.phext", "notes.phext.phext", "lock", "sq", "x.1", "x.part", "x.put1",
	"\uff0f", "\uff0e\uff0e", "\uff0e\uff0e\uff0fbob", "\u2024\u2024", "\u2025", "\u2215etc", "\u2044", "\uff3c", "\u29f5", // look like dots and slashes
	"\u00e9", "e\u0301", "\u212b", "\u00c5", "A\u030a", // look alike, and are not the same
	"\u202egnp", "\u200b", "\ufeff", "\u2028", "\u00ad", "\U000e0041", "🔆", strings.Repeat("n", 200), strings.Repeat("é", 100),
}

// tree returns all there is under a folder, as path and content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if d.Type().IsRegular() {
			found[name] = read(t, path)
		} else {
			found[name] = d.Type().String()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestNamesStayInside: what is no name is refused, whatever is asked with it, and
// a name is one file in the tenant's own folder.
func TestNamesStayInside(t *testing.T) {
	config, dir := twoTenants(t)
	s := start(t, "--config", config)
	s.want(tokenOfBob, "POST", "update"+at("theirs", first), "bob's", "Updated 5 bytes")
	for name, status := range notNames() {
		for _, what := range []string{"GET select", "GET get", "GET load", "GET toc", "GET status", "POST insert", "POST update", "PUT update", "DELETE delete", "GET delete", "POST delta"} {
			method, endpoint, _ := strings.Cut(what, " ")
			got, text := s.call(tokenOfAlice, method, endpoint+"?p="+name+"&c="+first, "x")
			if got != status || len(text) > 200 || strings.ContainsAny(text, "\r\n") {
				t.Errorf("%s of %.60q: %d %q, want %d", what, name, got, text, status)
			}
		}
	}
	for _, name := range oddNames {
		what := url.Values{"p": {name}, "c": {first}}.Encode()
		s.want(tokenOfAlice, "POST", "update?"+what, name, fmt.Sprintf("Updated %d bytes", len(name)))
		s.want(tokenOfAlice, "GET", "select?"+what, "", name)
	}
	s.stop()
	for name, text := range tree(t, dir) {
		folder, base := filepath.Split(name)
		stem, isPhext := strings.CutSuffix(base, ".phext")
		switch {
		case strings.HasSuffix(name, ".sq/lock"), name == "bob/theirs.phext" && text == "bob's":
		case folder == "alice/" && isPhext && slices.Contains(oddNames, stem) && text == stem:
		default:
			t.Errorf("%q holds %q", name, text)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(dir, "alice")); err != nil || len(entries) != len(oddNames)+1 {
		t.Errorf("%d entries, %v, want %d phexts and .sq", len(entries), err, len(oddNames))
	}
}
