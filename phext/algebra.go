package phext

import (
	"bytes"
	"cmp"
)

// Merge returns a phext with the scrolls of both, in normal form; where both have
// a coordinate, left text and then right text. The error is a *DimensionError, of
// left when both have one.
func Merge(left, right []byte) ([]byte, error) {
	var out bytes.Buffer
	w, l, r := newWriter(&out, memoryBuffer), NewScanner(left), NewScanner(right)
	for inL, inR := l.Next(), r.Next(); inL || inR; {
		takeL := inL && (!inR || !r.Coordinate().Less(l.Coordinate()))
		takeR := inR && (!inL || !l.Coordinate().Less(r.Coordinate()))
		from := l
		if !takeL {
			from = r
		}
		if err := w.WriteScroll(from.Coordinate(), from.Text()); err != nil {
			return nil, err
		}
		if takeL && takeR {
			w.Write(r.Text())
		}
		if takeL {
			inL = l.Next()
		}
		if takeR {
			inR = r.Next()
		}
	}
	if err := cmp.Or(l.Err(), r.Err()); err != nil {
		return nil, err
	}
	err := w.Flush()
	return out.Bytes(), err
}

// Subtract returns the scrolls of left whose coordinates right does not have, in
// normal form. The error is a *DimensionError, of left when both have one.
func Subtract(left, right []byte) ([]byte, error) {
	r := NewScanner(right)
	more := r.Next()
	out, err := rewritten(left, func(c Coordinate, text []byte) []byte {
		for more && r.Coordinate().Less(c) {
			more = r.Next()
		}
		if more && r.Coordinate() == c {
			return nil
		}
		return text
	})
	for more { // so that an error does not depend on left
		more = r.Next()
	}
	if err := cmp.Or(err, r.Err()); err != nil {
		return nil, err
	}
	return out, nil
}

// ladder is the delimiters from the smallest up, the line break included.
var ladder = [...]byte{
	'\n', ScrollDelimiter, SectionDelimiter, ChapterDelimiter, BookDelimiter, VolumeDelimiter,
	CollectionDelimiter, SeriesDelimiter, ShelfDelimiter, LibraryDelimiter,
}

var expanded, contracted = climb(1), climb(-1)

// climb returns what each byte becomes that many rungs up the ladder.
func climb(by int) (table [256]byte) {
	for b := range table {
		table[b] = byte(b)
	}
	for i, b := range ladder {
		table[b] = ladder[min(max(i+by, 0), len(ladder)-1)]
	}
	return table
}

// Expand returns text with each delimiter, line breaks included, turned into the
// next higher one; library delimiters stay.
func Expand(text []byte) []byte { return translate(text, &expanded) }

// Contract returns text with each delimiter turned into the next lower one; line
// breaks stay, and scroll delimiters become line breaks.
func Contract(text []byte) []byte { return translate(text, &contracted) }

func translate(text []byte, table *[256]byte) []byte {
	out := make([]byte, len(text))
	for i, b := range text {
		out[i] = table[b]
	}
	return out
}

// Fetch returns the text of the scroll at c, a part of text; nothing when there is
// none. It reads no further than c. The error is a *DimensionError.
func Fetch(text []byte, c Coordinate) ([]byte, error) {
	s := NewScanner(text)
	for s.Next() && !c.Less(s.Coordinate()) {
		if s.Coordinate() == c {
			return s.Text(), nil
		}
	}
	return nil, s.Err()
}

// Insert returns the phext, in normal form, with more added to the end of the
// scroll at c. The text of more is not looked at: see CheckText. The error is a
// *DimensionError, or says that c has a component 0.
func Insert(text []byte, c Coordinate, more string) ([]byte, error) {
	var one bytes.Buffer
	w := newWriter(&one, memoryBuffer)
	if err := w.WriteScroll(c, []byte(more)); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return Merge(text, one.Bytes())
}

// Update returns the phext, in normal form, with the scroll at c replaced; an empty
// text removes it. Errors are as for Insert.
func Update(text []byte, c Coordinate, by string) ([]byte, error) {
	rest, err := Remove(text, c)
	if err != nil {
		return nil, err
	}
	return Insert(rest, c, by)
}

// Remove returns the phext, in normal form, without the scroll at c. The error is a
// *DimensionError.
func Remove(text []byte, c Coordinate) ([]byte, error) {
	return rewritten(text, func(at Coordinate, text []byte) []byte {
		if at == c {
			return nil
		}
		return text
	})
}
