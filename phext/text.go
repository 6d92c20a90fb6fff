package phext

import (
	"bytes"
	"io"
	"maps"
	"slices"
)

// Explode returns the scrolls of a phext that are not empty. They share the memory
// of text. The error is a *DimensionError.
func Explode(text string) (map[Coordinate]string, error) {
	scrolls := map[Coordinate]string{}
	s := NewScanner([]byte(text))
	for s.Next() {
		scrolls[s.Coordinate()] = text[s.start:s.end]
	}
	if s.Err() != nil {
		return nil, s.Err()
	}
	return scrolls, nil
}

// Implode returns the shortest phext with these scrolls. A scroll at a coordinate
// with a component 0 has no place in a phext and is left out. The texts are not
// looked at: see CheckText.
func Implode(scrolls map[Coordinate]string) string {
	var out bytes.Buffer
	w := newWriter(&out, memoryBuffer)
	for _, c := range slices.SortedFunc(maps.Keys(scrolls), Coordinate.Compare) {
		w.WriteScroll(c, []byte(scrolls[c])) // to memory, in order: fails for a 0 only
	}
	w.Flush()
	return out.String()
}

// Normalize returns the normal form of a phext. The error is a *DimensionError.
func Normalize(text []byte) ([]byte, error) {
	return rewritten(text, func(_ Coordinate, text []byte) []byte { return text })
}

// rewritten returns the phext with what f makes of each scroll.
func rewritten(text []byte, f func(Coordinate, []byte) []byte) ([]byte, error) {
	var out bytes.Buffer
	if err := rewrite(&out, text, f); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// rewrite writes the phext with what f makes of each scroll.
func rewrite(out io.Writer, text []byte, f func(Coordinate, []byte) []byte) error {
	w, s := newWriter(out, memoryBuffer), NewScanner(text)
	for s.Next() {
		if err := w.WriteScroll(s.Coordinate(), f(s.Coordinate(), s.Text())); err != nil {
			return err
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	return w.Flush()
}
