package phext

import (
	"cmp"
	"fmt"
	"strconv"
)

// Dimensions is the number of components in a coordinate.
const Dimensions = 9

const (
	// MaxComponent is the largest component that clients may write: phext
	// tools count each dimension from 1 to 999.
	MaxComponent = 999
	// MaxStored is the largest component that a file may count to and still be
	// read: nine such numbers fill the two machine words of a Coordinate.
	MaxStored = 1<<componentBits - 1

	componentBits = 14
)

// Coordinate addresses one scroll. It is two machine words, comparable with ==,
// usable as a map key, and a value that goroutines may share.
//
// Components are numbered from 0 (library) to 8 (scroll), which is the order in
// which they are written and compared. The zero Coordinate has the component 0
// nine times and addresses nothing: it stands before every scroll.
type Coordinate struct {
	hi, lo uint64 // 126 bits, 14 for each component, the library highest
}

// First is where every document starts: 1.1.1/1.1.1/1.1.1.
var First = At(1, 1, 1, 1, 1, 1, 1, 1, 1)

// At returns the coordinate with the given components, library first. It panics
// when there are not nine of them or one is outside 0 to MaxStored: it is for
// numbers that are known, and ParseCoordinate for those that come from outside.
func At(components ...int) Coordinate {
	if len(components) != Dimensions {
		panic(fmt.Sprintf("phext: a coordinate has %d components, not %d", Dimensions, len(components)))
	}
	var c Coordinate
	for i, n := range components {
		if n < 0 || n > MaxStored {
			panic(fmt.Sprintf("phext: component %d is outside 0 to %d", n, MaxStored))
		}
		c = c.With(i, n)
	}
	return c
}

// FromWords returns the coordinate whose Words are hi and lo.
func FromWords(hi, lo uint64) Coordinate { return Coordinate{hi, lo} }

// Words returns the coordinate as 128 bits: two zero bits, then 14 bits for
// each component, library first. Numbers made this way sort as coordinates do.
func (c Coordinate) Words() (hi, lo uint64) { return c.hi, c.lo }

// Component returns component i, 0 (library) to 8 (scroll).
func (c Coordinate) Component(i int) int {
	shift := componentBits * (Dimensions - 1 - i)
	bits := c.lo >> shift
	switch {
	case shift >= 64:
		bits = c.hi >> (shift - 64)
	case shift > 64-componentBits:
		bits |= c.hi << (64 - shift)
	}
	return int(bits & MaxStored)
}

// With returns c with component i set to n, which is 0 to MaxStored.
func (c Coordinate) With(i, n int) Coordinate {
	shift := componentBits * (Dimensions - 1 - i)
	mask, bits := uint64(MaxStored), uint64(n)&MaxStored
	if shift >= 64 {
		c.hi = c.hi&^(mask<<(shift-64)) | bits<<(shift-64)
		return c
	}
	c.lo = c.lo&^(mask<<shift) | bits<<shift
	if shift > 64-componentBits {
		c.hi = c.hi&^(mask>>(64-shift)) | bits>>(64-shift)
	}
	return c
}

// Compare returns -1, 0 or 1 as c stands before, at or behind d in a document.
func (c Coordinate) Compare(d Coordinate) int {
	if c.hi != d.hi {
		return cmp.Compare(c.hi, d.hi)
	}
	return cmp.Compare(c.lo, d.lo)
}

// Less reports whether c stands before d in a document.
func (c Coordinate) Less(d Coordinate) bool {
	return c.hi < d.hi || c.hi == d.hi && c.lo < d.lo
}

// IsZero reports whether c is the zero Coordinate.
func (c Coordinate) IsZero() bool { return c == Coordinate{} }

// String returns the canonical form, such as 1.1.1/1.1.1/3.1.20.
func (c Coordinate) String() string {
	var buf [Dimensions*5 + 8]byte
	return string(c.append(buf[:0], '/'))
}

