package api

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
)

// drained serves a store on a listener whose connections tell what is left, where they
// can.
func drained(t *testing.T, store sq.Store, limits Limits) *rig {
	t.Helper()
	s := New(Options{Tenants: func() Tenants { return twoTenants }, Store: func(sq.Tenant) sq.Store { return store }, Limits: limits})
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Shutdown(context.Background()), <-served); err != nil {
			t.Error(err)
		}
	})
	return &rig{t: t, server: s, addr: l.Addr().String()}
}

// answered dials, and has a plain request answered.
func answered(r *rig) (*net.TCPConn, *bufio.Reader) {
	r.t.Helper()
	c, in := r.dial(head(http.MethodGet, "/api/v2/select?p=notes"+at))
	io.Copy(io.Discard, r.response(in, http.MethodGet).Body)
	c.SetDeadline(time.Now().Add(time.Minute))
	return c.(*net.TCPConn), in
}

// TestWhatCameBesideRequest: what came while a plain request was answered is seen behind
// it, be it requests, a part of one, the end, or all of them.
func TestWhatCameBesideRequest(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	r := drained(t, waiting{newModel(), entered, release}, Limits{IdleTimeout: time.Hour})
	ask := head(http.MethodGet, "/api/v2/select?p=notes"+at)
	version := head(http.MethodGet, "/api/v2/version")
	for name, row := range map[string]struct {
		text    string
		replies int
	}{
		"nothing":               {"", 0},
		"a request":             {ask, 1},
		"more than is read":     {strings.Repeat(ask, 200), 200},
		"another kind":          {ask + version, 2},
		"a part":                {ask + ask[:20], 1},
		"a part of another":     {ask + version[:20], 1},
		"empty lines":           {ask + "\r\n\r\n", 1},
		"a whole and its lines": {ask + "\r\n\r\n" + ask, 2},
	} {
		for _, ends := range []bool{true, false} {
			c, in := answered(r)
			io.WriteString(c, head(http.MethodPost, "/api/v2/update?p=notes"+at, "Content-Length: 5")+"hello")
			<-entered
			io.WriteString(c, row.text)
			if ends {
				c.CloseWrite()
			}
			release <- struct{}{}
			method := http.MethodPost
			for n := range 1 + row.replies {
				if reply := r.response(in, method); reply.StatusCode != http.StatusOK {
					t.Errorf("%s: reply %d: %s", name, n, reply.Status)
				} else if _, err := io.Copy(io.Discard, reply.Body); err != nil {
					t.Errorf("%s: reply %d: %v", name, n, err)
				}
				method = http.MethodGet
			}
			if ends {
				if rest, err := io.ReadAll(in); err != nil || len(rest) > 0 && !strings.HasPrefix(string(rest), "HTTP/1.1 400") {
					t.Errorf("%s: behind the replies: %v, %q", name, err, rest)
				}
			}
			c.Close()
		}
	}
}

// TestIsClosed: a connection is closed, and not only left, when its client leaves or has to
// go because another comes.
func TestIsClosed(t *testing.T) {
	r := drained(t, newModel(), Limits{Connections: 1})
	newest := func() *framedConn {
		r.server.conns.mu.Lock()
		defer r.server.conns.mu.Unlock()
		return r.server.conns.all.Back().Value.(*framedConn)
	}
	_, in := answered(r)
	first := newest()
	client, _ := answered(r)
	second := newest()
	if n, err := io.Copy(io.Discard, in); n > 0 || err != nil {
		t.Errorf("who had to go: %d bytes, %v", n, err)
	}
	isClosed(t, first)
	client.Close()
	isClosed(t, second)
}

// isClosed waits until a connection is closed.
func isClosed(t *testing.T, c *framedConn) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.After(30 * time.Second); !errors.Is(c.underneath().SetWriteDeadline(time.Time{}), net.ErrClosed); {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("the connection is open")
		}
	}
}

// TestDeadlineBesideRequest: a deadline that passes while a request is at work does not
// end its connection.
func TestDeadlineBesideRequest(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	r := drained(t, waiting{newModel(), entered, release}, Limits{})
	c, in := answered(r)
	io.WriteString(c, head(http.MethodPost, "/api/v2/update?p=notes"+at, "Content-Length: 5")+"hello")
	<-entered
	r.server.conns.mu.Lock()
	framed := r.server.conns.all.Front().Value.(*framedConn)
	r.server.conns.mu.Unlock()
	framed.SetReadDeadline(time.Now().Add(-time.Second))
	release <- struct{}{}
	if reply := r.response(in, http.MethodPost); reply.StatusCode != http.StatusOK {
		t.Error(reply.Status)
	} else {
		io.Copy(io.Discard, reply.Body)
	}
	io.WriteString(c, head(http.MethodGet, "/api/v2/select?p=notes"+at))
	if reply := r.response(in, http.MethodGet); reply.StatusCode != http.StatusOK {
		t.Error(reply.Status)
	}
}
