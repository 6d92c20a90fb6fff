package api

import (
	"bufio"
	"context"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// A watch is a stream of server-sent events (HTML Living Standard, section 9.2).
// Events of one batch have one position, and it is the id of the last of them only:
// a client that loses the stream within a batch goes on from the batch before, and
// misses nothing.

// follower is a watch on its way to the client.
type follower struct {
	*call
	w       *bufio.Writer
	out     *http.ResponseController
	changes <-chan told
	line    []byte
}

// told is what a store's Watch yields, or what it panicked with.
type told struct {
	sq.Change
	err      error
	panicked any
}

// watch answers the changes under a pattern until somebody leaves: the client, the
// server, or the tenant whose token it was. That a client is gone shows at the
// second sign of life after it, as framedConn.Read says.
func (c *call) watch() error {
	under, err := c.pattern()
	if err != nil {
		return err
	}
	after, err := c.since()
	if err != nil {
		return err
	}
	h := c.reply.Header()
	h["Content-Type"] = eventText
	h["Cache-Control"] = noStore
	h["X-Accel-Buffering"] = unbuffered
	if c.request.Method == http.MethodHead {
		c.reply.WriteHeader(http.StatusOK)
		return nil
	}
	return c.follow(under, after)
}

// unbuffered has nginx hand events on as they come.
var unbuffered = []string{"no"}

// pattern returns the parameter c, a coordinate in which a number may be *.
func (c *call) pattern() (phext.Pattern, error) {
	if !c.query.coordinate.given {
		return phext.AnyPattern, nil
	}
	p, err := phext.ParsePattern(c.query.coordinate.value)
	if err != nil {
		return p, sq.Errorf(sq.Invalid, "%v", err)
	}
	return p, nil
}

// since returns the position that the client has everything up to: that of
// Last-Event-ID, or of now.
func (c *call) since() (sq.Position, error) {
	ids := c.request.Header["Last-Event-Id"]
	if len(ids) > 0 && strings.TrimSpace(ids[0]) != "" {
		after, err := sq.ParsePosition(strings.TrimSpace(ids[0]))
		if err != nil || len(ids) > 1 || after == (sq.Position{}) {
			return after, sq.Errorf(sq.Invalid, "Last-Event-ID: want the id of one event, such as %v", sq.Position{Epoch: 1, Sequence: 2})
		}
		return after, nil
	}
	s, err := c.store.Snapshot(c.server.work, c.phext)
	if err != nil {
		return sq.Position{}, err
	}
	defer s.Close()
	return s.Position(), nil
}

// follow writes what happens. The goroutine that it starts has ended when it
// returns.
func (c *call) follow(under phext.Pattern, after sq.Position) error {
	ctx, cancel := context.WithCancel(c.request.Context())
	stopped := context.AfterFunc(c.server.work, cancel)
	changes, ended := make(chan told), make(chan struct{})
	go func() {
		defer close(ended)
		listen(ctx, c.store.Watch(ctx, c.phext, under, after), changes)
	}()
	defer func() {
		stopped()
		cancel()
		<-ended
	}()
	w := buffers.Get().(*bufio.Writer)
	w.Reset(&c.reply)
	defer func() {
		w.Reset(nil)
		buffers.Put(w)
	}()
	f := &follower{call: c, w: w, out: http.NewResponseController(&c.reply), changes: changes}
	return f.run(ctx, after)
}

// listen hands on what a store tells, and closes to at its end.
func listen(ctx context.Context, changes iter.Seq2[sq.Change, error], to chan<- told) {
	defer close(to)
	send := func(t told) bool {
		select {
		case to <- t:
			return true
		case <-ctx.Done():
			return false
		}
	}
	defer func() {
		if v := recover(); v != nil { // which is for the goroutine of the request
			send(told{panicked: v})
		}
	}()
	for c, err := range changes {
		if !send(told{Change: c, err: err}) {
			return
		}
	}
}

// run writes events as they come, and signs of life between. A token that is not
// good any more opens nothing.
func (f *follower) run(ctx context.Context, after sq.Position) error {
	beat := time.NewTicker(f.server.Limits.Heartbeat)
	defer beat.Stop()
	f.w.WriteString("retry: 3000\nid: " + after.String() + "\n\n") // an error stays, and flush returns it
	for {
		if err := f.flush(); err != nil {
			return err
		}
		select {
		case t, ok := <-f.changes:
			if !ok || !f.mayStill() || sq.ErrorCode(t.err) == sq.Closed {
				return nil
			}
			if err := f.tell(t); err != nil {
				return err
			}
		case <-beat.C:
			if !f.mayStill() {
				return nil
			}
			f.w.WriteString(": heartbeat\n\n")
		case <-f.server.ending:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// tell writes a change, and what is there behind it.
func (f *follower) tell(t told) error {
	for {
		if t.panicked != nil {
			panic(t.panicked)
		}
		if t.err != nil {
			return t.err
		}
		f.line = appendEvent(f.line[:0], t.Change)
		if _, err := f.w.Write(f.line); err != nil {
			return err
		}
		select {
		case more, ok := <-f.changes:
			if !ok {
				return nil // run sees it again
			}
			t = more
		default:
			return nil
		}
	}
}

func (f *follower) flush() error {
	if err := f.w.Flush(); err != nil {
		return err
	}
	return f.out.Flush()
}

// mayStill reports whether the token is still that of the tenant.
func (c *call) mayStill() bool {
	token, _ := tokenOf(c.request.Header)
	t, ok := c.server.Tenants().Find(token)
	return ok && t.Name == c.tenant.Name && t.DataDir == c.tenant.DataDir
}

// appendEvent appends a change as an event.
func appendEvent(dst []byte, c sq.Change) []byte {
	dst = append(append(dst, "event: "...), c.Kind...)
	if !c.More {
		dst = append(append(dst, "\nid: "...), c.Position.String()...)
	}
	dst = append(append(dst, "\ndata: {\"position\":\""...), c.Position.String()...)
	return append(appendChanged(append(dst, '"'), c), "}\n\n"...)
}

// appendChanged appends what a change says of a scroll.
func appendChanged(dst []byte, c sq.Change) []byte {
	if c.Kind == sq.Reset {
		return dst
	}
	dst = append(dst, `,"coord":"`...)
	dst, _ = c.Coordinate.AppendText(dst)
	dst = append(dst, `","bytes":`...)
	dst = strconv.AppendInt(dst, c.Bytes, 10)
	if c.Kind == sq.Deleted {
		return dst
	}
	return append(append(append(dst, `,"checksum":"`...), c.Checksum.String()...), '"')
}
