package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// silence is how long a server that watches may say nothing: three of its signs of
// life.
const silence = 45 * time.Second

// Watch is described at sq.Store. It costs one request, that goes on. Busy: the
// stream was lost, or the server ends; go on from the newest position that had
// nothing More to it, with another call.
func (c *Client) Watch(ctx context.Context, name sq.PhextName, under phext.Pattern, after sq.Position) iter.Seq2[sq.Change, error] {
	return func(yield func(sq.Change, error) bool) {
		q := &ask{method: http.MethodGet, endpoint: "watch", query: about(name), accept: "text/event-stream, application/problem+json"}
		if under != phext.AnyPattern {
			q.query.Set("c", under.String())
		}
		if after != (sq.Position{}) {
			q.header = [2]string{eventHeader, after.String()}
		}
		a, err := c.send(ctx, q)
		if err == nil {
			defer a.Close()
			err = a.follow(yield)
		}
		if err != nil && (ctx.Err() == nil || c.ctx.Err() != nil) {
			yield(sq.Change{}, err)
		}
	}
}

// follow yields the events of a stream until it ends, which is an error, or nobody
// listens.
func (a *answer) follow(yield func(sq.Change, error) bool) error {
	if !a.is("text/event-stream") {
		return a.stranger("is no stream of events")
	}
	lost := time.AfterFunc(silence, a.end)
	defer lost.Stop()
	var e event
	lines := bufio.NewScanner(a)
	for lines.Scan() {
		lost.Reset(silence)
		if line := lines.Bytes(); len(line) > 0 {
			if e.add(line); len(e.data) > mostEvent {
				return a.stranger("has an event that is too long")
			}
			continue
		}
		if c, ok, err := e.change(); err != nil {
			return a.stranger("has an event that is none: %v", err)
		} else if ok && !yield(c, nil) {
			return nil
		}
		e = event{data: e.data[:0]}
	}
	switch err := lines.Err(); {
	case err == bufio.ErrTooLong:
		return a.stranger("has an event that is too long")
	case !lost.Stop():
		return sq.Errorf(sq.Busy, "%s has said nothing for %v: the stream is lost", a.client.name, silence)
	case err != nil:
		return err
	}
	return sq.Errorf(sq.Busy, "%s has ended the stream", a.client.name)
}

// mostEvent is how many bytes of data an event may have.
const mostEvent = 4 << 10

// event is one of a stream of server-sent events (HTML Living Standard, section
// 9.2), as far as ours go.
type event struct {
	kind sq.ChangeKind
	last bool // of its batch: it has an id
	data []byte
}

// add adds a line. Comments and fields of other names are left out.
func (e *event) add(line []byte) {
	field, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(field) {
	case "event":
		e.kind = sq.ChangeKind(value)
	case "id":
		e.last = true
	case "data":
		e.data = append(e.data, value...)
	}
}

// change returns the change that the event tells of; false when it tells of none.
func (e *event) change() (c sq.Change, ok bool, err error) {
	if len(e.data) == 0 {
		return c, false, nil
	}
	var d struct {
		Position, Coord, Checksum string
		Bytes                     int64
	}
	if err := json.Unmarshal(e.data, &d); err != nil {
		return c, false, err
	}
	c = sq.Change{Kind: e.kind, Bytes: d.Bytes, More: !e.last}
	if c.Position, err = sq.ParsePosition(d.Position); err != nil {
		return c, false, err
	}
	switch e.kind {
	case sq.Reset:
		return c, true, nil
	case sq.Inserted, sq.Updated:
		if c.Checksum, err = phext.ParseChecksum(d.Checksum); err != nil {
			return c, false, err
		}
	case sq.Deleted:
	default:
		return c, false, nil // of a newer server
	}
	c.Coordinate, err = phext.ParseStored(d.Coord)
	return c, err == nil, err
}
