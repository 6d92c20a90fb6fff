package phext

import (
	"crypto/md5"
	"encoding/hex"
	"strings"
	"testing"
)

// TestOdyssey reads a real phext that others made.
func TestOdyssey(t *testing.T) {
	text := beside(t, "data/the-odyssey.phext")
	sum, err := SumNormal(text)
	if err != nil || sum.String() != "9dd0ca3402f6f9e6ee5ecdee786664f9" {
		t.Errorf("checksum %v, %v", sum, err)
	}
	toc, err := Toc(text)
	digest := md5.Sum([]byte(toc))
	if err != nil || strings.Count(toc, "\n") != 52 || hex.EncodeToString(digest[:]) != "953ae7bc34034572b452dd4879499cdf" {
		t.Errorf("toc of %d lines, %x, %v", strings.Count(toc, "\n"), digest, err)
	}
}

func TestWhere(t *testing.T) {
	for text, want := range map[string]string{
		"hello":               "166.938.418/956.355.654/170.196.424",
		"The quick brown fox": "163.418.348/419.939.681/144.166.168",
	} {
		if got := WhereChecksum([]byte(text)); got.String() != want {
			t.Errorf("%q: %v, want %s", text, got, want)
		}
	}
	if c, err := WhereXor([]byte(strings.Repeat("x", 100)), 100); err != nil || c.String() != "0.0.0/0.0.0/0.0.0" {
		t.Errorf("xor of the first scroll: %v, %v", c, err)
	}
}
