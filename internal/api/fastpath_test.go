package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
)

// notPlain is a header that makes a request net/http's that is plain otherwise.
const notPlain = "Pragma: none"

// TestPlain: what is plain, and what is not.
func TestPlain(t *testing.T) {
	const line, host, end = "GET /api/v2/select?p=a&c=1.1.1/1.1.1/1.1.1 HTTP/1.1\r\n", "Host: localhost:1337\r\n", "\r\n"
	const update = "POST /api/v2/update?p=a&c=1.1.1/1.1.1/1.1.1 HTTP/1.1\r\n"
	for text, want := range map[string]bool{
		line + host + end: true,
		line + host + "Authorization: Bearer x\r\naccept:*/*\r\nX-a:\r\n" + end: true,
		line + host + "Connection: keep-alive\r\n" + end:                        true,
		line + host + "Connection: Close\r\n" + end:                             true,
		update + host + "Content-Length: 5\r\n" + end + "héll":                  true,
		update + host + "Content-Length: 0\r\n" + end:                           true,
		update + host + end: true,
		"DELETE /api/v2/delete HTTP/1.1\r\nHost: [::1]:80\r\n" + end: true,

		"":                                                                           false,
		line + host:                                                                  false,
		line + end:                                                                   false,
		line + host + host + end:                                                     false,
		line + "Host: a b\r\n" + end:                                                 false,
		line + "Host: \r\n" + end:                                                    false,
		line + host + " folded: x\r\n" + end:                                         false,
		line + host + "A: b\r\n c\r\n" + end:                                         false,
		line + host + "A : b\r\n" + end:                                              false,
		line + host + "A\r\n" + end:                                                  false,
		line + host + ": b\r\n" + end:                                                false,
		line + host + "A: b\n" + end:                                                 false,
		line + host + "A: b\rc\r\n" + end:                                            false,
		line + host + "A: \x00\r\n" + end:                                            false,
		line + host + "A: \tb\r\n" + end:                                             false,
		line + host + "A: é\r\n" + end:                                               false,
		line + "Host: localhost\n\n":                                                 false,
		"\r\n" + line + host + end:                                                   false,
		"HEAD" + line[3:] + host + end:                                               false,
		"get" + line[3:] + host + end:                                                false,
		strings.Replace(line, "1.1\r", "1.0\r", 1) + host + end:                      false,
		strings.Replace(line, "select", "sel%65ct", 1) + host + end:                  false,
		strings.Replace(line, "select", "status", 1) + host + end:                    false,
		strings.Replace(line, "p=a", "p=a b", 1) + host + end:                        false,
		strings.Replace(line, "p=a", "p=é", 1) + host + end:                          false,
		strings.Replace(line, "/api", "http://localhost/api", 1) + host + end:        false,
		"GET /api/v2/select? HTTP/1.1\r\n" + host + end:                              false,
		update + host + "Content-Length: 5\r\n" + end + "hell":                       false,
		update + host + "Content-Length: +5\r\n" + end + "hello":                     false,
		update + host + "Content-Length: 5\r\nContent-Length: 5\r\n" + end + "hello": false,
		update + host + "Content-Length: 00005\r\n" + end + "hello":                  false,
		update + host + "Content-Length:\r\n" + end:                                  false,
		update + host + "Transfer-Encoding: chunked\r\n" + end + "0\r\n\r\n":         false,
		update + host + "Expect: 100-continue\r\n" + end:                             false,
		line + host + "Upgrade: h2c\r\n" + end:                                       false,
		line + host + "Connection: upgrade\r\n" + end:                                false,
		line + host + "Connection: close\r\nConnection: close\r\n" + end:             false,
		line + host + notPlain + "\r\n" + end:                                        false,
	} {
		var r fastRequest
		if n := r.read([]byte(text)); n > 0 != want {
			t.Errorf("%q: %d bytes are plain", text, n)
		} else if want {
			checkPlain(t, text, &r, n)
		}
	}
}

