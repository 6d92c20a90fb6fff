package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestManyTenantsAreAnnounced(t *testing.T) {
	config, dir := twoTenants(t)
	s := start(t, "--config", config)
	want := fmt.Sprintf("SQ v0.5.5 - Multi-tenant mode\nLoaded 2 tenants from %s\n  - alice (%s/alice)\n  - bob (%s/bob)\nListening on port %s...\n",
		config, dir, dir, s.port())
	if got := s.stdout.String(); got != want {
		t.Errorf("standard output is\n%swant\n%s", got, want)
	}
	s.logs("Durability: fsync", "address=[::]:"+s.port(), "did not exist and were made; a disk may not be mounted")
	s.stop()
}

func TestOneTenantIsAnnounced(t *testing.T) {
	dir := t.TempDir()
	for _, row := range []struct {
		args         []string
		who, address string
	}{
		{[]string{"--key", "invented"}, "Auth enabled (pmb-v1 key required)", "[::]"},
		{[]string{"--key", "invented", "--listen", "127.0.0.1"}, "Auth enabled (pmb-v1 key required)", "127.0.0.1"},
		{nil, "No key: listening on 127.0.0.1, for this machine alone", "127.0.0.1"},
		{[]string{"--listen", "0.0.0.0"}, "No key: listening on 0.0.0.0, for everyone who can connect there", "0.0.0.0"},
	} {
		s := start(t, append(row.args, "--data-dir", dir)...)
		want := fmt.Sprintf("%s\nTenant data directory: %s\nSQ v0.5.5 listening on port %s (max 512 concurrent connections)...\n", row.who, dir, s.port())
		if got := s.stdout.String(); got != want {
			t.Errorf("%q prints\n%swant\n%s", row.args, got, want)
		}
		// Where there is one IP version only, every interface is 0.0.0.0 or [::].
		if log := s.stderr.String(); !strings.Contains(log, "address="+row.address+":"+s.port()) && row.address != "[::]" && row.address != "0.0.0.0" {
			t.Errorf("%q does not listen on %s:\n%s", row.args, row.address, log)
		}
		s.stop()
	}
}

func TestEnvironmentStandsIn(t *testing.T) {
	dir := t.TempDir()
	s := begin(t, map[string]string{"SQ_PORT": "0", "SQ_KEY": tokenOfAlice, "SQ_DATA_DIR": dir}, "host")
	s.listens()
	s.want(tokenOfAlice, "POST", "update"+at("notes", first), "kept", "Updated 4 bytes")
	if status, _ := s.call("", "GET", "version", ""); status != 401 {
		t.Errorf("without the key: %d, want 401", status)
	}
	s.stop()
	if got := read(t, filepath.Join(dir, "notes.phext")); got != "kept" {
		t.Errorf("SQ_DATA_DIR holds %q", got)
	}
}

// TestFlagsWin over the environment, which is not even looked at.
func TestFlagsWin(t *testing.T) {
	dir := t.TempDir()
	environment := map[string]string{"SQ_PORT": "nonsense", "SQ_KEY": "", "SQ_DATA_DIR": ""}
	s := begin(t, environment, "host", "0", "--key", tokenOfAlice, "--data-dir", dir)
	s.listens()
	s.want(tokenOfAlice, "GET", "version", "", "0.5.5")
	s.stop()
}

