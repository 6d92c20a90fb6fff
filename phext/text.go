package phext

import (
	"bytes"
	"maps"
	"slices"
)

// Explode returns the scrolls of a phext that are not empty. The error is a
// *DimensionError.
func Explode(text string) (map[Coordinate]string, error) {
	scrolls := map[Coordinate]string{}
	s := NewScanner([]byte(text))
	for s.Next() {
		scrolls[s.Coordinate()] = string(s.Text())
	}
	return scrolls, s.Err()
}

// Implode returns the shortest phext with these scrolls, whose coordinates have
// components from 1 up.
func Implode(scrolls map[Coordinate]string) string {
	var out bytes.Buffer
	w := NewWriter(&out)
	for _, c := range slices.SortedFunc(maps.Keys(scrolls), Coordinate.Compare) {
		w.WriteScroll(c, []byte(scrolls[c])) // to memory, in order: cannot fail
	}
	w.Flush()
	return out.String()
}

// Normalize returns the normal form of a phext.
func Normalize(text []byte) ([]byte, error) {
	return rewrite(text, func(_ Coordinate, text []byte) []byte { return text })
}

// rewrite returns the phext with what f makes of each scroll.
func rewrite(text []byte, f func(Coordinate, []byte) []byte) ([]byte, error) {
	var out bytes.Buffer
	w, s := NewWriter(&out), NewScanner(text)
	for s.Next() {
		if err := w.WriteScroll(s.Coordinate(), f(s.Coordinate(), s.Text())); err != nil {
			return nil, err
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	err := w.Flush()
	return out.Bytes(), err
}
