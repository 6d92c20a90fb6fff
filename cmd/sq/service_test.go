package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
)

func TestDataIsThereAfterARestart(t *testing.T) {
	config, dir := twoTenants(t)
	s := start(t, "--config", config)
	s.want(tokenOfAlice, "POST", "update"+at("notes", first), "to stay", "Updated 7 bytes")
	s.stop()
	if got := read(t, filepath.Join(dir, "alice", "notes.phext")); got != "to stay" {
		t.Errorf("the file holds %q", got)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "alice/.sq/journal/*")); len(left) > 0 {
		t.Errorf("the journal was not folded: %q", left)
	}
	s = start(t, "--config", config)
	s.want(tokenOfAlice, "GET", "select"+at("notes", first), "", "to stay")
	s.stop()
}

// TestDataIsThereAfterAKill: what was answered needs no orderly end.
func TestDataIsThereAfterAKill(t *testing.T) {
	config, _ := twoTenants(t)
	s := launch(t, nil, "--config", config)
	s.listens()
	s.want(tokenOfAlice, "POST", "update"+at("notes", first), "to stay", "Updated 7 bytes")
	s.signal(os.Kill)
	s.ends()
	s = start(t, "--config", config)
	s.want(tokenOfAlice, "GET", "select"+at("notes", first), "", "to stay")
	s.stop()
}

func TestSignalsOfTheSystem(t *testing.T) {
	for _, end := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		config, dir := twoTenants(t)
		s := launch(t, nil, "--config", config)
		s.listens()
		replace(t, config, `{"tenants": {"invented-new-token": {"name": "alice", "data_dir": "`+dir+`/alice"}}}`)
		s.signal(syscall.SIGHUP)
		s.await(s.stderr, regexp.MustCompile(`configuration reloaded" tenants=1`))
		s.want("invented-new-token", "GET", "version", "", "0.5.5")
		s.signal(end)
		if status := s.ends(); status != exitOK {
			t.Errorf("exit status %d after %v:\n%s", status, end, s.stderr)
		}
	}
}

func TestReload(t *testing.T) {
	config, dir := twoTenants(t)
	s := start(t, "--config", config)
	s.want(tokenOfBob, "GET", "version", "", "0.5.5")

	replace(t, config, `{"tenants": {"invented-new-token": {"name": "carol", "data_dir": "`+dir+`/carol"}}}`)
	s.signal(syscall.SIGHUP)
	s.await(s.stderr, regexp.MustCompile(`configuration reloaded" tenants=1`))
	s.want("invented-new-token", "GET", "version", "", "0.5.5")
	if status, _ := s.call(tokenOfBob, "GET", "version", ""); status != http.StatusUnauthorized {
		t.Errorf("the token that was removed gets %d", status)
	}

	replace(t, config, "{\n  \"tenant\": {}\n}")
	s.signal(syscall.SIGHUP)
	s.await(s.stderr, regexp.MustCompile(`configuration not reloaded.*two.json:2:3: `))
	s.want("invented-new-token", "GET", "version", "", "0.5.5")

	replace(t, config, twoTenantsIn(dir))
	s.want("", "POST", "reload", "", "Config reload triggered")
	s.want(tokenOfBob, "GET", "version", "", "0.5.5")
	s.stop()
}

// TestReloadOnChange: nobody has to say that the file is another one.
func TestReloadOnChange(t *testing.T) {
	dir := t.TempDir()
	entry := `: {"name": "alice", "data_dir": "` + dir + `/alice"}}, "reload_on_change": true}`
	config := write(t, "one.json", `{"tenants": {"invented-old-token"`+entry)
	s := start(t, "--config", config)
	replace(t, config, `{"tenants": {"invented-new-token"`+entry)
	s.await(s.stderr, regexp.MustCompile(`configuration reloaded`))
	s.want("invented-new-token", "GET", "version", "", "0.5.5")
	s.stop()
}

// TestRequestsUnderWayFinish when the end is asked for, and are answered.
func TestRequestsUnderWayFinish(t *testing.T) {
	dir := t.TempDir()
	s := start(t, "--data-dir", dir)
	c := s.startUpdate("half")
	s.signal(syscall.SIGTERM)
	s.await(s.stderr, regexp.MustCompile(`msg=ending`))
	io.WriteString(c, " and half")
	reply, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	if text, err := io.ReadAll(reply.Body); string(text) != "Updated 13 bytes" {
		t.Errorf("the reply is %q, %v", text, err)
	}
	if status := s.ends(); status != exitOK {
		t.Errorf("exit status %d", status)
	}
	if got := read(t, filepath.Join(dir, "notes.phext")); got != "half and half" {
		t.Errorf("the file holds %q", got)
	}
}

// TestSecondSignal leaves at once, and loses nothing that was answered.
func TestSecondSignal(t *testing.T) {
	dir := t.TempDir()
	s := launch(t, nil, "--data-dir", dir)
	s.listens()
	s.want("", "POST", "update"+at("other", first), "to stay", "Updated 7 bytes")
	s.startUpdate("half") // and no more: an orderly end would wait for it
	s.signal(syscall.SIGTERM)
	s.await(s.stderr, regexp.MustCompile(`msg=ending`))
	s.signal(syscall.SIGHUP)
	s.signal(syscall.SIGINT)
	if status := s.ends(); status != exitFailure {
		t.Errorf("exit status %d", status)
	}
	s.logs("sq: left at once after a second signal", "sq: hint: nothing that was answered is lost")

	s = start(t, "--data-dir", dir)
	s.want("", "GET", "select"+at("other", first), "", "to stay")
	s.want("", "GET", "select"+at("notes", first), "", "")
	s.stop()
}

// TestStandardOutputIsClosed: whoever started the server has gone.
func TestStandardOutputIsClosed(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	s := launch(t, w, "--data-dir", t.TempDir())
	w.Close()
	s.address = "127.0.0.1:" + s.await(s.stderr, regexp.MustCompile(`address=127.0.0.1:(\d+)`))[1]
	s.await(s.stderr, regexp.MustCompile(`standard output cannot be written; the server goes on`))
	s.want("", "GET", "version", "", "0.5.5")
	s.stop()
}

// startUpdate sends an update of 13 bytes as far as it is given, and returns
// when the server is waiting for the rest of it.
func (s *server) startUpdate(text string) net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "POST /api/v2/update%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 13\r\nExpect: 100-continue\r\n\r\n", at("notes", first))
	want := "HTTP/1.1 100 Continue\r\n\r\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		s.t.Fatalf("got %q, %v, want %q", got, err, want)
	}
	io.WriteString(c, text)
	return c
}

// replace puts another file in the place of one, as an editor does.
func replace(t testing.TB, path, text string) {
	t.Helper()
	if err := os.Rename(write(t, "next", text), path); err != nil {
		t.Fatal(err)
	}
}
