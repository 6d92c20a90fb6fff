package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

const (
	tokenOfAlice = "invented-token-of-alice-1234"
	tokenOfBob   = "invented-token-of-bob-5678"
	first        = "1.1.1/1.1.1/1.1.1"
)

// twoTenants makes a configuration of alice and bob, and returns its path and
// the folder that their folders are in.
func twoTenants(t *testing.T) (config, dir string) {
	dir = t.TempDir()
	return write(t, "two.json", twoTenantsIn(dir)), dir
}

func twoTenantsIn(dir string) string {
	return fmt.Sprintf(`{"tenants": {
		%q: {"name": "bob", "data_dir": "%s/bob"},
		%q: {"name": "alice", "data_dir": "%s/alice"}
	}}`, tokenOfBob, dir, tokenOfAlice, dir)
}

func TestManyTenantsAreAnnounced(t *testing.T) {
	config, dir := twoTenants(t)
	s := start(t, "--config", config)
	want := fmt.Sprintf("SQ v0.5.5 - Multi-tenant mode\nLoaded 2 tenants from %s\n  - alice (%s/alice)\n  - bob (%s/bob)\nListening on port %s...\n",
		config, dir, dir, s.port())
	if got := s.stdout.String(); got != want {
		t.Errorf("standard output is\n%swant\n%s", got, want)
	}
	for _, log := range []string{"Durability: fsync", "did not exist and was made; a disk may not be mounted"} {
		if !strings.Contains(s.stderr.String(), log) {
			t.Errorf("the log lacks %q:\n%s", log, s.stderr)
		}
	}
	s.stop()
}

func TestOneTenantIsAnnounced(t *testing.T) {
	dir := t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		args        []string
		who, folder string
		address     string // as the log tells it
	}{
		{[]string{"--key", "invented", "--data-dir", dir}, "Auth enabled (pmb-v1 key required)", dir, "[::]"},
		{[]string{"--data-dir", dir}, "No key: listening on 127.0.0.1, for this machine alone", dir, "127.0.0.1"},
		{[]string{"--listen", "localhost", "--data-dir", "testdata/../" + dir}, "No key: listening on localhost, for everyone who can connect there", "testdata/../" + dir, "127.0.0.1"},
	} {
		if strings.HasPrefix(row.folder, "testdata") {
			row.folder, row.args[3] = filepath.Join(here, "testdata", "..", dir), filepath.Join(here, "testdata", "..", dir)
		}
		s := start(t, row.args...)
		want := fmt.Sprintf("%s\nTenant data directory: %s\nSQ v0.5.5 listening on port %s (max 512 concurrent connections)...\n", row.who, row.folder, s.port())
		if got := s.stdout.String(); got != want {
			t.Errorf("%q prints\n%swant\n%s", row.args, got, want)
		}
		if log := s.stderr.String(); !strings.Contains(log, "address="+row.address+":"+s.port()) {
			t.Errorf("%q does not listen on %s:\n%s", row.args, row.address, log)
		}
		s.stop()
	}
}
