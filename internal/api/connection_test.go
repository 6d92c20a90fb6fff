package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// dial opens a connection and sends what is given.
func (r *rig) dial(text string) (net.Conn, *bufio.Reader) {
	r.t.Helper()
	c, err := r.connect()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		r.t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// response reads the head of a reply to a request with a method.
func (r *rig) response(in *bufio.Reader, method string) *http.Response {
	r.t.Helper()
	reply, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		r.t.Fatal(err)
	}
	return reply
}

func head(method, path string, lines ...string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: alice's\r\n" + strings.Join(append(lines, "\r\n"), "\r\n")
}

// TestExpect: who waits for leave to send a body gets it, unless the answer is
// there already.
func TestExpect(t *testing.T) {
	r := newRig(t, twoTenants, Options{Limits: Limits{BodyBytes: 100}})
	path := "/api/v2/insert?p=notes" + at
	c, in := r.dial(head(http.MethodPost, path, "Content-Length: 5", "Expect: 100-continue"))
	if reply := r.response(in, http.MethodPost); reply.StatusCode != http.StatusContinue {
		t.Fatalf("%v", reply.Status)
	}
	io.WriteString(c, "hello")
	if reply := r.response(in, http.MethodPost); reply.StatusCode != 200 {
		t.Fatalf("%v", reply.Status)
	}
	for what, text := range map[string]string{
		"413": head(http.MethodPost, path, "Content-Length: 101", "Expect: 100-continue"),
		"400": head(http.MethodPost, "/api/v2/insert?p=notes", "Content-Length: 5", "Expect: 100-continue"),
		"401": strings.Replace(head(http.MethodPost, path, "Content-Length: 5", "Expect: 100-continue"), "alice's", "nobody's", 1),
	} {
		_, in := r.dial(text)
		reply := r.response(in, http.MethodPost)
		if !strings.HasPrefix(reply.Status, what) || !reply.Close {
			t.Errorf("%v, want %s and the end", reply.Status, what)
		}
	}
}

// TestHeadHasNoBody: on the wire, where another reply follows.
func TestHeadHasNoBody(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	_, in := r.dial(head(http.MethodHead, "/api/v2/version") + head(http.MethodHead, "/api/v2/none") + head(http.MethodGet, "/api/v2/version"))
	for i, method := range []string{http.MethodHead, http.MethodHead, http.MethodGet} {
		reply := r.response(in, method)
		if text, err := io.ReadAll(reply.Body); err != nil || (string(text) == "0.5.5") != (i == 2) {
			t.Errorf("reply %d: %v %q %v", i, reply.Status, text, err)
		}
	}
}

// TestClosedHalf: a client that closes its side once it has asked gets its
// answer, and what it wrote is there.
func TestClosedHalf(t *testing.T) {
	store := waiting{newModel(), make(chan struct{}), make(chan struct{})}
	s := New(Options{Tenants: func() Tenants { return twoTenants }, Store: func(sq.Tenant) sq.Store { return store }})
	noticed := make(chan struct{})
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		context.AfterFunc(q.Context(), func() { close(noticed) })
		s.ServeHTTP(w, q)
	}))
	defer front.Close()
	r := &rig{t: t, addr: front.Listener.Addr().String()}
	c, in := r.dial(head(http.MethodPost, "/api/v2/insert?p=notes"+at, "Content-Length: 5") + "hello")
	<-store.entered
	c.(*net.TCPConn).CloseWrite()
	<-noticed
	close(store.release)
	reply := r.response(in, http.MethodPost)
	if text, _ := io.ReadAll(reply.Body); string(text) != "Inserted 5 bytes" {
		t.Errorf("%v %q", reply.Status, text)
	}
}

// sleepy is a store whose calls take longer than a client may stand still.
type sleepy struct {
	sq.Store
	d time.Duration
}

func (s sleepy) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	<-time.After(s.d)
	return s.Store.Snapshot(ctx, name)
}

func (s sleepy) Apply(ctx context.Context, name sq.PhextName, b sq.Batch) ([]sq.Result, error) {
	<-time.After(s.d)
	return s.Store.Apply(ctx, name, b)
}

