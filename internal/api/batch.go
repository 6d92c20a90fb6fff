package api

import (
	"bufio"
	"bytes"
	"errors"
	"strconv"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// mostOps is how many operations a batch may have: each costs more memory than its
// line has bytes.
const mostOps = 1 << 18

// ops is a batch with the lines of the body that its operations stand on.
type ops struct {
	batch sq.Batch
	lines []int
}

// batch carries out the operations of the body, an object of JSON a line, all or
// none, and answers with a line for each: where, and the bytes before and after.
func (c *call) batch() error {
	if err := c.noCondition(); err != nil {
		return err
	}
	o, err := c.ops()
	if err != nil {
		return err
	}
	results, err := c.store.Apply(c.server.work, c.phext, o.batch)
	if err != nil {
		return o.blame(err)
	}
	return c.stream(jsonLines, func(w *bufio.Writer) error {
		var line []byte
		for _, r := range results {
			line = appendResult(line[:0], r)
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
		return nil
	})
}

func appendResult(dst []byte, r sq.Result) []byte {
	dst = append(dst, `{"c":"`...)
	dst, _ = r.Coordinate.AppendText(dst)
	dst = append(dst, `","before":`...)
	dst = strconv.AppendInt(dst, r.Before, 10)
	dst = append(dst, `,"after":`...)
	dst = strconv.AppendInt(dst, r.After, 10)
	return append(dst, "}\n"...)
}

// ops reads the body. Lines without anything on them are left out.
func (c *call) ops() (o ops, err error) {
	lines := bufio.NewScanner(&c.body)
	lines.Buffer(nil, int(c.body.most)+1) // the body ends before that
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		if len(o.batch) == mostOps {
			return o, sq.Errorf(sq.TooLarge, "body: more than %d operations are not taken at once; nothing was done", mostOps)
		}
		op, err := parseOp(line)
		if err != nil {
			return o, &lineError{n, err}
		}
		o.batch, o.lines = append(o.batch, op), append(o.lines, n)
	}
	if err := lines.Err(); err != nil {
		return o, err
	}
	if len(o.batch) == 0 {
		return o, sq.Errorf(sq.Invalid, `body: has no operation, give one a line, such as {"op":"put","c":"1.1.1/1.1.1/1.1.1","text":"hello"}`)
	}
	return o, nil
}

// blame names the line of the operation that an error is about.
func (o ops) blame(err error) error {
	var of *sq.OpError
	switch {
	case errors.As(err, &of):
		return &lineError{o.lines[of.Index], err}
	case len(o.batch) == 1 && sq.ErrorCode(err).Status() < sq.Internal.Status():
		return &lineError{o.lines[0], err}
	}
	return err
}

// opLine is an operation as it stands in a line; nil is what was not given.
type opLine struct{ op, c, text, match, none []byte }

// field returns where a field belongs, nil when there is none of the name.
func (l *opLine) field(name []byte) *[]byte {
	switch string(name) {
	case "op":
		return &l.op
	case "c":
		return &l.c
	case "text":
		return &l.text
	case "if_match":
		return &l.match
	case "if_none_match":
		return &l.none
	}
	return nil
}

// parseOp reads one operation, which keeps nothing of the line.
func parseOp(line []byte) (op sq.Op, err error) {
	var l opLine
	if err := readObject(line, l.field); err != nil {
		return op, sq.Errorf(sq.Invalid, "%v", err)
	}
	if op.Kind, err = parseKind(l.op); err != nil {
		return op, err
	}
	if op.Coordinate, err = l.coordinate(op.Kind); err != nil {
		return op, err
	}
	if op.If, err = l.condition(); err != nil {
		return op, err
	}
	switch {
	case op.Kind == sq.Delete && l.text != nil:
		return op, sq.Errorf(sq.Invalid, "text: a delete has none")
	case op.Kind != sq.Delete && l.text == nil:
		return op, sq.Errorf(sq.Invalid, `text: is missing; "text":"" is the empty one`)
	}
	op.Text = l.text
	return op, op.Check()
}

func parseKind(name []byte) (sq.Kind, error) {
	for k := sq.Put; k <= sq.AppendNext; k++ {
		if string(name) == k.String() {
			return k, nil
		}
	}
	if name == nil {
		return 0, sq.Errorf(sq.Invalid, "op: is missing, want put, append, delete or append-next")
	}
	return 0, sq.Errorf(sq.Invalid, "op: is %.20q, want put, append, delete or append-next", name)
}

func (l *opLine) coordinate(kind sq.Kind) (phext.Coordinate, error) {
	if l.c == nil {
		return phext.Coordinate{}, sq.Errorf(sq.Invalid, `c: is missing, give a coordinate such as "1.1.1/1.1.1/1.1.1"`)
	}
	parse := phext.ParseCoordinate
	if kind == sq.Delete {
		parse = phext.ParseStored
	}
	c, err := parse(string(l.c))
	if err != nil {
		return c, sq.Errorf(sq.Invalid, "c: %v", err)
	}
	return c, nil
}

func (l *opLine) condition() (sq.Condition, error) {
	switch {
	case l.match != nil && l.none != nil:
		return sq.Condition{}, sq.Errorf(sq.Invalid, "if_match, if_none_match: only one of them is taken")
	case l.none != nil && string(l.none) == "*":
		return sq.IfAbsent, nil
	case l.none != nil:
		return sq.Condition{}, sq.Errorf(sq.Invalid, "if_none_match: can only be *")
	case l.match == nil:
		return sq.Condition{}, nil
	case string(l.match) == "*":
		return sq.IfExists, nil
	}
	sum, err := phext.ParseChecksum(string(l.match))
	if err != nil {
		return sq.Condition{}, sq.Errorf(sq.Invalid, "if_match: want * or a checksum: %v", err)
	}
	return sq.IfMatches(sum), nil
}
