package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/wbic16/sq-go"
)

// wire is the server's end of a connection in memory, each direction of which
// can be closed by itself.
type wire struct{ in, out net.Conn }

// newWire returns the server's end and what the client writes to and reads from.
func newWire() (server wire, to, from net.Conn) {
	to, in := net.Pipe()
	out, from := net.Pipe()
	return wire{in, out}, to, from
}

func (w wire) Read(p []byte) (int, error)         { return w.in.Read(p) }
func (w wire) Write(p []byte) (int, error)        { return w.out.Write(p) }
func (w wire) CloseWrite() error                  { return w.out.Close() }
func (w wire) SetReadDeadline(t time.Time) error  { return w.in.SetReadDeadline(t) }
func (w wire) SetWriteDeadline(t time.Time) error { return w.out.SetWriteDeadline(t) }
func (w wire) LocalAddr() net.Addr                { return w.in.LocalAddr() }
func (w wire) RemoteAddr() net.Addr               { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9} }

func (w wire) SetDeadline(t time.Time) error {
	return errors.Join(w.SetReadDeadline(t), w.SetWriteDeadline(t))
}

func (w wire) Close() error { return errors.Join(w.in.Close(), w.out.Close()) }

// exchange is a listener for connections in memory.
type exchange struct {
	waiting chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func (l *exchange) Accept() (net.Conn, error) {
	select {
	case c := <-l.waiting:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *exchange) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *exchange) Addr() net.Addr { return wire{}.RemoteAddr() }

// talk sends a text in two pieces, then nothing more, and returns all that comes
// back.
func (l *exchange) talk(text string, cut int) string {
	server, to, from := newWire()
	l.waiting <- server
	var sending sync.WaitGroup
	sending.Go(func() {
		io.WriteString(to, text[:cut]) // the server may have stopped listening
		io.WriteString(to, text[cut:])
		to.Close()
	})
	replies, _ := io.ReadAll(from)
	to.Close()
	sending.Wait()
	from.Close()
	return string(replies)
}

// counted is a store that counts what is done to it.
type counted struct {
	sq.Store
	applied, forbidden *atomic.Int64
	readOnly           bool
}

func (s counted) Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) ([]sq.Result, error) {
	if s.readOnly {
		s.forbidden.Add(1)
	}
	results, err := s.Store.Apply(ctx, name, batch)
	if err == nil {
		s.applied.Add(1)
	}
	return results, err
}

// conversation is what a client said and what came back.
type conversation struct {
	t        *testing.T
	text     string
	requests []*http.Request // as net/http reads them, as long as it can
	replies  []*http.Response
	bodies   []string
}

// readRequests reads what is well framed.
func (c *conversation) readRequests() {
	in := bufio.NewReader(strings.NewReader(c.text))
	for {
		r, err := http.ReadRequest(in)
		if err == nil {
			_, err = io.Copy(io.Discard, r.Body)
		}
		if err != nil {
			return
		}
		c.requests = append(c.requests, r)
		if r.Method == http.MethodPost { // old clients send an empty line behind the body
			lines, _ := in.Peek(4)
			in.Discard(len(lines) - len(bytes.TrimLeft(lines, "\r\n")))
		}
	}
}

// readReplies reads what came back, which must be replies to the last byte.
func (c *conversation) readReplies(all string) {
	in := bufio.NewReader(strings.NewReader(all))
	for {
		if _, err := in.Peek(1); err == io.EOF {
			return
		}
		method := http.MethodGet
		if n := len(c.replies); n < len(c.requests) {
			method = c.requests[n].Method
		}
		reply, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			c.t.Fatalf("%q: reply %d in %q: %v", c.text, len(c.replies), all, err)
		}
		if reply.StatusCode == http.StatusContinue {
			continue
		}
		text := reply.Body
		if reply.Header.Get("X-Content-Type-Options") == "" {
			text = io.NopCloser(in) // net/http refuses HEAD with a body too, and closes
		}
		body, err := io.ReadAll(text)
		if err != nil {
			c.t.Fatalf("%q: reply %d in %q: %v", c.text, len(c.replies), all, err)
		}
		c.replies, c.bodies = append(c.replies, reply), append(c.bodies, string(body))
	}
}

