package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// Requests to read or write one scroll come by the thousand, and net/http spends
// more on each than SQ does. So they are answered beside it: between two requests
// net/http waits in the connection's Read, and there a plain request (see
// fastRequest) that has come whole is answered by the same handler. Whatever else
// comes is handed on as if nothing had been before it. What counts as plain may
// therefore be as narrow as it likes.

// fastPath answers the plain requests of a connection. It belongs to the goroutine
// that reads.
type fastPath struct {
	server  *Server
	request fastRequest
	reply   fastReply
	drain   *drain      // nil before the first request, and where connections have none
	used    atomic.Bool // for a request
}

// read reads for net/http, which waits for a request, and answers plain ones. What
// it returns begins another, or is the end.
func (c *framedConn) read(p []byte) (int, error) {
	for c.fast.drain == nil {
		n, err := c.patientConn.Read(p)
		if n == 0 || err != nil {
			return n, err
		}
		if left, err := c.answerAll(p[:n]); left > 0 || err != nil {
			return left, err
		}
	}
	return c.readFrom(c.fast.drain, p)
}

// answerAll answers the plain requests at the beginning of p, and moves what is behind
// them, and is left for net/http, to its beginning. After an error the connection has to
// be closed.
func (c *framedConn) answerAll(p []byte) (left int, err error) {
	took, err := c.answerPlain(p)
	if err != nil {
		return 0, err
	}
	limits, rest := &c.fast.server.Limits, p[took:]
	if c.fast.used.Load() {
		rest = bytes.TrimLeft(rest, "\r\n") // empty lines before a request are nothing (RFC 9112, section 2.2)
	}
	if took > 0 {
		c.SetReadDeadline(time.Now().Add(limits.IdleTimeout))
	}
	if left = copy(p, rest); left > 0 && c.fast.used.Load() {
		// net/http does not know that requests were answered: it may still give the
		// time for its first one.
		c.SetReadDeadline(time.Now().Add(limits.HeaderTimeout))
	}
	return left, nil
}

// answerPlain answers the plain requests at the beginning of p, and returns how many
// bytes they have. After an error the connection has to be closed.
func (c *framedConn) answerPlain(p []byte) (took int, err error) {
	for took < len(p) && err == nil {
		n := c.fast.request.read(p[took:])
		if n == 0 || !c.beginFast() {
			break
		}
		took += n
		err = c.answer()
	}
	return took, err
}

// beginFast says that a request is at work. It is false when the server ends: that
// is net/http's to arrange.
func (c *framedConn) beginFast() bool {
	c.all.fastAtWork.Add(1)
	c.onFastPath.Store(true)
	if c.all.ending.Load() {
		c.endFast()
		return false
	}
	return true
}

// endFast says that the request is not at work any more.
func (c *framedConn) endFast() {
	c.onFastPath.Store(false)
	c.all.fastAtWork.Add(-1)
	if c.all.ending.Load() {
		c.all.settles()
	}
}

// answer answers the request that was read. An error says that the connection does
// not go on, io.EOF among them, which net/http takes for the client's leaving.
func (c *framedConn) answer() error {
	defer c.endFast() // after a panic too, which net/http catches
	f := c.fast
	if !f.used.Load() {
		f.begin(c)
	}
	c.SetWriteDeadline(time.Now().Add(f.server.Limits.StallTimeout))
	f.reply.begin(f.request.Close)
	f.server.ServeHTTP(&f.reply, &f.request.Request)
	if f.reply.end() != nil || f.reply.closes {
		return io.EOF
	}
	c.SetWriteDeadline(time.Time{}) // TLS writes while it reads
	c.all.idles(c)
	if c.all.ending.Load() { // looked at when end would find it idle
		return io.EOF
	}
	return nil
}

// begin fills in what all requests of a connection have in common.
func (f *fastPath) begin(c *framedConn) {
	f.used.Store(true)
	ctx := context.WithValue(withFraming(context.Background(), c), http.LocalAddrContextKey, c.LocalAddr())
	f.request.begin(ctx, c.RemoteAddr().String())
	f.reply.conn = c
	f.drain = newDrain(c.Conn, c.answerAll)
}
