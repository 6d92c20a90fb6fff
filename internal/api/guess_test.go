package api

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wbic16/sq-go"
)

// TestGuesses: how long answers to wrong tokens wait, by address and time.
func TestGuesses(t *testing.T) {
	g := newGuesses(2 * time.Second)
	now := time.Now()
	wrong := func(address string, waits ...time.Duration) {
		t.Helper()
		for i, want := range waits {
			if got := g.wrong(netip.MustParseAddr(address), now); got != want {
				t.Errorf("%s: the answer %d waits for %v, want %v", address, i, got, want)
			}
		}
	}
	const ms = time.Millisecond
	free := make([]time.Duration, guessesFree)
	wrong("192.0.2.1", free...)
	wrong("192.0.2.1", 100*ms, 200*ms, 400*ms, 800*ms, 1600*ms, 2000*ms, 2000*ms)
	wrong("::ffff:192.0.2.1", 2000*ms) // the same one
	wrong("192.0.2.2", 0)              // another
	wrong("2001:db8::1", free...)
	wrong("2001:db8::ffff:1", 100*ms) // one that the same client may have
	wrong("2001:db8:0:1::1", 0)
	for range 1000 {
		g.wrong(netip.MustParseAddr("192.0.2.3"), now)
	}
	wrong("192.0.2.3", 2000*ms)
	now = now.Add(guessesFor)
	wrong("192.0.2.1", 2000*ms) // they are not forgotten yet
	wrong("192.0.2.2", 0)
	now = now.Add(guessesFor)
	wrong("2001:db8::1", 0) // now they are
	wrong("192.0.2.1", 0)
	now = now.Add(2 * guessesFor)
	wrong("192.0.2.1", free...)
	wrong("192.0.2.1", 100*ms)
}

