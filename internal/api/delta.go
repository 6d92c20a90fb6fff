package api

import (
	"bufio"
	"bytes"
	"cmp"
	"slices"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// missing is the text, in a delta, of a scroll that only the caller has.
const missing = "---sq:Scroll-Missing---"

// had is a scroll that the caller has.
type had struct {
	coordinate phext.Coordinate
	sum        phext.Checksum
	line       int // of the body
}

// delta answers the scrolls that the caller lacks or has otherwise, as a phext.
func (c *call) delta() error {
	body, err := c.body.all(nil)
	if err != nil {
		return err
	}
	have, err := parseHad(body)
	if err != nil {
		return err
	}
	return c.streaming(plainText, func(w *bufio.Writer, s sq.Snapshot) error {
		out := phext.NewWriter(w)
		if err := writeDelta(out, s, have); err != nil {
			return err
		}
		return out.Flush()
	})
}

// parseHad reads lines COORD: CHECKSUM, empty ones left out, and sorts them.
func parseHad(body []byte) (have []had, err error) {
	n := 0
	for line := range bytes.Lines(body) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		h, err := parseHadLine(line)
		if h.line = n; err != nil {
			return nil, sq.Errorf(sq.Invalid, "body: line %d: %v", n, err)
		}
		have = append(have, h)
	}
	slices.SortStableFunc(have, func(a, b had) int { return a.coordinate.Compare(b.coordinate) })
	for i := 1; i < len(have); i++ {
		if have[i].coordinate == have[i-1].coordinate {
			return nil, sq.Errorf(sq.Invalid, "body: line %d: the coordinate %v stands twice", have[i].line, have[i].coordinate)
		}
	}
	return have, nil
}

func parseHadLine(line []byte) (h had, err error) {
	coordinate, sum, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return h, sq.Errorf(sq.Invalid, "want COORD: CHECKSUM")
	}
	h.coordinate, err = phext.ParseStored(string(bytes.TrimSpace(coordinate)))
	h2, err2 := phext.ParseChecksum(string(bytes.TrimSpace(sum)))
	h.sum = h2
	return h, cmp.Or(err, err2)
}

// writeDelta walks what is here and what the caller has side by side.
func writeDelta(w *phext.Writer, s sq.Snapshot, have []had) error {
	for scroll, err := range s.Scan(phext.Coordinate{}, phext.Last) {
		if err != nil {
			return err
		}
		if have, err = writeMissing(w, have, scroll.Coordinate); err != nil {
			return err
		}
		if len(have) > 0 && have[0].coordinate == scroll.Coordinate {
			same := have[0].sum == phext.Sum(scroll.Text)
			if have = have[1:]; same {
				continue
			}
		}
		if err := w.WriteScroll(scroll.Coordinate, scroll.Text); err != nil {
			return err
		}
	}
	_, err := writeMissing(w, have, phext.Coordinate{})
	return err
}

// writeMissing writes what only the caller has before a coordinate, or all of it
// when that is zero, and returns the rest.
func writeMissing(w *phext.Writer, have []had, before phext.Coordinate) ([]had, error) {
	for len(have) > 0 && (before.IsZero() || have[0].coordinate.Less(before)) {
		if err := w.WriteScroll(have[0].coordinate, []byte(missing)); err != nil {
			return nil, err
		}
		have = have[1:]
	}
	return have, nil
}