// TestSlowStore: the limits are the client's; how long the store takes is not
// held against it.
func TestSlowStore(t *testing.T) {
	t.Parallel()
	const stall = 100 * time.Millisecond
	var r *rig
	r = newRig(t, twoTenants, Options{Limits: Limits{StallTimeout: stall}, Store: func(x sq.Tenant) sq.Store { return sleepy{r.store(x.Name), 3 * stall} }})
	_, in := r.dial(head(http.MethodPost, "/api/v2/insert?p=notes"+at, "Content-Length: 5") + "hello" +
		head(http.MethodGet, "/api/v2/select?p=notes"+at, "If-None-Match: *") + head(http.MethodGet, "/api/v2/get?p=notes"))
	for _, status := range []int{200, 304, 200} {
		reply := r.response(in, http.MethodGet)
		if io.Copy(io.Discard, reply.Body); reply.StatusCode != status {
			t.Errorf("%v, want %d", reply.Status, status)
		}
	}
}

// waiting is a store whose writes wait for leave, or for their context.
type waiting struct {
	sq.Store
	entered, release chan struct{}
}

func (s waiting) Apply(ctx context.Context, name sq.PhextName, b sq.Batch) ([]sq.Result, error) {
	s.entered <- struct{}{}
	select {
	case <-s.release:
		return s.Store.Apply(ctx, name, b)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestIdleConnections: they take no slot.
func TestIdleConnections(t *testing.T) {
	r := newRig(t, twoTenants, Options{Limits: Limits{Requests: 1}})
	for range 5 {
		_, in := r.dial(head(http.MethodGet, "/api/v2/version"))
		if reply := r.response(in, http.MethodGet); reply.StatusCode != 200 || reply.Close {
			t.Errorf("%v, closes %v", reply.Status, reply.Close)
		}
	}
}

// TestContextAfterBody: the deadline of a body does not outlive it, or the
// client would be held to have left while the store is still at work.
func TestContextAfterBody(t *testing.T) {
	const stall = 50 * time.Millisecond
	store := sleepy{newModel(), 3 * stall}
	s := New(Options{Tenants: func() Tenants { return twoTenants }, Store: func(sq.Tenant) sq.Store { return store }, Limits: Limits{StallTimeout: stall}})
	after := make(chan error, 1)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		s.ServeHTTP(w, q)
		after <- q.Context().Err()
	}))
	defer front.Close()
	r := &rig{t: t, addr: front.Listener.Addr().String()}
	r.dial(head(http.MethodPost, "/api/v2/insert?p=notes"+at, "Content-Length: 5") + "hello")
	if err := <-after; err != nil {
		t.Error(err)
	}
}

// big puts a scroll of 5 MiB there, which no socket takes at once.
func (r *rig) big() int64 {
	r.t.Helper()
	text := []byte(strings.Repeat("x", 5<<20))
	if _, err := r.store("alice").Apply(r.t.Context(), "big", sq.Batch{{Kind: sq.Put, Coordinate: phext.First, Text: text}}); err != nil {
		r.t.Fatal(err)
	}
	return int64(len(text))
}

// TestSlowReader: who takes little at a time, over many times the limit, gets it
// all.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	const stall = time.Second
	r := newRig(t, twoTenants, Options{Limits: Limits{StallTimeout: stall}})
	want := r.big()
	c, in := r.dial(head(http.MethodGet, "/api/v2/get?p=big"))
	c.(*net.TCPConn).SetReadBuffer(64 << 10) // what waits, waits on the server's side
	reply := r.response(in, http.MethodGet)
	tick := time.NewTicker(stall / 8)
	defer tick.Stop()
	got := int64(0)
	for got < want {
		n, err := io.CopyN(io.Discard, reply.Body, 64<<10)
		if got += n; err != nil && got < want {
			t.Fatalf("cut after %d of %d bytes: %v", got, want, err)
		}
		<-tick.C
	}
}

// letGo is a store that tells when a snapshot was let go.
type letGo struct {
	sq.Store
	closed chan struct{}
}

type letGoSnapshot struct {
	sq.Snapshot
	closed chan struct{}
}

func (s letGo) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	snap, err := s.Store.Snapshot(ctx, name)
	return letGoSnapshot{snap, s.closed}, err
}

func (s letGoSnapshot) Close() { s.closed <- struct{}{} }

