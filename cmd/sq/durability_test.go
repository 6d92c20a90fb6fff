package main

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/wbic16/sq-go/phext"
)

// TestDurability: the log says what is in force, a tenant has what it chose or what
// the server was told, and a reload changes that.
func TestDurability(t *testing.T) {
	dir := t.TempDir()
	of := func(alice string) string {
		return fmt.Sprintf(`{"admin_key": %q, "tenants": {
			%q: {"name": "alice", "data_dir": "%s/alice"%s},
			%q: {"name": "bob", "data_dir": "%s/bob"}}}`, metricsKey, tokenOfAlice, dir, alice, tokenOfBob, dir)
	}
	config := write(t, "two.json", of(`, "durability": "relaxed"`))
	s := start(t, "--config", config)
	s.logs("Durability: fsync", `"tenants with a durability of their own" durability=relaxed tenants=1`)
	s.syncsEach(tokenOfAlice, "one", false)
	s.syncsEach(tokenOfBob, "one", true)

	s.takes(config, of(""))
	s.syncsEach(tokenOfAlice, "one", true)
	s.takes(config, of(`, "durability": "relaxed"`))
	s.syncsEach(tokenOfAlice, "one", false)
	s.stop()

	s = start(t, "--config", config, "--durability", "relaxed")
	s.logs("Durability: relaxed")
	s.syncsEach(tokenOfBob, "two", false)
	s.takes(config, of(`, "durability": "fsync"`))
	s.logs(`"tenants with a durability of their own" durability=fsync tenants=1`)
	s.syncsEach(tokenOfAlice, "two", true)
	s.syncsEach(tokenOfBob, "two", false)
	s.stop()
}

// takes has a server read a configuration.
func (s *server) takes(config, text string) {
	s.t.Helper()
	put(s.t, config, text)
	s.want(metricsKey, "POST", "reload", "", "Config reload triggered")
}

// syncsEach writes many times, and holds that each write has a sync of its own, or
// that they share a few.
func (s *server) syncsEach(token, name string, each bool) {
	s.t.Helper()
	const writes = 100
	before := s.journalSyncs()
	for range writes {
		s.want(token, "POST", "insert"+at(name, phext.First.String()), "text", "Inserted 4 bytes")
	}
	if n := s.journalSyncs() - before; each != (n >= writes) {
		s.t.Errorf("%d writes had %d syncs", writes, n)
	}
}

// journalSyncs returns how often a journal was synced.
func (s *server) journalSyncs() int {
	s.t.Helper()
	f := s.scrape()["sq_journal_sync_duration_seconds"]
	if f == nil {
		s.t.Fatal("there is no such metric")
	}
	n, err := strconv.Atoi(f.samples["sq_journal_sync_duration_seconds_count"])
	if err != nil {
		s.t.Fatalf("%v: %v", f.samples, err)
	}
	return n
}

// TestDurabilityOfOneTenant: the flag is for a server with one tenant, too.
func TestDurabilityOfOneTenant(t *testing.T) {
	s := start(t, "--data-dir", t.TempDir(), "--durability", "relaxed")
	s.logs("Durability: relaxed")
	s.want("", "POST", "insert"+at("notes", phext.First.String()), "text", "Inserted 4 bytes")
	s.stop()
}
