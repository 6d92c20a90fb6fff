package phext

import "math/bits"

// The delimiters, each named for the dimension that it counts.
const (
	LibraryDelimiter    = 0x01
	ShelfDelimiter      = 0x1F
	SeriesDelimiter     = 0x1E
	CollectionDelimiter = 0x1D
	VolumeDelimiter     = 0x1C
	BookDelimiter       = 0x1A
	ChapterDelimiter    = 0x19
	SectionDelimiter    = 0x18
	ScrollDelimiter     = 0x17
)

// delimiters in the order of Coordinate.Component.
var delimiters = [Dimensions]byte{
	LibraryDelimiter, ShelfDelimiter, SeriesDelimiter, CollectionDelimiter, VolumeDelimiter,
	BookDelimiter, ChapterDelimiter, SectionDelimiter, ScrollDelimiter,
}

// counts is 1 + the component that a byte counts, 0 for a byte of text.
var counts = func() (table [256]uint8) {
	for i, b := range delimiters {
		table[b] = uint8(i + 1)
	}
	return table
}()

// Last is the greatest coordinate that a file can count to.
var Last = At(MaxStored, MaxStored, MaxStored, MaxStored, MaxStored, MaxStored, MaxStored, MaxStored, MaxStored)

// IsDelimiter reports whether b is one of the nine delimiters.
func IsDelimiter(b byte) bool { return counts[b] != 0 }

// step is what one delimiter does to a coordinate, in words: keep the components
// up to its own, set those to its right to 1, and add one. full is its own at its
// highest, which cannot count further.
type step struct{ keep, ones, add, full Coordinate }

var steps = func() (table [Dimensions]step) {
	for i := range table {
		s := &table[i]
		for k := range Dimensions {
			if k > i {
				s.ones = s.ones.With(k, 1)
			} else {
				s.keep = s.keep.With(k, MaxStored)
			}
		}
		s.add, s.full = s.add.With(i, 1), s.full.With(i, MaxStored)
	}
	return table
}()

// after returns where the text stands after a delimiter that counts component
// i; false when the component cannot count further.
func (c Coordinate) after(i int) (Coordinate, bool) {
	s := &steps[i]
	if c.hi&s.full.hi == s.full.hi && c.lo&s.full.lo == s.full.lo {
		return c, false
	}
	lo, carry := bits.Add64(c.lo&s.keep.lo|s.ones.lo, s.add.lo, 0)
	return Coordinate{(c.hi&s.keep.hi | s.ones.hi) + s.add.hi + carry, lo}, true
}

// AppendDelimiters appends to dst the shortest delimiters that lead from one
// coordinate to a later one, and nothing when to is not later. The components
// of both are 1 or more.
func AppendDelimiters(dst []byte, from, to Coordinate) []byte {
	if !from.Less(to) {
		return dst
	}
	differs := false
	for i, b := range delimiters {
		n := to.Component(i) - 1
		if !differs {
			n = to.Component(i) - from.Component(i)
			differs = n != 0
		}
		for range n {
			dst = append(dst, b)
		}
	}
	return dst
}

// DelimiterBytes returns how many bytes AppendDelimiters appends: 0 to 147,447.
func DelimiterBytes(from, to Coordinate) int64 {
	if !from.Less(to) {
		return 0
	}
	total, differs := 0, false
	for i := range Dimensions {
		n := to.Component(i) - 1
		if !differs {
			n = to.Component(i) - from.Component(i)
			differs = n != 0
		}
		total += n
	}
	return int64(total)
}
