package phext

import (
	"encoding/hex"
	"fmt"

	"github.com/zeebo/xxh3"
)

// Checksum is the XXH3-128 (seed 0) of bytes, high word first. It is comparable
// with ==, and a value that goroutines may share.
type Checksum [16]byte

// Sum returns the checksum of text: of a scroll, or of a phext that is in normal
// form.
func Sum(text []byte) Checksum { return xxh3.Hash128(text).Bytes() }

// SumNormal returns the checksum of a phext: that of its normal form, which is not
// kept in memory. The error is a *DimensionError.
func SumNormal(text []byte) (Checksum, error) {
	sum := xxh3.New()
	if err := rewrite(sum, text, func(_ Coordinate, text []byte) []byte { return text }); err != nil {
		return Checksum{}, err
	}
	return sum.Sum128().Bytes(), nil
}

// String returns 32 lower-case hex digits.
func (c Checksum) String() string { return hex.EncodeToString(c[:]) }

// AppendText appends String to b; the error is always nil.
func (c Checksum) AppendText(b []byte) ([]byte, error) { return hex.AppendEncode(b, c[:]), nil }

// MarshalText returns String.
func (c Checksum) MarshalText() ([]byte, error) { return c.AppendText(nil) }

// UnmarshalText is ParseChecksum.
func (c *Checksum) UnmarshalText(b []byte) (err error) {
	*c, err = ParseChecksum(string(b))
	return err
}

// ParseChecksum reads 32 hex digits in upper or lower case.
func ParseChecksum(s string) (c Checksum, err error) {
	if len(s) != 2*len(c) {
		return c, fmt.Errorf("checksum: has %d characters, want 32 hex digits", len(s))
	}
	if _, err := hex.Decode(c[:], []byte(s)); err != nil {
		return Checksum{}, fmt.Errorf("checksum %q: want 32 hex digits", s)
	}
	return c, nil
}
