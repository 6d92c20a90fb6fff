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

// step is what one delimiter does to a coordinate: it keeps the components up to
// its own, and adds one to that and to those on its right, which were cleared.
type step struct{ keep, add, own Coordinate }

var steps = func() (table [Dimensions]step) {
	for i := range table {
		s := &table[i]
		for k := range Dimensions {
			if k <= i {
				s.keep = s.keep.With(k, MaxStored)
			}
			if k >= i {
				s.add = s.add.With(k, 1)
			}
		}
		s.own = s.own.With(i, MaxStored)
	}
	return table
}()

// pass moves c to where the text stands behind the delimiter b; false, and c is
// as it was, when the component cannot count further.
func (c *Coordinate) pass(b byte) bool {
	if n := c.lo + 1; b == ScrollDelimiter && n&MaxStored != 0 {
		c.lo = n // most delimiters are this one
		return true
	}
	return c.count(int(counts[b]) - 1)
}

// count is pass for the delimiter of component i.
func (c *Coordinate) count(i int) bool {
	s := &steps[i]
	lo, carry := bits.Add64(c.lo&s.keep.lo, s.add.lo, 0)
	hi := c.hi&s.keep.hi + s.add.hi + carry
	if hi&s.own.hi|lo&s.own.lo == 0 {
		return false // it was MaxStored, and one more is 0
	}
	c.hi, c.lo = hi, lo
	return true
}

// way returns how many of each delimiter lead from one coordinate to a later one,
// and none when to is not later.
func way(from, to Coordinate) (n [Dimensions]int) {
	if !from.Less(to) {
		return n
	}
	i := differs(from, to)
	n[i] = to.Component(i) - from.Component(i)
	for i++; i < Dimensions; i++ {
		n[i] = to.Component(i) - 1
	}
	return n
}

// differs returns the first component in which two different coordinates differ.
func differs(a, b Coordinate) int {
	if a.hi != b.hi {
		return (bits.LeadingZeros64(a.hi^b.hi) - 2) / componentBits
	}
	return (bits.LeadingZeros64(a.lo^b.lo) + 62) / componentBits
}

// AppendDelimiters appends to dst the shortest delimiters that lead from one
// coordinate to a later one, and nothing when to is not later. The components
// of both must be 1 or more: no delimiters lead to a 0.
func AppendDelimiters(dst []byte, from, to Coordinate) []byte {
	for i, n := range way(from, to) {
		for range n {
			dst = append(dst, delimiters[i])
		}
	}
	return dst
}

// DelimiterBytes returns how many bytes AppendDelimiters appends, for the same
// coordinates: 0 to 147,438, and 8,982 at the most between writable ones. It costs
// some 20 ns, however many they are.
func DelimiterBytes(from, to Coordinate) int64 {
	total := 0
	for _, n := range way(from, to) {
		total += n
	}
	return int64(total)
}
