package api

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
)

// TestConnections: where there is room for no more connections, the one that
// waits the longest for nothing goes when another comes, and one at work never
// does. So idle strangers keep nobody out.
func TestConnections(t *testing.T) { overBoth(t, fullHouse) }

func fullHouse(t *testing.T, newRig rigMaker) {
	const most = 8
	entered, release := make(chan struct{}), make(chan struct{})
	var r *rig
	r = newRig(t, twoTenants, Options{Limits: Limits{Connections: most}, Store: func(x sq.Tenant) sq.Store { return blocking{r.store(x.Name), entered, release} }})
	_, working := r.dial(head(http.MethodGet, "/api/v2/get?p=notes"))
	<-entered
	for range 5 * most {
		r.settles(1)
		_, in := r.dial("GET /api/v2/version HTTP/1.1\r\nHost: x\r\nAuthorization: guessed\r\n\r\n")
		if reply := r.response(in, http.MethodGet); reply.StatusCode != http.StatusUnauthorized || reply.Close {
			t.Fatalf("%v, closes %v", reply.Status, reply.Close)
		}
		if reply, text := r.send(get("/api/v2/version")); text != "0.5.5" {
			t.Fatalf("alice: %v %q", reply.Status, text)
		}
	}
	open := r.server.conns.count()
	if open > most {
		t.Errorf("%d connections are open, at most %d may be", open, most)
	}
	r.client.CloseIdleConnections()
	others := make([]io.Reader, most-1)
	for i := range others {
		r.settles(1 + i)
		_, others[i] = r.dial(head(http.MethodGet, "/api/v2/get?p=notes"))
		<-entered
	}
	refused, err := r.connect()
	if err == nil { // under TLS the handshake failed
		_, err = refused.Read(make([]byte, 1))
		refused.Close()
	}
	if err == nil {
		t.Errorf("all are at work, and another was let in")
	}
	close(release)
	r.settles(0)
	if reply := r.response(working, http.MethodGet); reply.StatusCode != http.StatusOK {
		t.Errorf("who was at work is answered %v", reply.Status)
	}
	if reply, text := r.send(get("/api/v2/version")); text != "0.5.5" {
		t.Errorf("%v %q", reply.Status, text)
	}
}

// count returns how many connections are open.
func (s *connections) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all.Len()
}

// settles waits until so many connections are at work: one that was answered is a
// moment longer.
func (r *rig) settles(working int) {
	r.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.After(30 * time.Second); ; {
		s := r.server.conns
		s.mu.Lock()
		now := 0
		for e := s.all.Front(); e != nil; e = e.Next() {
			if e.Value.(*framedConn).working.Load() {
				now++
			}
		}
		s.mu.Unlock()
		if now == working {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			r.t.Fatalf("%d connections are at work, want %d", now, working)
		}
	}
}