// check holds the replies to what every client may count on, and returns how
// many say that something was written.
func (c *conversation) check() (written int64) {
	if len(c.replies) > len(c.requests)+1 {
		c.t.Fatalf("%q: %d replies to %d requests", c.text, len(c.replies), len(c.requests))
	}
	if len(c.requests) > 0 && len(c.replies) == 0 {
		c.t.Fatalf("%q: no reply", c.text)
	}
	for i, reply := range c.replies {
		if reply.Header.Get("X-Content-Type-Options") == "" {
			c.checkUnserved(i)
			continue
		}
		c.checkServed(i)
		if reply.StatusCode == http.StatusOK && reply.Header.Get("Cache-Control") == "no-store" && !strings.HasPrefix(c.bodies[i], "Config") {
			if written++; c.requests[i].Method == http.MethodHead {
				c.t.Fatalf("%q: a HEAD wrote", c.text)
			}
		}
	}
	return written
}

// checkUnserved checks a refusal of net/http, which never asked us: it is the
// last one.
func (c *conversation) checkUnserved(i int) {
	reply := c.replies[i]
	kind := reply.Header.Get("Content-Type")
	if i+1 < len(c.replies) || !reply.Close || reply.StatusCode < 400 || reply.StatusCode == 500 || c.bodies[i] != "" && kind != plainText[0] {
		c.t.Fatalf("%q: reply %d of %d is %v %v %q", c.text, i, len(c.replies), reply.Status, reply.Header, c.bodies[i])
	}
}

func (c *conversation) checkServed(i int) {
	reply, body := c.replies[i], c.bodies[i]
	wrong := func(what string) {
		c.t.Helper()
		c.t.Fatalf("%q: reply %d, %v %v %q: %s", c.text, i, reply.Status, reply.Header, body, what)
	}
	if i >= len(c.requests) && reply.StatusCode < 400 {
		wrong("there is no such request")
	}
	if reply.Header.Get("X-Content-Type-Options") != "nosniff" || reply.Header.Get("Access-Control-Allow-Origin") != "*" {
		wrong("headers")
	}
	switch kind := reply.Header.Get("Content-Type"); {
	case reply.StatusCode == http.StatusNoContent || reply.StatusCode == http.StatusNotModified:
	case kind != plainText[0] && kind != jsonText[0] && kind != problemText[0]:
		wrong("content type")
	case reply.StatusCode >= 400 && kind == plainText[0] && strings.ContainsFunc(body, unicode.IsControl):
		wrong("more than a line")
	}
	if reply.StatusCode >= 500 || !utf8.ValidString(body) {
		wrong("the server failed")
	}
}

// FuzzConnection sends any bytes to a server. It answers each request that is
// well framed at most once, in our form, and nothing else; what it refuses
// changes nothing, and a stranger's request reaches no store.
func FuzzConnection(f *testing.F) {
	for _, text := range conversations {
		f.Add(text, len(text)/2)
	}
	var applied, forbidden, asked atomic.Int64
	var model atomic.Pointer[sq.Store]
	s := New(Options{Tenants: func() Tenants { return twoTenants }, Limits: Limits{BodyBytes: 1000}, Store: func(tenant sq.Tenant) sq.Store {
		asked.Add(1)
		return counted{*model.Load(), &applied, &forbidden, tenant.ReadOnly}
	}})
	l := &exchange{waiting: make(chan net.Conn), closed: make(chan struct{})}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	f.Cleanup(func() {
		if err := errors.Join(s.Shutdown(context.Background()), <-served); err != nil {
			f.Error(err)
		}
	})
	f.Fuzz(func(t *testing.T, text string, cut int) {
		fresh := newModel()
		model.Store(&fresh)
		before, asks := applied.Load(), asked.Load()
		c := &conversation{t: t, text: text}
		c.readRequests()
		c.readReplies(l.talk(text, max(0, min(cut, len(text)))))
		written := c.check()
		if n := applied.Load() - before; n != written {
			t.Errorf("%q: %d writes were done, and %d were answered", text, n, written)
		}
		if forbidden.Load() > 0 {
			t.Errorf("%q: a token that is read-only wrote", text)
		}
		if asked.Load() > asks && !strings.Contains(text, "'s") {
			t.Errorf("%q: a stranger's request reached a store", text)
		}
	})
}