func TestCurrentFolderIsTheDefault(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	s := start(t)
	if want := "Tenant data directory: " + here + "\n"; !strings.Contains(s.stdout.String(), want) {
		t.Errorf("prints\n%swithout %q", s.stdout, want)
	}
	s.want("", "POST", "update"+at("notes", first), "kept", "Updated 4 bytes")
	s.stop()
	if got := read(t, filepath.Join(dir, "notes.phext")); got != "kept" {
		t.Errorf("the current folder holds %q", got)
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	dir := filepath.Join(t.TempDir(), "new")
	s := begin(t, nil, "host", port, "--data-dir", dir)
	if status := s.ends(); status != exitFailure {
		t.Errorf("exit status %d", status)
	}
	s.logs("sq: port "+port+" is in use: ", "sq: hint: stop the program that listens there, or take another port")
	if _, err := os.Stat(dir); err == nil {
		t.Error("the data directory was made although nothing was served")
	}
}

// TestSecondServer on a directory ends with an error: there is one journal.
func TestSecondServer(t *testing.T) {
	dir := t.TempDir()
	start(t, "--data-dir", dir)
	s := begin(t, nil, "host", "0", "--data-dir", dir)
	if status := s.ends(); status != exitFailure {
		t.Errorf("exit status %d", status)
	}
	s.logs("sq: the data directory is served by another program")
}

// TestTenantsNeverMeet: same name, same coordinate, and each reads its own.
func TestTenantsNeverMeet(t *testing.T) {
	config, _ := twoTenants(t)
	s := start(t, "--config", config)
	s.want(tokenOfAlice, "POST", "update"+at("notes", first), "of alice", "Updated 8 bytes")
	s.want(tokenOfBob, "POST", "update"+at("notes", first), "of bob", "Updated 6 bytes")
	s.want(tokenOfAlice, "GET", "select"+at("notes", first), "", "of alice")
	s.want(tokenOfBob, "GET", "select"+at("notes", first), "", "of bob")
	s.want(tokenOfBob, "GET", "version", "", "0.5.5")
	for _, row := range []struct {
		token, what string
		status      int
		reply       string
	}{
		{"", "version", 401, "Unauthorized"},
		{"invented-token-of-nobody", "version", 401, "Unauthorized"},
		{tokenOfBob, "select" + at("../alice/notes", first), 403, "Forbidden: Invalid phext path"},
		{tokenOfBob, "select" + at("../../etc/passwd", first), 403, "Forbidden: Invalid phext path"},
	} {
		status, reply := s.call(row.token, "GET", row.what, "")
		if status != row.status || strings.TrimSpace(reply) != row.reply {
			t.Errorf("%s: %d %q, want %d %q", row.what, status, reply, row.status, row.reply)
		}
	}
	s.stop()
}

// TestFoundingTenants: 500 tenants from one generated file.
func TestFoundingTenants(t *testing.T) {
	const count = 500
	dir := t.TempDir()
	var entries []string
	for i := range count {
		entries = append(entries, fmt.Sprintf(`%q: {"name": "founding-%03d", "data_dir": "%s/founding-%03d"}`, foundingToken(i+1), i+1, dir, i+1))
	}
	s := start(t, "--config", write(t, "founding.json", `{"tenants": {`+strings.Join(entries, ",\n")+`}}`))
	if out := s.stdout.String(); !strings.Contains(out, "Loaded 500 tenants from ") {
		t.Errorf("prints\n%s", out)
	}
	for _, i := range []int{1, 2, count} {
		text := fmt.Sprint("of tenant ", i)
		s.want(foundingToken(i), "POST", "update"+at("notes", first), text, fmt.Sprintf("Updated %d bytes", len(text)))
	}
	s.want(foundingToken(1), "GET", "select"+at("notes", first), "", "of tenant 1")
	s.stop()
	if got := read(t, filepath.Join(dir, "founding-500", "notes.phext")); got != "of tenant 500" {
		t.Errorf("the file of the last tenant holds %q", got)
	}
}

func foundingToken(i int) string { return fmt.Sprintf("pmb-v1-%03d-invented%016d", i, i) }

// TestNothingSecretIsLogged at the level that logs most.
func TestNothingSecretIsLogged(t *testing.T) {
	const text, wrong = "a scroll that nobody else may read", "invented-but-wrong-token"
	config, _ := twoTenants(t)
	for _, format := range []string{"text", "json"} {
		s := start(t, "--config", config, "--log-level", "debug", "--log-format", format)
		s.want(tokenOfAlice, "POST", "insert"+at("private-"+format, first), text, "Inserted 34 bytes")
		s.want(tokenOfAlice, "GET", "select"+at("private-"+format, first), "", text)
		s.call(tokenOfAlice, "GET", "update"+at("private", first)+"&s=a+scroll+that+nobody", "")
		s.call(wrong, "GET", "version", "")
		s.call(tokenOfAlice, "GET", "select?p="+tokenOfBob+"/..&c=nowhere", "")
		s.stop()
		log := s.stdout.String() + s.stderr.String()
		if !strings.Contains(log, "request") {
			t.Errorf("nothing was logged at debug level:\n%s", log)
		}
		for _, secret := range []string{tokenOfAlice, tokenOfBob, wrong, "a scroll that", "a+scroll"} {
			if strings.Contains(log, secret) {
				t.Errorf("%q was logged:\n%s", secret, log)
			}
		}
	}
}
