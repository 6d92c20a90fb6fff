package api

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// What is known of a connection from its bytes has to hold under TLS too, so
// requests are followed above it, and net/http is not handed a *tls.Conn. The
// handshake, which it would make, is made at the first read: in the goroutine of
// the connection, in the time for the first head.
//
// HTTP/2 is not spoken. Its frames leave no ends to argue about, but what bounds
// a client here counts by connections: who is idle and goes, how long a body or a
// reply may stand still, that one request is at work at a time. A proxy in front
// that speaks HTTP/2 to browsers speaks HTTP/1.1 to us.

// onlyProtocol is what a client that asks what we speak is told.
const onlyProtocol = "http/1.1"

// OnlyHTTP1 returns a copy of c whose connections Serve can answer: they agree on
// HTTP/1.1, or on one of other, which is for those who make certificates and is
// done with the handshake.
func OnlyHTTP1(c *tls.Config, other ...string) *tls.Config {
	c = c.Clone()
	c.NextProtos = append([]string{onlyProtocol}, other...)
	return c
}

// wrap returns the connection whose requests are followed.
func (l framedListener) wrap(c net.Conn) *framedConn {
	framed := &framedConn{patientConn: patientConn{Conn: c}, all: l.connections, log: l.log, patience: l.patience}
	framed.secret, framed.direct = c.(*tls.Conn)
	if l.server != nil {
		framed.fast = &fastPath{server: l.server}
	}
	if !l.shown {
		showProgress(framed.underneath()) // without it only very slow readers suffer
	}
	return framed
}

// underneath returns the connection without TLS.
func (c *framedConn) underneath() net.Conn {
	if c.secret != nil {
		return c.secret.NetConn()
	}
	return c.Conn
}

// cut ends the connection without a word, and does not wait: a farewell under TLS waits
// for the client to take it, and closing for a request that is at work (see drain). So
// where that may be, the connection is left without its client, and whoever reads closes
// it.
func (c *framedConn) cut() error {
	conn := c.underneath()
	both, ok := conn.(interface {
		CloseRead() error
		CloseWrite() error
	})
	if ok && c.fast != nil && c.fast.used.Load() {
		return errors.Join(both.CloseRead(), both.CloseWrite())
	}
	return conn.Close()
}

// shake makes the handshake. After an error nothing more is said. The read
// deadline is that of the first head.
func (c *framedConn) shake() error {
	c.secret.SetWriteDeadline(time.Now().Add(c.patience))
	err := c.secret.Handshake()
	c.secret.SetWriteDeadline(time.Time{}) // net/http sets it for each reply
	if err != nil {
		c.log.Debug("TLS handshake failed", slog.String("remote", c.RemoteAddr().String()), slog.Any("error", err))
		c.explain(err)
		return io.EOF
	}
	state := c.secret.ConnectionState()
	if p := state.NegotiatedProtocol; p != "" && p != onlyProtocol {
		return io.EOF
	}
	c.state = &state
	return nil
}

// plainly is what a client is told that speaks HTTP where TLS is spoken.
const plainly = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n" +
	"this port speaks TLS: ask again with https://; nothing was done"

// explain answers a client that does not know that TLS is spoken here, and waits
// for it to close: with what it sent left unread, the answer might not arrive.
func (c *framedConn) explain(err error) {
	var no tls.RecordHeaderError
	if !errors.As(err, &no) || no.Conn == nil || !looksLikeHTTP(no.RecordHeader[:]) {
		return
	}
	no.Conn.SetWriteDeadline(time.Now().Add(c.patience))
	if _, err := io.WriteString(no.Conn, plainly); err != nil {
		return
	}
	if half, ok := no.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		io.Copy(io.Discard, io.LimitReader(no.Conn, 1<<20))
	}
}

// looksLikeHTTP reports whether the first bytes are those of a method.
func looksLikeHTTP(first []byte) bool {
	for _, method := range [...]string{"GET /", "HEAD ", "POST ", "PUT /", "DELET", "OPTIO", "PATCH"} {
		if bytes.Equal(first, []byte(method)) {
			return true
		}
	}
	return false
}

// showTLS tells the request of the connection's secret, as net/http does where it
// makes the handshake.
func showTLS(r *http.Request) {
	if c, ok := r.Context().Value(framedKey{}).(*framedConn); ok && c.state != nil {
		r.TLS = c.state
	}
}