// TestGuessesTakeLittleMemory: of more addresses than there is room for, those
// that come late count as one.
func TestGuessesTakeLittleMemory(t *testing.T) {
	g := newGuesses(time.Second)
	now := time.Now()
	var last time.Duration
	for i := range 20 * guessesKept {
		if i%(2*guessesKept) == 0 {
			now = now.Add(guessesFor)
		}
		last = g.wrong(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	if n := len(g.recent) + len(g.before); n > 2*(guessesKept+1) {
		t.Errorf("%d addresses are kept", n)
	}
	if last != time.Second {
		t.Errorf("the last of many waits for %v", last)
	}
}

// TestClient: whose address counts.
func TestClient(t *testing.T) {
	for _, c := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:80", nil, "192.0.2.1"},
		{"192.0.2.1:80", []string{"198.51.100.1"}, "192.0.2.1"}, // who says so is no proxy of ours
		{"127.0.0.1:80", nil, "127.0.0.1"},
		{"127.0.0.1:80", []string{"198.51.100.1"}, "198.51.100.1"},
		{"127.0.0.1:80", []string{"203.0.113.1, 198.51.100.1"}, "198.51.100.1"}, // the first one is what the client says
		{"127.0.0.1:80", []string{"203.0.113.1, 203.0.113.2, 198.51.100.1"}, "198.51.100.1"},
		{"[::1]:80", []string{"203.0.113.1", "203.0.113.2,2001:db8::1"}, "2001:db8::1"},
		{"[::ffff:127.0.0.1]:80", []string{"198.51.100.1"}, "198.51.100.1"},
		{"127.0.0.1:80", []string{"198.51.100.1, nonsense"}, "127.0.0.1"},
		{"127.0.0.1:80", []string{""}, "127.0.0.1"},
		{"nonsense", []string{"198.51.100.1"}, "invalid IP"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.forwarded}}
		if got := client(r).String(); got != c.want {
			t.Errorf("%s %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}

// TestWrongTokensWait, wherever they are shown; no other request from the same
// address does, and slots are free meanwhile.
func TestWrongTokensWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		who := people{names: []string{"alice"}, admin: "admin's"}
		s := New(Options{
			Tenants: func() Tenants { return who },
			Store:   func(sq.Tenant) sq.Store { return nil },
			Limits:  Limits{Requests: 1},
			Routes:  []Route{{Path: "/api/v2/admin/x", Name: "x", Right: Administration, Methods: map[string]Action{"GET": func(w http.ResponseWriter, _ *http.Request) error { return nil }}}},
		})
		ask := func(method, path, token string) (int, time.Duration) {
			r := httptest.NewRequest(method, path, nil)
			if token != "" {
				r.Header.Set("Authorization", token)
			}
			w := httptest.NewRecorder()
			began := time.Now()
			s.ServeHTTP(w, r)
			return w.Code, time.Since(began)
		}
		for range guessesFree {
			ask("GET", "/api/v2/version", "guessed")
		}
		for _, c := range []struct {
			method, path, token string
			status              int
			wait                time.Duration
		}{
			{"GET", "/api/v2/version", "guessed", 401, 100 * time.Millisecond},
			{"GET", "/api/v2/nothing", "guessed", 401, 200 * time.Millisecond},
			{"GET", "/api/v2/admin/x", "guessed", 401, 400 * time.Millisecond},
			{"POST", "/api/v2/reload", "guessed", 403, 800 * time.Millisecond},
			{"GET", "/api/v2/version", "alice's", 200, 0},
			{"GET", "/api/v2/admin/x", "admin's", 200, 0},
			{"GET", "/api/v2/admin/x", "alice's", 403, 0},
			{"POST", "/api/v2/reload", "alice's", 403, 0},
			{"POST", "/api/v2/reload", "", 403, 0},
			{"GET", "/api/v2/version", "", 401, 0},
			{"GET", "/nothing", "guessed", 404, 0},
			{"OPTIONS", "/api/v2/version", "guessed", 204, 0},
			{"GET", "/api/v2/version", "guessed", 401, 1600 * time.Millisecond},
		} {
			if status, wait := ask(c.method, c.path, c.token); status != c.status || wait != c.wait {
				t.Errorf("%s %s as %q: %d after %v, want %d after %v", c.method, c.path, c.token, status, wait, c.status, c.wait)
			}
		}
		waited := make(chan time.Duration)
		go func() {
			_, wait := ask("GET", "/api/v2/version", "guessed")
			waited <- wait
		}()
		synctest.Wait()
		if status, wait := ask("GET", "/api/v2/version", "alice's"); status != 200 || wait != 0 {
			t.Errorf("beside a stranger who waits: %d after %v", status, wait)
		}
		s.Shutdown(t.Context())
		if wait := <-waited; wait != 0 {
			t.Errorf("the end waits for a stranger, for %v", wait)
		}
	})
}

// TestStrangersWhoWaitKeepNobodyOut: a connection whose answer waits goes when
// another comes.
func TestStrangersWhoWaitKeepNobodyOut(t *testing.T) {
	const most = 4
	r := newRig(t, twoTenants, Options{Limits: Limits{Connections: most, GuessDelay: time.Hour}})
	r.server.guesses.recent[netip.MustParsePrefix("127.0.0.1/32")] = 1 << 30
	r.server.guesses.turned = time.Now()
	wrong := "GET /api/v2/version HTTP/1.1\r\nHost: x\r\nAuthorization: guessed\r\n\r\n"
	for range 3 * most {
		r.dial(wrong)
		r.settles(0)
	}
	for range 2 * most {
		if reply, text := r.send(get("/api/v2/version")); text != "0.5.5" {
			t.Fatalf("alice: %v %q", reply.Status, text)
		}
		r.client.CloseIdleConnections()
		r.dial(wrong)
	}
}

// BenchmarkGuess is what a wrong token costs beside its answer.
func BenchmarkGuess(b *testing.B) {
	g := newGuesses(time.Second)
	for i := range b.N {
		g.wrong(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), time.Now())
	}
}