// conversations are seeds: what clients send, and what nobody should.
var conversations = []string{
	"GET /api/v2/version HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer alice's\r\n\r\n",
	head("POST", "/api/v2/insert?p=notes"+at, "Content-Length: 5") + "hello" + head("GET", "/api/v2/select?p=notes"+at) + head("GET", "/api/v2/toc?p=notes"),
	head("POST", "/api/v2/update?p=notes"+at, "Transfer-Encoding: chunked") + "5\r\nhello\r\n0\r\nX: y\r\n\r\n" + head("HEAD", "/api/v2/get?p=notes"),
	head("POST", "/api/v2/update?p=notes"+at, "Transfer-Encoding: chunked", "Content-Length: 5") + "5\r\nhello\r\n0\r\n\r\n" + head("GET", "/api/v2/get?p=notes"),
	head("PUT", "/api/v2/update?p=a%20b"+at, "Content-Length: 2") + "ab" + head("DELETE", "/api/v2/delete?p=a+b"+at, `If-Match: "0"`) + head("DELETE", "/api/v2/delete?p=a+b"+at),
	head("GET", "/api/v2/insert?p=notes"+at+"&s=%ff") + head("GET", "/api/v2/insert?p=..%2f"+at+"&s=x", "Accept: application/json") + head("GET", "/api/v2/insert?p=notes&c=0&s=x"),
	head("OPTIONS", "*") + head("OPTIONS", "/api/v2/get", "Origin: null") + head("PATCH", "/api/v2/get?p=x") + head("GET", "/") + head("GET", "/api/v2"),
	head("POST", "/api/v2/where", "Content-Length: 3", "Expect: 100-continue") + "abc" + head("POST", "/api/v2/where", "Content-Length: 3", "Expect: else") + "abc",
	head("POST", "/api/v2/delta?p=notes", "Content-Length: 27") + "1.1.1/1.1.1/1.1.1: 00000000" + head("POST", "/api/v2/reload") + head("GET", "/api/v2/json-export?p=notes"),
	"POST /api/v2/insert?p=x" + at + " HTTP/1.1\r\nHost: x\r\nX-SQ-API-Key: bob's to read\r\nContent-Length: 1\r\n\r\nx",
	"POST /api/v2/insert?p=x" + at + " HTTP/1.1\r\nHost: x\r\nX-SQ-API-Key: bob\r\nAuthorization: alice\r\nContent-Length: 1\r\n\r\nx",
	"GET http://y/api/v2/version HTTP/1.0\nHost: x\nAuthorization: alice's\nConnection: keep-alive\n\nGET /api/v2/version HTTP/1.1\n\n",
	"GET /api/v2/version HTTP/1.1\r\nAuthorization: alice's\r\n\r\n" + "GET /api/v2/version HTTP/2.0\r\n\r\n",
	"GET /api/v2/get?p=x HTTP/1.1\r\nHost: x\r\nAuthorization: guessed\r\n\r\nGET /api/v2/get?p=x HTTP/1.1\r\nHost: x\r\n\r\n",
	head("HEAD", "/api/v2/insert?p=x"+at+"&s=y") + head("HEAD", "/api/v2/version"),
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"\r\n\r\nGET /api/v2/version HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
	head("POST", "/api/v2/insert?p=x"+at, "Content-Length: 2000") + strings.Repeat("x", 2000) + head("GET", "/api/v2/get?p=x"),
	head("POST", "/api/v2/insert?p=x"+at, "Content-Length: 9") + "half",
	head("GET", "/api/v2/get?p=x", "X: a\r\n folded", "Upgrade: h2c", "Connection: upgrade, close") + head("GET", "/api/v2/get?p=x"),
	head("GET", "/api/v2/get?p=x", "Content-Length: 0", "Content-Length: 0", "Range: bytes=0-", "Accept: */*;q=x"),
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}