// URL returns the form that needs no escaping in a URL: 1.1.1;1.1.1;3.1.20.
func (c Coordinate) URL() string {
	var buf [Dimensions*5 + 8]byte
	return string(c.append(buf[:0], ';'))
}

// AppendText appends the canonical form to b. The error is always nil; it makes
// Coordinate an encoding.TextAppender.
func (c Coordinate) AppendText(b []byte) ([]byte, error) { return c.append(b, '/'), nil }

func (c Coordinate) append(b []byte, group byte) []byte {
	for i := range Dimensions {
		switch {
		case i == 0:
		case i%3 == 0:
			b = append(b, group)
		default:
			b = append(b, '.')
		}
		b = strconv.AppendInt(b, int64(c.Component(i)), 10)
	}
	return b
}

// ParseCoordinate reads nine numbers from 1 to 999 in the canonical form or the
// URL form. Anything else is an error that says what is wrong with s.
func ParseCoordinate(s string) (Coordinate, error) { return parseCoordinate(s, MaxComponent) }

// ParseStored is ParseCoordinate for a scroll that is to be read or removed:
// its components go up to MaxStored, since a file may count that far.
func ParseStored(s string) (Coordinate, error) { return parseCoordinate(s, MaxStored) }

// Writable returns an error that names the first component that is not a number
// from 1 to 999, or nil.
func (c Coordinate) Writable() error {
	for i := range Dimensions {
		if n := c.Component(i); n < 1 || n > MaxComponent {
			return &CoordinateError{Text: c.String(), Reason: outOfRange(i, n, MaxComponent)}
		}
	}
	return nil
}

// CoordinateError says why a text is no coordinate.
type CoordinateError struct {
	Text   string // what was given, shortened when it is long
	Reason string
}

// Error says what was given and what is wrong with it.
func (e *CoordinateError) Error() string {
	return fmt.Sprintf("coordinate %q: %s", e.Text, e.Reason)
}

const coordinateForm = "want nine numbers like 1.1.1/1.1.1/3.1.20"

func parseCoordinate(s string, most int) (Coordinate, error) {
	var c Coordinate
	fail := func(reason string) (Coordinate, error) {
		const longest = 64
		if len(s) > longest {
			s = s[:longest] + "..."
		}
		return Coordinate{}, &CoordinateError{Text: s, Reason: reason}
	}
	if s == "" {
		return fail("is empty, " + coordinateForm)
	}
	rest := s
	for i := range Dimensions {
		n, digits := 0, 0
		for digits < len(rest) && rest[digits]-'0' <= 9 {
			n = n*10 + int(rest[digits]-'0')
			if digits++; n > MaxStored {
				return fail(outOfRange(i, n, most))
			}
		}
		if digits == 0 {
			return fail(fmt.Sprintf("no number for the %s, %s", names[i], coordinateForm))
		}
		if n < 1 || n > most {
			return fail(outOfRange(i, n, most))
		}
		c = c.With(i, n)
		rest = rest[digits:]
		if i == Dimensions-1 {
			break
		}
		if rest == "" || !separates(rest[0], i) {
			return fail(fmt.Sprintf("no %s after the %s, %s", separatorNames[(i+1)%3 == 0], names[i], coordinateForm))
		}
		rest = rest[1:]
	}
	if rest != "" {
		return fail(fmt.Sprintf("has %q after the ninth number", rest))
	}
	return c, nil
}

func separates(b byte, after int) bool {
	if (after+1)%3 == 0 {
		return b == '/' || b == ';'
	}
	return b == '.'
}

var separatorNames = map[bool]string{true: "'/' or ';'", false: "'.'"}

func outOfRange(i, n, most int) string {
	if n > MaxStored {
		return fmt.Sprintf("the %s is outside 1 to %d", names[i], most)
	}
	return fmt.Sprintf("the %s is %d, outside 1 to %d", names[i], n, most)
}

// names of the components, in the order of Component.
var names = [Dimensions]string{
	"library", "shelf", "series", "collection", "volume", "book", "chapter", "section", "scroll",
}
