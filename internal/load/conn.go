package load

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"
	"time"
)

// patience is how long a reply may let wait for its next bytes.
const patience = 30 * time.Second

// mostBody is how long a body may be that Do returns: what a scroll may have.
const mostBody = 64 << 20

// Conn is a client with one connection to a server, which is made when it is
// needed, and again after the server closed it.
type Conn struct {
	server *Server
	fresh  bool // a new connection for each request

	conn    net.Conn // nil while there is none
	in      *bufio.Reader
	out     []byte // the request
	body    []byte // of the reply
	expires time.Time
}

// Reply is what a server answered.
type Reply struct {
	Status int
	Body   []byte // valid until the next request
}

// NewConn returns a client without a connection yet. Fresh says that each
// request is to have a connection of its own.
func NewConn(s *Server, fresh bool) *Conn {
	return &Conn{server: s, fresh: fresh, in: bufio.NewReaderSize(nil, 16<<10)}
}

// Close closes the connection, if there is one.
func (c *Conn) Close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// Head is the beginning of requests that differ in the end of their target only.
type Head struct{ before, after []byte }

// Head returns the head of requests for a target: a path and a query, beginning
// with a slash. An empty token is not sent.
func (c *Conn) Head(method, target, token string) Head {
	after := " HTTP/1.1\r\nHost: " + c.server.host + "\r\n"
	if token != "" {
		after += "Authorization: Bearer " + token + "\r\n"
	}
	if c.fresh {
		after += "Connection: close\r\n"
	}
	return Head{before: []byte(method + " " + c.server.base + target), after: []byte(after)}
}

// Do makes a request and reads the reply. The target is that of the head and end.
// A body that is nil is not sent. An error means that there was no whole reply;
// the next request then has a new connection.
func (c *Conn) Do(ctx context.Context, h Head, end, body []byte) (Reply, error) {
	status, f, err := c.exchange(ctx, h, end, body)
	if err != nil {
		return Reply{}, err
	}
	c.body, err = f.read(c.in, c.body[:0])
	c.finish(f, err)
	return Reply{Status: status, Body: c.body}, err
}

// Stream makes a GET request and copies the body of the reply to w. It returns
// the status and the number of bytes.
func (c *Conn) Stream(ctx context.Context, h Head, w io.Writer) (status int, n int64, err error) {
	status, f, err := c.exchange(ctx, h, nil, nil)
	if err != nil {
		return 0, 0, err
	}
	n, err = f.copy(c, w)
	c.finish(f, err)
	return status, n, err
}

// exchange sends a request and reads the head of the reply.
func (c *Conn) exchange(ctx context.Context, h Head, end, body []byte) (int, framing, error) {
	c.out = append(append(append(c.out[:0], h.before...), end...), h.after...)
	if body != nil {
		c.out = append(c.out, "Content-Length: "...)
		c.out = append(strconv.AppendInt(c.out, int64(len(body)), 10), "\r\n"...)
	}
	c.out = append(append(c.out, "\r\n"...), body...)
	if err := c.open(ctx); err != nil {
		return 0, framing{}, err
	}
	_, err := c.conn.Write(c.out)
	status, f := 0, framing{}
	if err == nil {
		status, f, err = readHead(c.in)
	}
	if err != nil {
		c.Close()
	}
	return status, f, err
}

// open makes a connection where there is none, and moves its deadline on. That
// is done once in a while only, since it is not free.
func (c *Conn) open(ctx context.Context) (err error) {
	if c.conn == nil {
		if c.conn, err = c.server.dial(ctx); err != nil {
			c.conn = nil // and no interface that holds a nil
			return err
		}
		c.in.Reset(c.conn)
		c.expires = time.Time{}
	}
	return c.moveDeadline()
}

func (c *Conn) moveDeadline() error {
	now := time.Now()
	if c.expires.Sub(now) > patience*7/8 {
		return nil
	}
	c.expires = now.Add(patience)
	return c.conn.SetDeadline(c.expires)
}

// finish closes a connection that cannot be used again.
func (c *Conn) finish(f framing, err error) {
	if c.fresh && err == nil && !f.toEnd {
		// The server was asked to close, and it is its part to do so first: else
		// this side would run out of ports.
		_, err = c.in.ReadByte()
		if err == nil {
			err = fmt.Errorf("bytes after the reply")
		}
	}
	if err != nil || f.close || c.fresh {
		c.Close()
	}
}

// copy copies the body to w.
func (f framing) copy(c *Conn, w io.Writer) (int64, error) {
	var body io.Reader = c.in
	switch {
	case f.chunked:
		body = httputil.NewChunkedReader(c.in)
	case !f.toEnd:
		body = io.LimitReader(c.in, f.length)
	}
	buffer := make([]byte, 256<<10)
	n, err := io.CopyBuffer(onlyWriter{w}, onlyReader{c, body}, buffer)
	if err == nil && f.chunked {
		err = endChunks(c.in)
	}
	if err == nil && !f.chunked && !f.toEnd && n < f.length {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// onlyReader moves the deadline on with each read, and hides what else a reader
// can do, so that the copy is done with a large buffer.
type onlyReader struct {
	c *Conn
	r io.Reader
}

func (r onlyReader) Read(p []byte) (int, error) {
	if err := r.c.moveDeadline(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// onlyWriter hides what else a writer can do: io.Discard would read with a small buffer.
type onlyWriter struct{ io.Writer }
