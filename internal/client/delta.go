package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// Difference is a scroll that is not the same on the server.
type Difference struct {
	Coordinate phext.Coordinate
	Missing    bool           // on the server; then it has no more to say
	Text       []byte         // as the server has it
	Checksum   phext.Checksum // of the text
}

// Delta is what differs between a phext on a server and what a caller has of it. It
// must be closed. One goroutine at a time may use it.
type Delta struct {
	// Position is the moment that the server's scrolls are of.
	Position sq.Position

	answer *answer
	part   Part
}

// Part is a part of a phext: from a coordinate on, and before another. Where one of them is
// zero it is not bounded there.
type Part struct{ From, Before phext.Coordinate }

func (p Part) holds(c phext.Coordinate) bool {
	return !c.Less(p.From) && (p.Before.IsZero() || c.Less(p.Before))
}

// Delta asks for the scrolls that the server has and the caller lacks or has
// otherwise, and the coordinates that only the caller has. have may come in any order; each
// coordinate once. It costs one request. A phext that the server does not have is
// as an empty one. The request has about 70 bytes for each scroll that the caller has, and
// servers take 64 MiB: DeltaOf is for what has more.
func (c *Client) Delta(ctx context.Context, name sq.PhextName, have iter.Seq2[phext.Coordinate, phext.Checksum]) (*Delta, error) {
	return c.DeltaOf(ctx, name, Part{}, have)
}

// DeltaOf is Delta of a part, which all that the caller has is in.
func (c *Client) DeltaOf(ctx context.Context, name sq.PhextName, part Part, have iter.Seq2[phext.Coordinate, phext.Checksum]) (*Delta, error) {
	var body []byte
	for at, sum := range have {
		body, _ = at.AppendText(body)
		body = append(append(append(body, ": "...), sum.String()...), '\n')
	}
	query := about(name)
	for key, at := range map[string]phext.Coordinate{"from": part.From, "before": part.Before} {
		if !at.IsZero() {
			query.Set(key, at.String())
		}
	}
	a, err := c.send(ctx, &ask{method: http.MethodPost, endpoint: "delta", query: query, accept: asJSON,
		header: [2]string{positionHeader, "*"}, text: body})
	if err != nil {
		return nil, err
	}
	position, err := sq.ParsePosition(a.Header.Get(positionHeader))
	if err != nil || !a.is("application/json") {
		a.Close()
		return nil, a.stranger("is no delta in JSON")
	}
	return &Delta{position, a, part}, nil
}

// Close lets the delta go. It may be called more than once.
func (d *Delta) Close() { d.answer.Close() }

// All yields the differences, in the order of their coordinates, once. It is read as
// it comes, in the memory of one scroll; a text is the caller's to keep.
func (d *Delta) All() iter.Seq2[Difference, error] {
	return func(yield func(Difference, error) bool) {
		in := json.NewDecoder(d.answer)
		if err := d.bracket(in, '['); err != nil {
			yield(Difference{}, err)
			return
		}
		var before phext.Coordinate
		for in.More() {
			x, err := d.next(in, before)
			if !yield(x, err) || err != nil {
				return
			}
			before = x.Coordinate
		}
		if err := d.bracket(in, ']'); err != nil {
			yield(Difference{}, err)
		}
	}
}

// bracket reads the beginning or the end.
func (d *Delta) bracket(in *json.Decoder, want json.Delim) error {
	got, err := in.Token()
	if err == nil && got == want {
		return nil
	}
	return d.failed(err)
}

// failed says why the delta is not whole.
func (d *Delta) failed(err error) error {
	if err != nil && sq.ErrorCode(err) != sq.Internal {
		return err
	}
	return d.answer.stranger("is no delta in JSON")
}

// next reads an element, which stands behind another.
func (d *Delta) next(in *json.Decoder, before phext.Coordinate) (x Difference, err error) {
	var e struct {
		Coord, Checksum string
		Text            *string
		Missing         bool
	}
	if err := in.Decode(&e); err != nil {
		return x, d.failed(err)
	}
	if x.Coordinate, err = phext.ParseStored(e.Coord); err != nil || !before.Less(x.Coordinate) || e.Missing != (e.Text == nil) {
		return x, d.failed(nil)
	}
	if !d.part.holds(x.Coordinate) {
		return x, d.answer.stranger("tells of %v, which was not asked for; it may be an older SQ", x.Coordinate)
	}
	if x.Missing = e.Missing; x.Missing {
		return x, nil
	}
	x.Text = []byte(*e.Text)
	if x.Checksum = phext.Sum(x.Text); x.Checksum.String() != e.Checksum {
		return x, d.failed(nil)
	}
	return x, nil
}
