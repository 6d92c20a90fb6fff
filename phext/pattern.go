package phext

import "strings"

// Pattern is a coordinate in which a component may be "*", which stands for any
// number. The zero Pattern matches everything. Patterns are comparable with ==,
// and values that goroutines may share.
type Pattern struct{ want, mask Coordinate }

// AnyPattern matches every coordinate.
var AnyPattern Pattern

// ParsePattern reads a coordinate with stars, such as 1.1.1/2.*.*/*.*.*; stars may
// stand anywhere, each for one whole number. Numbers go up to MaxStored. What is
// read otherwise, and the error, are as for ParseStored.
func ParsePattern(s string) (Pattern, error) {
	want, stars, reason := parse(s, MaxStored, patternForm)
	if reason != "" {
		return Pattern{}, &CoordinateError{shortened(s, 64), reason}
	}
	return Pattern{want, Coordinate{Last.hi &^ stars.hi, Last.lo &^ stars.lo}}, nil
}

// Matches reports whether c is under the pattern.
func (p Pattern) Matches(c Coordinate) bool {
	return c.hi&p.mask.hi == p.want.hi && c.lo&p.mask.lo == p.want.lo
}

// Range returns the first and the last coordinate that can match. Where a number
// follows a star, coordinates between them do not all match.
func (p Pattern) Range() (from, to Coordinate) {
	for i := range Dimensions {
		if p.mask.Component(i) != 0 {
			from, to = from.With(i, p.want.Component(i)), to.With(i, p.want.Component(i))
		} else {
			from, to = from.With(i, 1), to.With(i, MaxStored)
		}
	}
	return from, to
}

// String returns the pattern as ParsePattern reads it.
func (p Pattern) String() string {
	parts := make([]string, Dimensions)
	for i, n := range strings.FieldsFunc(p.want.String(), func(r rune) bool { return r == '.' || r == '/' }) {
		if parts[i] = n; p.mask.Component(i) == 0 {
			parts[i] = "*"
		}
	}
	return strings.Join(parts[:3], ".") + "/" + strings.Join(parts[3:6], ".") + "/" + strings.Join(parts[6:], ".")
}
