package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// quotaOf is a configuration in which alice has so many megabytes.
func quotaOf(dir string, mb int) string {
	return fmt.Sprintf(`{"tenants": {
		%q: {"name": "bob", "data_dir": "%s/bob"},
		%q: {"name": "alice", "data_dir": "%s/alice", "quota_mb": %d}
	}}`, tokenOfBob, dir, tokenOfAlice, dir, mb)
}

// TestQuota: a write that would pass a tenant's quota is refused with the figures
// and writes nothing, over all its phexts, after a restart and after a kill; what
// shrinks goes on, and a new configuration holds at once.
func TestQuota(t *testing.T) {
	const mb = 1 << 20
	dir := t.TempDir()
	config := write(t, "tenants.json", quotaOf(dir, 1))
	s := launch(t, nil, "--config", config)
	s.listens()
	update := func(phext string, size int) (int, string) {
		return s.call(tokenOfAlice, "POST", "update"+at(phext, first), strings.Repeat("x", size))
	}
	granted := func(phext string, size int) {
		t.Helper()
		if status, text := update(phext, size); status != 200 {
			t.Fatalf("%s of %d bytes: %d %q", phext, size, status, text)
		}
	}
	refused := func(phext string, size, used, needed int) {
		t.Helper()
		status, text := update(phext, size)
		if want := fmt.Sprintf("%d of %d bytes are used and %d more are needed; nothing was written", used, mb, needed); status != 507 || !strings.Contains(text, want) {
			t.Fatalf("%s of %d bytes: %d %q, want 507 with %q", phext, size, status, text, want)
		}
	}
	granted("large", mb-100)
	granted("small", 100)
	refused("small", 101, mb, 1)
	refused("other", 1, mb, 1)
	s.want(tokenOfAlice, "GET", "select"+at("small", first), "", strings.Repeat("x", 100))
	s.want(tokenOfBob, "POST", "update"+at("small", first), "bob's", "Updated 5 bytes")
	s.signal(os.Kill)
	s.ends()
	s = start(t, "--config", config)
	refused("other", 1, mb, 1)
	s.want(tokenOfAlice, "GET", "delete"+at("small", first), "", "Removed 100 bytes")
	granted("other", 100)
	refused("small", 1, mb, 1)
	granted("large", mb-200)
	granted("small", 100)
	s.stop()
	s = start(t, "--config", config)
	refused("small", 101, mb, 1)
	replace(t, config, quotaOf(dir, 2))
	s.want("", "POST", "reload", "", "Config reload triggered")
	granted("small", mb)
	replace(t, config, quotaOf(dir, 1))
	s.want("", "POST", "reload", "", "Config reload triggered")
	refused("other", 101, 2*mb-100, 1)
	granted("other", 99)
	s.want(tokenOfAlice, "GET", "delete"+at("small", first), "", fmt.Sprintf("Removed %d bytes", mb))
	granted("other", 200)
	s.stop()
}
