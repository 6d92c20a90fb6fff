package phext

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
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

// FromWords returns the coordinate whose Words are hi and lo. It checks nothing:
// words that come from outside may hold a component 0, or bits above the 126,
// which make it differ from every coordinate that was parsed.
func FromWords(hi, lo uint64) Coordinate { return Coordinate{hi, lo} }

// Words returns the coordinate as 128 bits: two zero bits, then 14 bits for
// each component, library first. Numbers made this way sort as coordinates do.
func (c Coordinate) Words() (hi, lo uint64) { return c.hi, c.lo }

// Component returns component i, 0 (library) to 8 (scroll), as a number from 0 to
// MaxStored. It panics when i is past 8.
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

// With returns c with component i, 0 (library) to 8 (scroll), set to n, which is 0
// to MaxStored: of a larger number the low 14 bits count. It panics when i is past
// 8.
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
// URL form; both separators in one text, and zeros before a number, are read as
// well. Anything else is a *CoordinateError that says what is wrong with s. It
// allocates nothing but that error.
func ParseCoordinate(s string) (Coordinate, error) { return parseCoordinate(s, MaxComponent) }

// ParseStored is ParseCoordinate for a scroll that is to be read or removed:
// its components go up to MaxStored, since a file may count that far. All that
// ParseCoordinate reads it reads alike.
func ParseStored(s string) (Coordinate, error) { return parseCoordinate(s, MaxStored) }

// hasPlace reports whether no component is 0: only then delimiters lead to c.
func (c Coordinate) hasPlace() bool {
	const ones = 1 + 1<<componentBits + 1<<(2*componentBits) + 1<<(3*componentBits)
	const full, top = MaxStored >> 1 * ones, (MaxStored + 1) / 2 * ones
	// Four components on either side of the one in the middle, the fifth of nine.
	upper, lower := c.hi>>6, c.lo&(1<<(4*componentBits)-1)
	return (upper&full+full|upper)&(lower&full+full|lower)&top == top && c.Component(4) != 0
}

// Writable returns nil when every component is a number from 1 to 999, and
// otherwise a *CoordinateError that names the first that is not.
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
	Text   string // what was given, its first 64 bytes and "..." when it is longer
	Reason string // what is wrong with it
}

// Error says what was given and what is wrong with it.
func (e *CoordinateError) Error() string {
	return fmt.Sprintf("coordinate %q: %s", e.Text, e.Reason)
}

const (
	coordinateForm = "want nine numbers like 1.1.1/1.1.1/3.1.20"
	patternForm    = "want nine numbers or stars like 1.1.1/2.*.*/*.*.*"
)

func parseCoordinate(s string, most int) (Coordinate, error) {
	c, _, reason := parse(s, most, coordinateForm)
	if reason != "" {
		return Coordinate{}, &CoordinateError{shortened(s, 64), reason}
	}
	return c, nil
}

// parse reads nine numbers from 1 to most, or stars where the form has them: there
// stars is full and want is 0. The reason says why s is not of the form.
func parse(s string, most int, form string) (want, stars Coordinate, reason string) {
	if s == "" {
		return want, stars, "is empty, " + form
	}
	for i := range Dimensions {
		n, digits := leadingNumber(s)
		switch {
		case 1 <= n && n <= most:
			want = want.With(i, n)
		case digits > 0:
			return want, stars, outOfRange(i, n, most)
		case form == patternForm && strings.HasPrefix(s, "*"):
			stars, digits = stars.With(i, MaxStored), 1
		default:
			return want, stars, fmt.Sprintf("no number for the %s, %s", names[i], form)
		}
		if s = s[digits:]; i == Dimensions-1 {
			break
		}
		if s == "" || !separates(s[0], i) {
			return want, stars, fmt.Sprintf("no %s after the %s, %s", separatorNames[(i+1)%3 == 0], names[i], form)
		}
		s = s[1:]
	}
	if s != "" {
		reason = fmt.Sprintf("has %q after the ninth number", shortened(s, 16))
	}
	return want, stars, reason
}

// leadingNumber returns the number at the front of s and of how many digits it is
// made; it gives up behind the first digit that takes it past MaxStored.
func leadingNumber(s string) (n, digits int) {
	for digits < len(s) && s[digits]-'0' <= 9 && n <= MaxStored {
		n = n*10 + int(s[digits]-'0')
		digits++
	}
	return n, digits
}

func shortened(s string, most int) string {
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
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
