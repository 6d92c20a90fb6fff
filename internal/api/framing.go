package api

import (
	"bytes"
	"container/list"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wbic16/sq-go"
)

// A request that has both Content-Length and Transfer-Encoding ends in two
// places, and whoever stands in front may see another end than we do: a second
// request can hide in the body of the first. So it is with a line that is folded,
// which may be a header by itself, and with a line that ends in LF where others
// end in CR LF, which may be no end at all. net/http takes all of these and tells
// nobody, so the bytes are looked at on their way to it. A head whose lines all
// end in LF, as people type it, is read in one way only. Under TLS the bytes are
// looked at when they are no secret any more.

var errAmbiguous = sq.Errorf(sq.Invalid, "request: its end is not certain: it has both Content-Length and Transfer-Encoding, a folded line, or line ends of two kinds; nothing was done")

// framedListener hands out connections whose framing is followed.
type framedListener struct {
	net.Listener
	connections *connections
	patience    time.Duration // with a handshake
	log         *slog.Logger
	server      *Server // for plain requests; nil: all are net/http's
	shown       bool    // progress, for all connections: see showProgress
}

func newFramedListener(l net.Listener, all *connections, patience time.Duration, log *slog.Logger, server *Server) framedListener {
	if server != nil {
		askWhatIsLeft(l)
	}
	return framedListener{l, all, patience, log, server, bequeaths(l) && showProgress(l)}
}

func (l framedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		framed := l.wrap(c)
		if l.connections.enter(framed) {
			return framed, nil
		}
		framed.underneath().Close()
	}
}

// framedConn is a connection whose requests are followed as they are read.
type framedConn struct {
	patientConn
	framing   framing // of the one goroutine that reads
	ambiguous atomic.Bool
	free      atomic.Bool // it was taken over, and requests come no more

	fast       *fastPath   // nil: there is none
	onFastPath atomic.Bool // a request is at work there

	secret   *tls.Conn            // Conn, where that is one
	state    *tls.ConnectionState // of the one goroutine that reads: nil before the handshake, and without TLS
	patience time.Duration        // with a handshake
	log      *slog.Logger

	all     *connections
	place   *list.Element // guarded by all.mu: in all; nil when it is not counted any more
	working atomic.Bool   // on a request
	gone    chan struct{} // guarded by all.mu: closed when it had to go; nil before an answer waited
}

// Read reads for net/http, and may answer requests itself while that waits for one
// (see fastPath). It reads nothing when net/http asks for a byte behind a whole request: it does
// so while the request is at work, to hear when the client leaves, which costs as
// much as half the reading of the request. Nobody here ends work for that, since
// clients close their side early; a client that is gone shows when it is written to.
func (c *framedConn) Read(p []byte) (int, error) {
	if c.secret != nil && c.state == nil {
		if err := c.shake(); err != nil {
			return 0, err
		}
	}
	if c.free.Load() {
		return c.patientConn.Read(p)
	}
	if len(p) == 1 && c.framing.atEnd() {
		return 0, nil
	}
	read := c.patientConn.Read
	if c.fast != nil && c.framing.between() {
		read = c.read
	}
	n, err := read(p)
	if c.framing.see(p[:n]); c.framing.ambiguous {
		c.ambiguous.Store(true)
	}
	return n, err
}

