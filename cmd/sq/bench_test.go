package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// benches runs sq bench against a server to its end.
func benches(t *testing.T, server *server, args ...string) *server {
	t.Helper()
	all := append([]string{"bench", "--server", "http://" + server.address, "--scrolls", "50", "--seconds", "0.2"}, args...)
	b := begin(t, map[string]string{"SQ_TOKEN": tokenOfAlice}, all...)
	b.ends()
	return b
}

func serveTwo(t *testing.T) *server {
	config, _ := twoTenants(t)
	return start(t, "--config", config)
}

// TestBench measures a server and leaves no scroll behind; what was there stays.
func TestBench(t *testing.T) {
	s := serveTwo(t)
	s.want(tokenOfAlice, "POST", "update"+at("notes", first), "mine", "Updated 4 bytes")
	b := benches(t, s, "--clients", "3", "--reads", "70")
	want := regexp.MustCompile(`^3 clients, \d+\.\d s; 50 scrolls of 1024 bytes\n\n +requests +a second +p50 ms +p90 ms +p99 ms +p99\.9 ms +max ms\nreads( +[\d.]+){7}\nwrites( +[\d.]+){7}\n$`)
	if b.status != exitOK || !want.MatchString(b.stdout.String()) || b.stderr.String() != "" {
		t.Errorf("exit status %d\n%s%s", b.status, b.stdout, b.stderr)
	}
	b = benches(t, s, "--json", "--new-connections", "--phext", "bench", "--size", "100")
	var got benchReport
	if err := json.Unmarshal([]byte(b.stdout.String()), &got); err != nil || b.status != exitOK {
		t.Fatalf("exit status %d, %v\n%s%s", b.status, err, b.stdout, b.stderr)
	}
	if got.Reads.Requests == 0 || got.Writes.Requests == 0 || got.Phext != "bench" || got.Clients != 16 || got.Size != 100 || len(got.Errors) != 0 {
		t.Errorf("%+v", got)
	}
	if l := got.Writes.Latency; l.P50 <= 0 || l.P50 > l.P90 || l.P90 > l.P99 || l.P99 > l.P999 || l.P999 > l.Max {
		t.Errorf("%+v", l)
	}
	s.want(tokenOfAlice, "GET", "toc?p=bench", "", "")
	s.want(tokenOfAlice, "GET", "select"+at("notes", first), "", "mine")
}

// TestBenchSpares: scrolls that are there are not overwritten, unless that is
// what was asked for.
func TestBenchSpares(t *testing.T) {
	s := serveTwo(t)
	s.want(tokenOfAlice, "POST", "update"+at("notes", first), "mine", "Updated 4 bytes")
	s.want(tokenOfAlice, "POST", "update"+at("notes", "1.1.1/1.1.1/2.1.1"), "more", "Updated 4 bytes")
	b := benches(t, s, "--phext", "notes")
	if b.status != exitFailure || !strings.Contains(b.stderr.String(), `the phext "notes" has 2 scrolls`) || b.stdout.String() != "" {
		t.Errorf("exit status %d\n%s%s", b.status, b.stdout, b.stderr)
	}
	s.want(tokenOfAlice, "GET", "select"+at("notes", first), "", "mine")
	if b := benches(t, s, "--phext", "notes", "--force"); b.status != exitOK {
		t.Errorf("exit status %d\n%s%s", b.status, b.stdout, b.stderr)
	}
	s.want(tokenOfAlice, "GET", "toc?p=notes", "", "* 1.1.1/1.1.1/2.1.1: more\n")
}

// TestBenchInterrupted: after a signal the figures so far are printed, and the
// scrolls are deleted.
func TestBenchInterrupted(t *testing.T) {
	s := serveTwo(t)
	b := begin(t, map[string]string{"SQ_TOKEN": tokenOfAlice, "SQ_SERVER": "http://" + s.address},
		"bench", "--scrolls", "50", "--seconds", "600", "--phext", "bench")
	// A scroll that is not as it was written first: the clients are at work.
	for !regexp.MustCompile(`^000000000 (0[1-9]|[1-9])`).MatchString(s.shows("select" + at("bench", first))) {
		select {
		case <-b.ended:
			t.Fatalf("exit status %d\n%s%s", b.status, b.stdout, b.stderr)
		default:
		}
	}
	b.signal(syscall.SIGINT)
	if b.ends() != exitFailure || !strings.Contains(b.stderr.String(), "sq: interrupted\n") || !strings.Contains(b.stdout.String(), "\nwrites ") {
		t.Errorf("exit status %d\n%s%s", b.status, b.stdout, b.stderr)
	}
	s.want(tokenOfAlice, "GET", "toc?p=bench", "", "")
}

