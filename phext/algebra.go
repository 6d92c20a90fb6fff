package phext

import "bytes"

// Merge returns a phext with the scrolls of both; where both have a coordinate,
// left text and then right text.
func Merge(left, right []byte) ([]byte, error) {
	var out bytes.Buffer
	w, l, r := NewWriter(&out), NewScanner(left), NewScanner(right)
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
	w.Flush() // to memory: cannot fail
	if err := firstError(l.Err(), r.Err()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Subtract returns the scrolls of left whose coordinates right does not have.
func Subtract(left, right []byte) ([]byte, error) {
	r := NewScanner(right)
	more := r.Next()
	out, err := rewrite(left, func(c Coordinate, text []byte) []byte {
		for more && r.Coordinate().Less(c) {
			more = r.Next()
		}
		if more && r.Coordinate() == c {
			return nil
		}
		return text
	})
	if err := firstError(err, r.Err()); err != nil {
		return nil, err
	}
	return out, nil
}

// ladder is the delimiters from the smallest up, the line break included.
var ladder = [...]byte{
	'\n', ScrollDelimiter, SectionDelimiter, ChapterDelimiter, BookDelimiter, VolumeDelimiter,
	CollectionDelimiter, SeriesDelimiter, ShelfDelimiter, LibraryDelimiter,
}

// Expand turns each delimiter, line breaks included, into the next higher one.
func Expand(text []byte) []byte { return shift(text, 1) }

// Contract turns each delimiter into the next lower one; line breaks stay.
func Contract(text []byte) []byte { return shift(text, -1) }

func shift(text []byte, by int) []byte {
	out := bytes.Clone(text)
	for i, b := range out {
		if n := bytes.IndexByte(ladder[:], b); n >= 0 {
			out[i] = ladder[min(max(n+by, 0), len(ladder)-1)]
		}
	}
	return out
}

// Fetch returns the text of the scroll at c; nothing when there is none.
func Fetch(text []byte, c Coordinate) ([]byte, error) {
	s := NewScanner(text)
	for s.Next() {
		if s.Coordinate() == c {
			return s.Text(), nil
		}
	}
	return nil, s.Err()
}

// Insert returns the phext with more added to the end of the scroll at c.
func Insert(text []byte, c Coordinate, more string) ([]byte, error) {
	return Merge(text, []byte(Implode(map[Coordinate]string{c: more})))
}

// Update returns the phext with the scroll at c replaced.
func Update(text []byte, c Coordinate, by string) ([]byte, error) {
	rest, err := Remove(text, c)
	if err != nil {
		return nil, err
	}
	return Insert(rest, c, by)
}

// Remove returns the phext without the scroll at c.
func Remove(text []byte, c Coordinate) ([]byte, error) {
	return rewrite(text, func(at Coordinate, text []byte) []byte {
		if at == c {
			return nil
		}
		return text
	})
}
