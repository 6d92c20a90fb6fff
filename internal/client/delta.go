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
}

// Delta asks for the scrolls that the server has and the caller lacks or has
// otherwise, and the coordinates that only the caller has. have may come in any order; each
// coordinate once. It costs one request. A phext that the server does not have is
// as an empty one.
func (c *Client) Delta(ctx context.Context, name sq.PhextName, have iter.Seq2[phext.Coordinate, phext.Checksum]) (*Delta, error) {
	var body []byte
	for at, sum := range have {
		body, _ = at.AppendText(body)
		body = append(append(append(body, ": "...), sum.String()...), '\n')
	}
	a, err := c.send(ctx, &ask{method: http.MethodPost, endpoint: "delta", query: about(name), accept: asJSON,
		header: [2]string{positionHeader, "*"}, text: body})
	if err != nil {
		return nil, err
	}
	position, err := sq.ParsePosition(a.Header.Get(positionHeader))
	if err != nil || !a.is("application/json") {
		a.Close()
		return nil, a.stranger("is no delta in JSON")
	}
	return &Delta{position, a}, nil
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
	if x.Missing = e.Missing; x.Missing {
		return x, nil
	}
	x.Text = []byte(*e.Text)
	if x.Checksum = phext.Sum(x.Text); x.Checksum.String() != e.Checksum {
		return x, d.failed(nil)
	}
	return x, nil
}