// TestBenchInterruptedEarly: the scrolls that were written before there is
// anything to print are deleted, too.
func TestBenchInterruptedEarly(t *testing.T) {
	s := serveTwo(t)
	b := begin(t, map[string]string{"SQ_TOKEN": tokenOfAlice, "SQ_SERVER": "http://" + s.address}, "bench", "--scrolls", "3000", "--phext", "bench")
	for s.shows("select"+at("bench", first)) == "" {
		select {
		case <-b.ended:
			t.Fatalf("exit status %d\n%s%s", b.status, b.stdout, b.stderr)
		default:
		}
	}
	b.signal(syscall.SIGINT)
	if b.ends() != exitFailure || b.stderr.String() != "sq: interrupted\n" {
		t.Errorf("exit status %d\n%s%s", b.status, b.stdout, b.stderr)
	}
	s.want(tokenOfAlice, "GET", "toc?p=bench", "", "")
}

func (s *server) shows(what string) string {
	_, text := s.call(tokenOfAlice, "GET", what, "")
	return text
}

// TestBenchFails says what a person has to do, for each way in which no
// measurement comes about.
func TestBenchFails(t *testing.T) {
	readOnly := fmt.Sprintf(`{"tenants": {%q: {"name": "alice", "data_dir": "%s/alice", "read_only": true}}}`, tokenOfAlice, t.TempDir())
	another := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("hello")) }))
	defer another.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for name, test := range map[string]struct {
		server, token, wants string
	}{
		"nobody there": {"http://" + l.Addr().String(), tokenOfAlice, "sq: hint: does a server run there?"},
		"wrong token":  {"http://" + serveTwo(t).address, "guessed", "status 401: Unauthorized\nsq: hint: give the token of a tenant in SQ_TOKEN\n"},
		"reads only":   {"http://" + start(t, "--config", write(t, "one.json", readOnly)).address, tokenOfAlice, "read-only\nsq: hint: a token is needed that may write\n"},
		"no SQ":        {another.URL, tokenOfAlice, `answers what no SQ answers: "hello"`},
	} {
		b := begin(t, map[string]string{"SQ_TOKEN": test.token, "SQ_SERVER": test.server}, "bench", "--seconds", "0.1")
		if b.ends() != exitFailure || !strings.Contains(b.stderr.String(), test.wants) || strings.Count(b.stderr.String(), "\n") > 2 {
			t.Errorf("%s: exit status %d, want %q in\n%s", name, b.status, test.wants, b.stderr)
		}
	}
}

// TestBenchCountsErrors: requests that were refused are counted by their status,
// and the exit status tells.
func TestBenchCountsErrors(t *testing.T) {
	s := serveTwo(t)
	busy := &busy{behind: "http://" + s.address}
	front := httptest.NewServer(busy)
	defer front.Close()
	b := begin(t, map[string]string{"SQ_TOKEN": tokenOfAlice, "SQ_SERVER": front.URL}, "bench", "--scrolls", "20", "--seconds", "0.3", "--clients", "2")
	if b.ends() != exitFailure || !regexp.MustCompile(`\nstatus 503: \d+ times?\n`).MatchString(b.stdout.String()) || !strings.Contains(b.stderr.String(), "failed, such as: status 503: too busy") {
		t.Errorf("exit status %d\n%s%s", b.status, b.stdout, b.stderr)
	}
}

// busy is a proxy that refuses each second read.
type busy struct {
	behind string
	reads  atomic.Int64
}

func (p *busy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/select") && p.reads.Add(1)%2 == 0 {
		http.Error(w, "too busy", http.StatusServiceUnavailable)
		return
	}
	behind, err := url.Parse(p.behind)
	if err != nil {
		panic(err) // it is made of an address
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	proxy.Transport = &http.Transport{DisableKeepAlives: true} // none is left behind
	proxy.ServeHTTP(w, r)
}