// CloseWrite lets net/http end a reply before it closes, so that it arrives.
func (c *framedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

type framedKey struct{}

func withFraming(ctx context.Context, c net.Conn) context.Context {
	if framed, ok := c.(*framedConn); ok {
		return context.WithValue(ctx, framedKey{}, framed)
	}
	return ctx
}

// isAmbiguous reports whether this request, or one that came with it, has no
// certain end.
func isAmbiguous(ctx context.Context) bool {
	c, ok := ctx.Value(framedKey{}).(*framedConn)
	return ok && c.ambiguous.Load()
}

// framing follows requests through the bytes of a connection, as net/http reads
// them. Where it does not understand a byte it calls the rest ambiguous: there
// net/http refuses the request or its body as well.
type framing struct {
	state     framingState
	skip      int64  // bytes of body or chunk still to come
	kept      []byte // of the head or line that is not complete
	ambiguous bool   // stays
	whole     bool   // a request was seen
}

type framingState uint8

const (
	inHead framingState = iota
	inBody
	inChunkLine
	inChunk
	inTrailer
)

// between reports whether no part of a request was seen behind the last whole one,
// empty lines left out.
func (f *framing) between() bool { return f.state == inHead && f.kept == nil && !f.ambiguous }

// atEnd reports whether nothing was seen behind the last whole request.
func (f *framing) atEnd() bool { return f.between() && f.whole }

const longestHead, longestLine = 2 << 20, 8 << 10

func (f *framing) see(p []byte) {
	for len(p) > 0 && !f.ambiguous {
		switch f.state {
		case inHead:
			p = f.seeHead(p)
		case inBody, inChunk:
			p = f.seeText(p)
		case inChunkLine, inTrailer:
			p = f.seeLine(p)
		}
	}
}

// seeHead returns what is behind the head, nothing while it is not complete.
func (f *framing) seeHead(p []byte) []byte {
	if len(f.kept) == 0 {
		p = bytes.TrimLeft(p, "\r\n")
	}
	head, had := p, len(f.kept)
	if had > 0 {
		f.kept = append(f.kept, p...)
		head = f.kept
	}
	end := headEnd(head, max(had-3, 0))
	if end < 0 {
		f.keep(head, longestHead)
		return nil
	}
	f.begin(head[:end])
	f.kept, f.whole = nil, true
	return p[end-had:]
}

// headEnd returns where the first empty line at or after from ends, or -1.
func headEnd(b []byte, from int) int {
	for {
		n := bytes.IndexByte(b[from:], '\n')
		if n < 0 {
			return -1
		}
		from += n + 1
		if bytes.HasPrefix(b[from:], []byte("\n")) {
			return from + 1
		}
		if bytes.HasPrefix(b[from:], []byte("\r\n")) {
			return from + 2
		}
	}
}

// keep remembers what is not complete yet.
func (f *framing) keep(b []byte, most int) {
	if len(f.kept) != len(b) {
		f.kept = bytes.Clone(b)
	}
	f.ambiguous = len(b) > most
}

// begin reads a whole head and knows then what follows.
func (f *framing) begin(head []byte) {
	if f.ambiguous = isFolded(head) || hasTwoEnds(head); f.ambiguous {
		return
	}
	first, rest, _ := bytes.Cut(head, []byte("\n"))
	length, sized, coded := "", false, false
	for line := range bytes.Lines(rest) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch {
		case len(name) == len("Content-Length") && strings.EqualFold(string(name), "Content-Length"):
			length, sized = string(bytes.TrimSpace(value)), true
		case len(name) == len("Transfer-Encoding") && strings.EqualFold(string(name), "Transfer-Encoding"):
			coded = true
		}
	}
	switch {
	case coded && (sized || !bytes.HasSuffix(bytes.TrimSpace(first), []byte(" HTTP/1.1"))):
		f.ambiguous = true
	case coded:
		f.state = inChunkLine
	case sized:
		f.await(inBody, length, 10)
	}
}

// isFolded reports whether a line of a head goes on in the next one.
func isFolded(head []byte) bool {
	return bytes.Contains(head, []byte("\n ")) || bytes.Contains(head, []byte("\n\t"))
}

// hasTwoEnds reports whether some lines of a head end in CR LF and some in LF.
func hasTwoEnds(head []byte) bool {
	n := bytes.Count(head, []byte("\r\n"))
	return n > 0 && n < bytes.Count(head, []byte("\n"))
}

// await makes a number of bytes what follows.
func (f *framing) await(state framingState, digits string, base int) {
	n, err := strconv.ParseUint(digits, base, 62)
	f.ambiguous = err != nil
	if f.state, f.skip = state, int64(n); n == 0 {
		f.state = inHead
	}
}

func (f *framing) seeText(p []byte) []byte {
	n := min(f.skip, int64(len(p)))
	if f.skip -= n; f.skip == 0 && f.state == inChunk {
		f.state = inChunkLine
	} else if f.skip == 0 {
		f.state = inHead
	}
	return p[n:]
}

// seeLine takes a line before a chunk, or one behind the last.
func (f *framing) seeLine(p []byte) []byte {
	n := bytes.IndexByte(p, '\n')
	if n < 0 {
		f.kept = append(f.kept, p...)
		f.ambiguous = len(f.kept) > longestLine
		return nil
	}
	line := p[:n]
	if len(f.kept) > 0 {
		line = append(f.kept, line...)
	}
	line, ended := bytes.CutSuffix(line, []byte("\r"))
	if f.kept = nil; !ended {
		f.ambiguous = true
	} else if f.state == inChunkLine {
		f.beginChunk(line)
	} else if len(line) == 0 {
		f.state = inHead
	}
	return p[n+1:]
}

// beginChunk reads the size of a chunk, in front of any extension, and counts
// the line's end behind the chunk to it.
func (f *framing) beginChunk(line []byte) {
	size, _, _ := bytes.Cut(line, []byte(";"))
	f.await(inChunk, string(bytes.TrimRight(size, " \t")), 16)
	if f.skip += 2; f.state == inHead {
		f.state, f.skip = inTrailer, 0
	}
}
