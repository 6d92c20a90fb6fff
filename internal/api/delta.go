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

// delta answers the scrolls that the caller lacks or has otherwise, as a phext; or as
// an array of JSON, in which what only the caller has is told from a scroll that
// reads the same. With from and before it is about the scrolls from one coordinate on,
// and before another.
func (c *call) delta() error {
	in, err := c.query.between()
	if err != nil {
		return err
	}
	body, err := c.body.all(nil)
	if err != nil {
		return err
	}
	have, err := parseHad(body)
	if err != nil {
		return err
	}
	if err := in.holds(have); err != nil {
		return err
	}
	if c.inJSON() {
		return c.streaming(jsonText, func(w *bufio.Writer, s sq.Snapshot) error {
			out := &jsonDelta{w: w}
			if err := writeDelta(out, s, have, in); err != nil {
				return err
			}
			return out.end()
		})
	}
	return c.streaming(plainText, func(w *bufio.Writer, s sq.Snapshot) error {
		out := phext.NewWriter(w)
		if err := writeDelta(textDelta{out}, s, have, in); err != nil {
			return err
		}
		return out.Flush()
	})
}

// between is a part of a phext: from a coordinate on, and before another. The zero one is
// the whole.
type between struct{ from, before phext.Coordinate }

func (q *query) between() (b between, err error) {
	for _, p := range []struct {
		name string
		param
		to *phext.Coordinate
	}{{"from", q.from, &b.from}, {"before", q.before, &b.before}} {
		if !p.given {
			continue
		}
		if *p.to, err = p.parsed(phext.ParseStored); err != nil {
			return b, sq.Errorf(sq.Invalid, "query: %s: %v", p.name, err)
		}
	}
	if q.before.given && !b.from.Less(b.before) {
		return b, sq.Errorf(sq.Invalid, "query: there is nothing from %v on before %v", b.from, b.before)
	}
	return b, nil
}

// ends reports whether a coordinate is behind the part.
func (b between) ends(c phext.Coordinate) bool { return !b.before.IsZero() && !c.Less(b.before) }

// holds returns an error where one of those in order is outside.
func (b between) holds(have []had) error {
	if n := len(have); n > 0 && have[0].coordinate.Less(b.from) {
		return sq.Errorf(sq.Invalid, "body: line %d: %v stands before %v, where the delta begins", have[0].line, have[0].coordinate, b.from)
	} else if n > 0 && b.ends(have[n-1].coordinate) {
		return sq.Errorf(sq.Invalid, "body: line %d: %v does not stand before %v, where the delta ends", have[n-1].line, have[n-1].coordinate, b.before)
	}
	return nil
}

// deltaWriter takes a delta, in order.
type deltaWriter interface {
	scroll(c phext.Coordinate, text []byte) error
	missing(c phext.Coordinate) error // what only the caller has
}

// textDelta writes a delta as a phext.
type textDelta struct{ *phext.Writer }

func (w textDelta) scroll(c phext.Coordinate, text []byte) error { return w.WriteScroll(c, text) }
func (w textDelta) missing(c phext.Coordinate) error             { return w.WriteScroll(c, []byte(missing)) }

// jsonDelta writes a delta as an array of JSON, an element a line.
type jsonDelta struct {
	w     *bufio.Writer
	line  []byte
	begun bool
}

func (w *jsonDelta) scroll(c phext.Coordinate, text []byte) error {
	w.begin(c)
	w.line = appendJSON(append(w.line, `,"text":`...), text)
	w.line = append(append(w.line, `,"checksum":"`...), phext.Sum(text).String()...)
	return w.write(`"}`)
}

func (w *jsonDelta) missing(c phext.Coordinate) error {
	w.begin(c)
	return w.write(`,"missing":true}`)
}

func (w *jsonDelta) begin(c phext.Coordinate) {
	between := ",\n"
	if !w.begun {
		between, w.begun = "[", true
	}
	w.line = append(append(w.line[:0], between...), `{"coord":"`...)
	w.line, _ = c.AppendText(w.line)
	w.line = append(w.line, '"')
}

func (w *jsonDelta) write(end string) error {
	w.line = append(w.line, end...)
	_, err := w.w.Write(w.line)
	return err
}

func (w *jsonDelta) end() error {
	if !w.begun {
		w.w.WriteByte('[') // an error stays, and the next call returns it
	}
	_, err := w.w.WriteString("]\n")
	return err
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
func writeDelta(w deltaWriter, s sq.Snapshot, have []had, in between) error {
	for scroll, err := range s.Scan(in.from, phext.Last) {
		if err != nil {
			return err
		}
		if in.ends(scroll.Coordinate) {
			break
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
		if err := w.scroll(scroll.Coordinate, scroll.Text); err != nil {
			return err
		}
	}
	_, err := writeMissing(w, have, phext.Coordinate{})
	return err
}

// writeMissing writes what only the caller has before a coordinate, or all of it
// when that is zero, and returns the rest.
func writeMissing(w deltaWriter, have []had, before phext.Coordinate) ([]had, error) {
	for len(have) > 0 && (before.IsZero() || have[0].coordinate.Less(before)) {
		if err := w.missing(have[0].coordinate); err != nil {
			return nil, err
		}
		have = have[1:]
	}
	return have, nil
}
