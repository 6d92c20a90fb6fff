package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// perDay is a configuration in which alice has so many requests a day.
func perDay(dir string, most int) string {
	return fmt.Sprintf(`{"tenants": {
		%q: {"name": "bob", "data_dir": "%s/bob"},
		%q: {"name": "alice", "data_dir": "%s/alice", "requests_per_day": %d}
	}}`, tokenOfBob, dir, tokenOfAlice, dir, most)
}

// TestDayIsThereAfterARestart: neither a restart nor another configuration gives
// a tenant a second day. Where it is not kept is told once.
func TestDayIsThereAfterARestart(t *testing.T) {
	dir := t.TempDir()
	config := write(t, "tenants.json", perDay(dir, 2))
	status := func(s *server, want int) {
		t.Helper()
		if got, text := s.call(tokenOfAlice, "GET", "version", ""); got != want {
			t.Errorf("%d %q, want %d", got, text, want)
		}
		s.want(tokenOfBob, "GET", "version", "", "0.5.5")
	}
	s := start(t, "--config", config)
	status(s, 200)
	s.stop()
	s = start(t, "--config", config)
	status(s, 200)
	status(s, 429)
	replace(t, config, perDay(dir, 3))
	s.want("", "POST", "reload", "", "Config reload triggered")
	status(s, 200)
	status(s, 429)
	s.stop()
	if text := read(t, config+".usage"); !strings.Contains(text, `"alice":{"calls":3,`) || !strings.Contains(text, `"bob":{"calls":5,`) || strings.Contains(text, "invented") {
		t.Errorf("kept is %s", text)
	}
	elsewhere := filepath.Join(dir, "elsewhere")
	s = start(t, "--config", config, "--usage-file", elsewhere)
	status(s, 200)
	s.stop()
	put(t, elsewhere, "not JSON")
	s = start(t, "--config", config, "--usage-file", elsewhere)
	status(s, 200)
	s.logs("the requests of the day are counted anew")
	s.stop()
	s = start(t, "--config", config, "--usage-file", filepath.Join(dir, "nowhere", "file"))
	s.stop()
	s.logs("the requests of the day would not survive a restart")
}

// TestNoUsageIsKept where no tenant has a limit for the day.
func TestNoUsageIsKept(t *testing.T) {
	config, _ := twoTenants(t)
	s := start(t, "--config", config)
	s.want(tokenOfBob, "GET", "version", "", "0.5.5")
	s.stop()
	if _, err := os.Stat(config + usageSuffix); err == nil {
		t.Error("a file was written")
	}
}