// checkPlain holds a plain request to what net/http and the framing read.
func checkPlain(t *testing.T, text string, r *fastRequest, n int) {
	t.Helper()
	in := bufio.NewReader(strings.NewReader(text[:n]))
	want, err := http.ReadRequest(in)
	if err != nil {
		t.Fatalf("%q: net/http: %v", text[:n], err)
	}
	wantBody, err := io.ReadAll(want.Body)
	gotBody, _ := io.ReadAll(r.Body)
	if err != nil || !bytes.Equal(wantBody, gotBody) || in.Buffered() > 0 {
		t.Errorf("%q: body %q, net/http has %q and leaves %d bytes, %v", text[:n], gotBody, wantBody, in.Buffered(), err)
	}
	type parts struct {
		Method, URI, Path, Query, Host string
		Header                         http.Header
		Length                         int64
		Close                          bool
	}
	got := parts{r.Method, r.RequestURI, r.url.Path, r.url.RawQuery, r.Host, r.Header, r.ContentLength, r.Close}
	if want := (parts{want.Method, want.RequestURI, want.URL.Path, want.URL.RawQuery, want.Host, want.Header, want.ContentLength, want.Close}); !reflect.DeepEqual(got, want) {
		t.Errorf("%q:\n%+v, net/http has\n%+v", text[:n], got, want)
	}
	if want.URL.RawPath != "" || want.URL.ForceQuery || want.URL.Host != "" || len(want.Trailer)+len(want.TransferEncoding) > 0 {
		t.Errorf("%q: net/http has also %+v", text[:n], want.URL)
	}
	var f framing
	if f.see([]byte(text[:n])); !f.atEnd() {
		t.Errorf("%q: the framing sees %+v", text[:n], f)
	}
}

// TestPlainAfterAnother: nothing of a request stays for the next.
func TestPlainAfterAnother(t *testing.T) {
	const line = "POST /api/v2/update?p=a HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
	var r fastRequest
	for _, text := range []string{
		line + "alice's\r\nContent-Length: 5\r\nIf-Match: *\r\n\r\nhello",
		line + "alice's\r\nContent-Length: 5\r\nIf-Match: *\r\n\r\nworld",
		line + "carol's\r\nContent-Length: 2\r\nIf-Match: *\r\n\r\nhi",
		line + "alice's\r\n\r\n",
		line + "alice's\r\nConnection: close\r\n\r\n",
		line + "alice's\r\nTransfer-Encoding: chunked\r\n\r\n",
		line + "alice's\r\nTransfer-Encoding: chunked\r\n\r\n",
		line + "alice's\r\n\r\n",
	} {
		if n := r.read([]byte(text)); n > 0 {
			checkPlain(t, text, &r, n)
		} else if !strings.Contains(text, "chunked") {
			t.Errorf("%q is not plain", text)
		}
	}
}

// FuzzPlain: what is plain net/http reads in the same way, whatever came before.
func FuzzPlain(f *testing.F) {
	for _, text := range conversations {
		f.Add(text, text)
	}
	f.Add("GET /api/v2/select?p=a HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n", "PUT /api/v2/update?p=b HTTP/1.1\r\nHost: a\r\nA: b\r\nContent-Length: 2\r\n\r\nhi")
	f.Fuzz(func(t *testing.T, first, second string) {
		var r fastRequest
		r.read([]byte(first))
		if n := r.read([]byte(second)); n > 0 {
			checkPlain(t, second, &r, n)
		}
	})
}

// TestFastPathAnswersTheSame: a reply does not tell which path a request took.
func TestFastPathAnswersTheSame(t *testing.T) { overBoth(t, answersTheSame) }