// TestStoppedReader: who takes nothing any more, or went away, is let go, and
// that is no failure of ours.
func TestStoppedReader(t *testing.T) {
	t.Parallel()
	for _, leaves := range []bool{false, true} {
		t.Run(fmt.Sprintf("leaves %v", leaves), func(t *testing.T) {
			var r *rig
			closed := make(chan struct{}, 1)
			limits := Limits{}
			if !leaves {
				limits.StallTimeout = 100 * time.Millisecond
			}
			r = newRig(t, twoTenants, Options{Limits: limits, Store: func(x sq.Tenant) sq.Store { return letGo{r.store(x.Name), closed} }})
			r.big()
			c, in := r.dial(head(http.MethodGet, "/api/v2/get?p=big"))
			r.response(in, http.MethodGet)
			if leaves {
				c.Close()
			}
			<-closed
			if strings.Contains(r.log.String(), "request failed") {
				t.Errorf("held against the server: %s", r.log)
			}
		})
	}
}

// TestSlowBody: who sends little at a time is waited for.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	const stall = 500 * time.Millisecond
	r := newRig(t, twoTenants, Options{Limits: Limits{StallTimeout: stall}})
	c, in := r.dial(head(http.MethodPost, "/api/v2/insert?p=notes"+at, "Content-Length: 16"))
	tick := time.NewTicker(stall / 8)
	defer tick.Stop()
	for range 16 {
		<-tick.C
		io.WriteString(c, "x")
	}
	if reply := r.response(in, http.MethodPost); reply.StatusCode != 200 {
		t.Errorf("%v", reply.Status)
	}
}

// TestBodyOfGET: it is read and left alone, and the connection goes on.
func TestBodyOfGET(t *testing.T) {
	r := newRig(t, twoTenants, Options{Limits: Limits{BodyBytes: 100}})
	get := func(lines ...string) string {
		return head(http.MethodGet, "/api/v2/insert?p=notes"+at+"&s=query", lines...)
	}
	bad := func(lines ...string) string { return strings.Replace(get(lines...), "=query", "=body", 1) }
	for what, c := range map[string]struct {
		text string
		want string
	}{
		"one":          {get("Content-Length: 4") + "body", "[200]"},
		"two":          {get("Content-Length: 4") + "body" + get(), "[200 200]"},
		"chunked":      {get("Transfer-Encoding: chunked") + "4\r\nbody\r\n0\r\n\r\n" + get(), "[200 200]"},
		"a broken one": {bad("Transfer-Encoding: chunked") + "4\r\nbody\n0\r\n\r\n" + get(), "[400]"},
		"a cut one":    {bad("Transfer-Encoding: chunked") + "4\r\nbo", "[400]"},
		"a long one":   {get("Content-Length: 101") + strings.Repeat("x", 101) + get(), "[413]"},
	} {
		if got := fmt.Sprint(r.raw(c.text)); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
	_, text := r.send(request{path: "/api/v2/select?p=notes" + at})
	if strings.Contains(text, "body") || !strings.Contains(text, "query") {
		t.Errorf("written: %q", text)
	}
}

// TestShutdown: requests finish; when there is no more time, they are ended.
func TestShutdown(t *testing.T) {
	for _, patient := range []bool{true, false} {
		t.Run(fmt.Sprintf("patient %v", patient), func(t *testing.T) {
			entered, release := make(chan struct{}), make(chan struct{})
			store := waiting{newModel(), entered, release}
			s := New(Options{Tenants: func() Tenants { return twoTenants }, Store: func(sq.Tenant) sq.Store { return store }})
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 1)
			go func() { served <- s.Serve(l) }()
			r := &rig{t: t, server: s, addr: l.Addr().String()}
			_, in := r.dial(head(http.MethodPost, "/api/v2/insert?p=notes"+at, "Content-Length: 5") + "hello")
			<-entered
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			down := make(chan error, 1)
			go func() { down <- s.Shutdown(ctx) }()
			if err := <-served; err != nil {
				t.Error(err)
			}
			if !patient {
				cancel()
				if err := <-down; !errors.Is(err, context.Canceled) {
					t.Errorf("Shutdown: %v", err)
				}
				return // the store's call ends, or goleak tells
			}
			release <- struct{}{}
			if reply := r.response(in, http.MethodPost); reply.StatusCode != 200 {
				t.Errorf("%v", reply.Status)
			}
			if err := <-down; err != nil {
				t.Error(err)
			}
		})
	}
}
