package phext

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// DimensionError says that a document counts a dimension past MaxStored.
type DimensionError struct {
	Offset    int64  // of the delimiter that cannot be counted, in bytes
	Dimension string // its name, such as "scroll"
}

// Error says where, and which dimension.
func (e *DimensionError) Error() string {
	return fmt.Sprintf("offset %d: the %s counts past %d", e.Offset, e.Dimension, MaxStored)
}

// Scanner yields the scrolls of a document that is in memory. It allocates
// nothing.
type Scanner struct {
	text       []byte
	at         int // what was not looked at yet
	here       Coordinate
	start, end int
	c          Coordinate
	err        error
}

// NewScanner returns a scanner of text, which must not change while it is used.
func NewScanner(text []byte) *Scanner { return &Scanner{text: text, here: First} }

// Next moves to the next scroll that is not empty; false at the end or when the
// document cannot be counted any further, which Err tells.
func (s *Scanner) Next() bool {
	for s.at < len(s.text) {
		s.start, s.c = s.at, s.here
		s.end = s.at + indexDelimiter(s.text[s.at:])
		if s.end < len(s.text) && !s.count() {
			return s.end > s.start
		}
		s.at = s.end + 1
		if s.end > s.start {
			return true
		}
	}
	return false
}

// count takes the delimiter at end into account.
func (s *Scanner) count() bool {
	i := int(counts[s.text[s.end]]) - 1
	next, ok := s.here.after(i)
	if s.here = next; !ok {
		s.err = &DimensionError{int64(s.end), names[i]}
		s.at = len(s.text)
	}
	return ok
}

// Coordinate returns where the scroll is.
func (s *Scanner) Coordinate() Coordinate { return s.c }

// Offset returns where the scroll's text begins, in bytes.
func (s *Scanner) Offset() int64 { return int64(s.start) }

// Len returns the bytes of the scroll's text.
func (s *Scanner) Len() int { return s.end - s.start }

// Text returns the scroll's text: a part of the document.
func (s *Scanner) Text() []byte { return s.text[s.start:s.end:s.end] }

// Err returns a *DimensionError when the document cannot be counted to its end.
func (s *Scanner) Err() error { return s.err }

const (
	low  = 0x0101010101010101
	high = 0x8080808080808080
)

// suspicious is not 0 when a byte of w has upper four bits equal to 1 or is
// below 2: every delimiter is such a byte, and line breaks and text are not.
func suspicious(w uint64) uint64 {
	ten, two := w&0xF0F0F0F0F0F0F0F0^0x1010101010101010, w&0xFEFEFEFEFEFEFEFE
	return ((ten-low)&^ten | (two-low)&^two) & high
}

// indexDelimiter returns the offset of the first delimiter in b, or len(b). It
// looks at single words where a short scroll may end, and then at four together.
func indexDelimiter(b []byte) int {
	const near = 32
	i := 0
	for ; i < near && i+8 <= len(b); i += 8 {
		if n := firstOf(b[i:], suspicious(binary.LittleEndian.Uint64(b[i:]))); n < 8 {
			return i + n
		}
	}
	for ; i+32 <= len(b); i += 32 {
		p := b[i : i+32 : i+32]
		w0, w1 := suspicious(binary.LittleEndian.Uint64(p)), suspicious(binary.LittleEndian.Uint64(p[8:]))
		w2, w3 := suspicious(binary.LittleEndian.Uint64(p[16:])), suspicious(binary.LittleEndian.Uint64(p[24:]))
		if w0|w1|w2|w3 == 0 {
			continue
		}
		for k, found := range [...]uint64{w0, w1, w2, w3} {
			if n := firstOf(p[8*k:], found); n < 8 {
				return i + 8*k + n
			}
		}
	}
	for ; i < len(b); i++ {
		if counts[b[i]] != 0 {
			return i
		}
	}
	return len(b)
}

// firstOf returns the first of the bytes found that is a delimiter, or 8.
func firstOf(b []byte, found uint64) int {
	for ; found != 0; found &= found - 1 {
		if k := bits.TrailingZeros64(found) / 8; counts[b[k]] != 0 {
			return k
		}
	}
	return 8
}
