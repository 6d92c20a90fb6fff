package main

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// check asks one of the health checks, as who knows no token does.
func (s *server) check(method, path string) (int, http.Header, string) {
	s.t.Helper()
	req, err := http.NewRequest(method, "http://"+s.address+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	reply, err := s.client.Do(req)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, s.stderr)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply.StatusCode, reply.Header, string(text)
}

// healthy holds the checks to what they must answer.
func (s *server) healthy(livez, readyz int) {
	s.t.Helper()
	for path, want := range map[string]int{"/livez": livez, "/readyz": readyz, "/healthz": readyz} {
		text := map[int]string{200: "ok\n", 503: "draining\n"}[want]
		if status, _, got := s.check("GET", path); status != want || got != text {
			s.t.Errorf("%s: %d %q, want %d %q", path, status, got, want, text)
		}
	}
}

// TestDrain: at SIGTERM a real server says that it wants no new work, and goes on
// to do what comes, for as long as it was told; another signal cuts that short.
func TestDrain(t *testing.T) {
	config, _ := twoTenants(t)
	for _, row := range []struct {
		delay  string
		signal os.Signal // to end the delay with
		status int
	}{{"1h", syscall.SIGTERM, exitFailure}, {"1s", nil, exitOK}} {
		s := launch(t, nil, "--config", config, "--drain-delay", row.delay)
		s.listens()
		s.healthy(200, 200)
		s.signal(syscall.SIGTERM)
		s.await(s.stderr, regexp.MustCompile(`msg="draining: .* for=`))
		if row.signal != nil { // otherwise the end may come at any moment
			s.healthy(200, 503)
			s.want(tokenOfAlice, "POST", "update"+at("notes", first), "late", "Updated 4 bytes")
			s.signal(row.signal)
		}
		s.client.CloseIdleConnections()
		if status := s.ends(); status != row.status {
			t.Errorf("exit status %d after %s, want %d:\n%s", status, row.delay, row.status, s.stderr)
		}
	}
}

// TestHealthTellsNothing: the checks answer whoever asks with the same few bytes,
// and leave no line in the log, an access log included.
func TestHealthTellsNothing(t *testing.T) {
	config, _ := twoTenants(t)
	s := start(t, "--config", config, "--access-log")
	for _, path := range []string{"/livez", "/readyz", "/healthz"} {
		status, header, _ := s.check("HEAD", path)
		if status != 200 || header.Get("Cache-Control") != "no-store" || header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("HEAD %s: %d %v", path, status, header)
		}
		for name := range header {
			switch name {
			case "Date", "Content-Type", "Content-Length", "Cache-Control", "X-Content-Type-Options", "Access-Control-Allow-Origin":
			default:
				t.Errorf("HEAD %s tells %s: %q", path, name, header[name])
			}
		}
		if status, header, _ := s.check("POST", path); status != 405 || header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s: %d %q", path, status, header.Get("Allow"))
		}
	}
	s.healthy(200, 200)
	s.stop()
	for _, path := range []string{"livez", "readyz", "healthz"} {
		if strings.Contains(s.stderr.String(), path) {
			t.Errorf("%s is in the log:\n%s", path, s.stderr)
		}
	}
}