func answersTheSame(t *testing.T, newRig rigMaker) {
	big := strings.Repeat("big ", 50_000)
	r := newRig(t, twoTenants, Options{})
	r.send(post("/api/v2/update?p=notes"+at, big))
	const other = "&c=1.1.1/1.1.1/1.1.2"
	for _, q := range []struct {
		method, path, body string
		lines              []string
	}{
		{http.MethodGet, "select?p=notes" + at, "", nil},
		{http.MethodGet, "select?p=notes" + other, "", nil},
		{http.MethodGet, "select?p=notes&c=x", "", nil},
		{http.MethodGet, "select?p=notes&c=x", "", []string{"Accept: application/json"}},
		{http.MethodGet, "select?p=notes&c=%zz", "", nil},
		{http.MethodGet, "select", "", []string{"Origin: https://app.example"}},
		{http.MethodGet, "select?p=notes" + at, "", []string{"If-None-Match: *"}},
		{http.MethodGet, "select?p=notes" + at, "", []string{"SQ-Position: *"}},
		{http.MethodGet, "select?p=notes" + at, "", []string{"Authorization: nobody's"}},
		{http.MethodPost, "select?p=notes" + at, "text", nil},
		{http.MethodPost, "update?p=notes" + other, "text", nil},
		{http.MethodPut, "update?p=notes" + other, "text", []string{"If-None-Match: *"}},
		{http.MethodPost, "update?p=notes" + other, "\x17", nil},
		{http.MethodPost, "insert?p=notes" + other, "more", nil},
		{http.MethodPost, "insert?p=notes" + other, "more", []string{"Connection: close"}},
		{http.MethodGet, "insert?p=notes" + other + "&s=more", "", nil},
		{http.MethodDelete, "delete?p=notes&c=1.1.1/1.1.1/1.1.3", "", nil},
	} {
		var replies [2]string
		for i := range replies {
			lines := append(slices.Clone(q.lines), fmt.Sprintf("Content-Length: %d", len(q.body)))
			if i == 1 {
				lines = append(lines, notPlain)
			}
			_, in := r.dial(head(q.method, "/api/v2/"+q.path, lines...) + q.body)
			reply := r.response(in, q.method)
			text, err := io.ReadAll(reply.Body)
			if err != nil {
				t.Errorf("%v: %v", q, err)
			}
			for _, changing := range []string{"Date", "X-Request-Id"} {
				if reply.Header[changing] != nil {
					reply.Header[changing] = []string{"some"}
				}
			}
			replies[i] = fmt.Sprintf("%s %v %v %d %q", reply.Status, reply.Header, reply.Close, reply.ContentLength, text)
		}
		if replies[0] != replies[1] {
			t.Errorf("%s %s:\n%.1000s, and by net/http\n%.1000s", q.method, q.path, replies[0], replies[1])
		}
	}
}

// TestFastPathInTurn: plain requests and others in one piece are answered in turn,
// wherever the piece is cut.
func TestFastPathInTurn(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	plain := head(http.MethodPost, "/api/v2/insert?p=notes"+at, "Content-Length: 1") + "a"
	other := head(http.MethodPost, "/api/v2/insert?p=notes"+at, "Content-Length: 1", notPlain) + "b"
	chunked := head(http.MethodPost, "/api/v2/insert?p=notes"+at, "Transfer-Encoding: chunked") + "1\r\nc\r\n0\r\n\r\n"
	last := head(http.MethodGet, "/api/v2/select?p=notes"+at, "Connection: close")
	all := plain + plain + other + plain + chunked + plain + last
	for cut := 0; cut < len(all); cut += 7 {
		r.send(request{method: http.MethodDelete, path: "/api/v2/delete?p=notes" + at})
		c, in := r.dial(all[:cut])
		if cut >= len(plain) { // the server has seen the first piece
			r.response(in, http.MethodPost)
		}
		io.WriteString(c, all[cut:])
		text, err := io.ReadAll(in)
		if err != nil || !strings.HasSuffix(string(text), "\r\n\r\naabaca") {
			t.Fatalf("cut at %d: %v, %q", cut, err, text)
		}
	}
}

// TestBodyIsNoRequest: what looks like a plain request in a body is a body.
func TestBodyIsNoRequest(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	body := head(http.MethodPost, "/api/v2/insert?p=notes"+at, "Content-Length: 1") + "a"
	c, in := r.dial(head(http.MethodPost, "/api/v2/update?p=notes"+at, fmt.Sprintf("Content-Length: %d", len(body)), "Expect: 100-continue"))
	if reply := r.response(in, http.MethodPost); reply.StatusCode != http.StatusContinue {
		t.Fatal(reply.Status)
	}
	io.WriteString(c, body)
	if reply := r.response(in, http.MethodPost); reply.StatusCode != http.StatusOK {
		t.Fatal(reply.Status)
	}
	if _, text := r.send(get("/api/v2/select?p=notes" + at)); text != body {
		t.Errorf("written: %q", text)
	}
}

