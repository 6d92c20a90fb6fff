package api

import (
	"strings"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// insert appends a text to a scroll.
func (c *call) insert() error {
	op, err := c.textOp(sq.Append)
	if err != nil {
		return err
	}
	return c.apply(op, func(sq.Result) string { return Inserted(len(op.Text)) })
}

// update replaces a scroll.
func (c *call) update() error {
	op, err := c.textOp(sq.Put)
	if err != nil {
		return err
	}
	return c.apply(op, func(sq.Result) string { return Updated(len(op.Text)) })
}

// remove removes a scroll, also one that stands where nothing can be written.
func (c *call) remove() error {
	at, err := c.query.coordinate.parsed(phext.ParseStored)
	if err != nil {
		return err
	}
	op := sq.Op{Kind: sq.Delete, Coordinate: at}
	return c.apply(op, func(r sq.Result) string { return Removed(r.Before) })
}

// textOp returns the operation that comes with a text.
func (c *call) textOp(kind sq.Kind) (op sq.Op, err error) {
	op.Kind = kind
	if op.Coordinate, err = c.query.coordinate.parsed(phext.ParseCoordinate); err != nil {
		return op, err
	}
	text, given, err := c.text()
	if err == nil && !given {
		err = sq.Errorf(sq.Invalid, "text: is missing, give one as the body of a POST or as s=TEXT")
	}
	op.Text = text
	return op, err
}

// apply carries out an operation on the phext that is asked for, and answers
// with what say makes of the result.
func (c *call) apply(op sq.Op, say func(sq.Result) string) error {
	var err error
	if op.If, err = c.condition(); err != nil {
		return err
	}
	results, err := c.store.Apply(c.server.work, c.phext, sq.Batch{op})
	if err != nil {
		return err
	}
	return c.sendLine(say(results[0]))
}

// condition returns what If-Match and If-None-Match ask for. A list of tags, and
// a tag that is no checksum, are refused rather than taken for something else.
func (c *call) condition() (sq.Condition, error) {
	match, none := c.request.Header["If-Match"], c.request.Header["If-None-Match"]
	switch {
	case len(match) == 0 && len(none) == 0:
		return sq.Condition{}, nil
	case len(match)+len(none) > 1:
		return sq.Condition{}, sq.Errorf(sq.Invalid, "If-Match, If-None-Match: only one of them, once, is taken")
	case len(none) == 1 && strings.TrimSpace(none[0]) == "*":
		return sq.IfAbsent, nil
	case len(none) == 1:
		return sq.Condition{}, sq.Errorf(sq.Invalid, "If-None-Match: with a write it can only be *")
	case strings.TrimSpace(match[0]) == "*":
		return sq.IfExists, nil
	}
	tag := strings.TrimSpace(match[0])
	hex, quoted := strings.CutPrefix(tag, `"`)
	hex, closed := strings.CutSuffix(hex, `"`)
	sum, err := phext.ParseChecksum(hex)
	if err != nil || !quoted || !closed {
		return sq.Condition{}, sq.Errorf(sq.Invalid, `If-Match: want * or one tag as select gave it, such as "99aa06d3014798d86001c324468d497f"`)
	}
	return sq.IfMatches(sum), nil
}