// TestEndOfFastPath: Shutdown closes a connection that waits behind a plain request, and a
// request that is at work is answered first, or ended when there is no more time.
func TestEndOfFastPath(t *testing.T) {
	plain, other := head(http.MethodGet, "/api/v2/select?p=notes"+at), head(http.MethodGet, "/api/v2/version")
	for what, before := range map[string]string{"after plain requests": plain + plain, "after another": other + plain} {
		for _, patient := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, patient %v", what, patient), func(t *testing.T) { endOfFastPath(t, before, patient) })
		}
	}
}

func endOfFastPath(t *testing.T, before string, patient bool) {
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
	open := func() (net.Conn, *bufio.Reader) {
		c, in := r.dial(before)
		for range 2 {
			io.Copy(io.Discard, r.response(in, http.MethodGet).Body)
		}
		return c, in
	}
	_, idle := open()
	working, busy := open()
	io.WriteString(working, head(http.MethodPost, "/api/v2/insert?p=notes"+at, "Content-Length: 5")+"hello")
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(ctx) }()
	if n, err := io.Copy(io.Discard, idle); n > 0 || err != nil {
		t.Errorf("the idle connection: %d bytes, %v", n, err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	select {
	case err := <-down:
		t.Errorf("Shutdown did not wait: %v", err)
		return
	default:
	}
	if !patient {
		cancel()
		if err := <-down; !errors.Is(err, context.Canceled) {
			t.Errorf("Shutdown: %v", err)
		}
		if _, err := busy.ReadByte(); err == nil {
			t.Error("the request at work was answered")
		}
		return // the store's call ends, or goleak tells
	}
	release <- struct{}{}
	reply := r.response(busy, http.MethodPost)
	if _, err := io.Copy(io.Discard, reply.Body); err != nil || reply.StatusCode != http.StatusOK || !reply.Close {
		t.Errorf("the request at work: %s, %v, closes %v", reply.Status, err, reply.Close)
	}
	if _, err := busy.ReadByte(); err != io.EOF {
		t.Errorf("behind the last reply: %v", err)
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
}

// TestHeadBehindFastPath: a head that begins behind plain requests has the time of
// a head, and not that of a connection that waits.
func TestHeadBehindFastPath(t *testing.T) { overBoth(t, headBehind) }

func headBehind(t *testing.T, newRig rigMaker) {
	r := newRig(t, twoTenants, Options{Limits: Limits{HeaderTimeout: 200 * time.Millisecond}})
	ask := head(http.MethodGet, "/api/v2/select?p=notes"+at)
	for what, first := range map[string]string{
		"plain":                 ask,
		"another, then plain":   head(http.MethodGet, "/api/v2/version") + ask,
		"plain, a part, a rest": ask[:9],
	} {
		c, in := r.dial(first)
		if len(first) < len(ask) {
			io.WriteString(c, ask[len(first):])
		}
		r.response(in, http.MethodGet)
		io.WriteString(c, "GET /api/v2/sel")
		c.SetReadDeadline(time.Now().Add(time.Minute)) // a connection that waits has three
		if _, err := io.ReadAll(in); err != nil {      // it ends
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// TestIdleBehindFastPath: who waits behind plain requests has the time of a
// connection that waits, and not that of its first head.
func TestIdleBehindFastPath(t *testing.T) {
	r := newRig(t, twoTenants, Options{Limits: Limits{HeaderTimeout: 100 * time.Millisecond}})
	ask := head(http.MethodGet, "/api/v2/select?p=notes"+at)
	c, in := r.dial(ask)
	r.response(in, http.MethodGet)
	slow, _ := r.dial("GET /api/v2/sel")
	if _, err := io.ReadAll(slow); err != nil { // as long as a head may take
		t.Error(err)
	}
	io.WriteString(c, ask)
	r.response(in, http.MethodGet)
}

// TestLinesBehindFastPath: empty lines behind a request are nothing, as they are to
// net/http behind a POST.
func TestLinesBehindFastPath(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	insert := head(http.MethodPost, "/api/v2/insert?p=notes"+at, "Content-Length: 1") + "a"
	c, in := r.dial(insert + "\r\n")
	io.Copy(io.Discard, r.response(in, http.MethodPost).Body)
	io.WriteString(c, "\r\n"+insert+"\r\n\n"+head(http.MethodGet, "/api/v2/select?p=notes"+at, notPlain, "Connection: close"))
	io.Copy(io.Discard, r.response(in, http.MethodPost).Body)
	if text, err := io.ReadAll(in); err != nil || !strings.HasSuffix(string(text), "\r\n\r\naa") {
		t.Errorf("%v, %q", err, text)
	}
}

// TestNoDeadlineBehindFastPath: TLS may write while it reads, and a deadline that has
// passed would end that.
func TestNoDeadlineBehindFastPath(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	_, in := r.dial(head(http.MethodGet, "/api/v2/select?p=notes"+at))
	r.response(in, http.MethodGet)
	r.settles(0)
	r.server.conns.mu.Lock()
	defer r.server.conns.mu.Unlock()
	for e := r.server.conns.all.Front(); e != nil; e = e.Next() {
		out := &e.Value.(*framedConn).out
		out.mu.Lock()
		if !out.wanted.IsZero() {
			t.Errorf("a write has until %v", out.wanted)
		}
		out.mu.Unlock()
	}
}

// TestHeldAtEnd: an answer that is held back is given when the server ends, on both
// paths.
func TestHeldAtEnd(t *testing.T) {
	for what, line := range map[string]string{"plain": "X-A: b", "not plain": notPlain} {
		r := newRig(t, twoTenants, Options{Limits: Limits{GuessDelay: time.Hour}})
		for range 16 {
			r.server.guesses.wrong(client(&http.Request{RemoteAddr: "127.0.0.1:1"}), time.Now())
		}
		c, in := r.dial(head(http.MethodGet, "/api/v2/select?p=notes"+at, line))
		r.response(in, http.MethodGet)
		io.WriteString(c, "GET /api/v2/select?p=notes"+at+" HTTP/1.1\r\nHost: x\r\nAuthorization: nobody's\r\n"+line+"\r\n\r\n")
		r.held(t)
		if err := r.server.Shutdown(t.Context()); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		reply, err := http.ReadResponse(in, nil)
		if err != nil || reply.StatusCode != http.StatusUnauthorized || !reply.Close {
			t.Errorf("%s: %v, %v", what, reply, err)
		}
	}
}

// held waits until an answer is held back.
func (r *rig) held(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for limit := time.After(30 * time.Second); ; {
		s, held := r.server.conns, false
		s.mu.Lock()
		for e := s.all.Front(); e != nil; e = e.Next() {
			held = held || e.Value.(*framedConn).gone != nil
		}
		s.mu.Unlock()
		if held {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("no answer is held back")
		}
	}
}

// writtenListener hands out connections whose writes are counted.
type writtenListener struct {
	net.Listener
	writes *atomic.Int64
}

type writtenConn struct {
	net.Conn
	writes *atomic.Int64
}

func (l writtenListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return writtenConn{c, l.writes}, err
}

func (c writtenConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}

// TestReplyBehindSlot: a plain request has given back its slot before its reply goes
// out, since the client's next one may need that.
func TestReplyBehindSlot(t *testing.T) {
	var writes atomic.Int64
	early := make(chan int64, 1)
	model := newModel()
	s := New(Options{
		Tenants: func() Tenants { return twoTenants }, Store: func(sq.Tenant) sq.Store { return model },
		Observe: func(string) func(Observation) { return func(Observation) { early <- writes.Load() } }, // behind the slot
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(writtenListener{l, &writes}) }()
	r := &rig{t: t, server: s, addr: l.Addr().String()}
	_, in := r.dial(head(http.MethodPost, "/api/v2/insert?p=notes"+at, "Content-Length: 5") + "hello")
	if reply := r.response(in, http.MethodPost); reply.StatusCode != http.StatusOK {
		t.Error(reply.Status)
	}
	if n := <-early; n != 0 {
		t.Errorf("%d writes before the slot was given back", n)
	}
	if err := errors.Join(s.Shutdown(t.Context()), <-served); err != nil {
		t.Error(err)
	}
}
