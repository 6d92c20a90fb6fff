package phext

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wbic16/sq-go/internal/sweep"
)

func TestDimensionError(t *testing.T) {
	text := strings.Repeat("\x17", MaxStored-1)
	if got, err := Explode(text + "x"); err != nil || got[First.With(8, MaxStored)] != "x" {
		t.Errorf("the highest coordinate: %v, %v", got, err)
	}
	var limit *DimensionError
	if _, err := Explode("a" + text + "\x17x"); !errors.As(err, &limit) || limit.Offset != MaxStored || limit.Dimension != "scroll" {
		t.Errorf("one further: %v", err)
	}
	for i, b := range delimiters {
		text := strings.Repeat(string(b), MaxStored-1) + "y" + string(b) + "x"
		s := NewScanner([]byte(text))
		if !s.Next() || s.Coordinate() != First.With(i, MaxStored) || string(s.Text()) != "y" {
			t.Errorf("the last %s is %q at %v", names[i], s.Text(), s.Coordinate())
		}
		for range 2 { // and stays at its end
			if s.Next() {
				t.Errorf("one %s further is %q", names[i], s.Text())
			}
		}
		if !errors.As(s.Err(), &limit) || limit.Offset != MaxStored || limit.Dimension != names[i] {
			t.Errorf("one %s further: %v", names[i], s.Err())
		}
	}
}

// TestErrorsReturnNothing holds that no half result comes with an error.
func TestErrorsReturnNothing(t *testing.T) {
	bad, good := []byte("a\x18"+strings.Repeat("\x17", MaxStored)+"x"), []byte("b")
	for what, f := range map[string]func() (any, error){
		"explode":        func() (any, error) { m, err := Explode(string(bad)); return m == nil, err },
		"normalize":      func() (any, error) { b, err := Normalize(bad); return b == nil, err },
		"sum":            func() (any, error) { c, err := SumNormal(bad); return c == Checksum{}, err },
		"toc":            func() (any, error) { s, err := Toc(bad); return s == "", err },
		"manifest":       func() (any, error) { b, err := Manifest(bad); return b == nil, err },
		"merge left":     func() (any, error) { b, err := Merge(bad, good); return b == nil, err },
		"merge right":    func() (any, error) { b, err := Merge(good, bad); return b == nil, err },
		"subtract left":  func() (any, error) { b, err := Subtract(bad, good); return b == nil, err },
		"subtract right": func() (any, error) { b, err := Subtract(good, bad); return b == nil, err },
		"fetch":          func() (any, error) { b, err := Fetch(bad, Last); return b == nil, err },
		"insert":         func() (any, error) { b, err := Insert(bad, First, "x"); return b == nil, err },
		"update":         func() (any, error) { b, err := Update(bad, First, "x"); return b == nil, err },
		"remove":         func() (any, error) { b, err := Remove(bad, First); return b == nil, err },
		"where":          func() (any, error) { c, err := WhereXor(bad, 0); return c.IsZero(), err },
	} {
		empty, err := f()
		var limit *DimensionError
		if empty != true || !errors.As(err, &limit) {
			t.Errorf("%s: nothing %v, %v", what, empty, err)
		}
	}
	var limit *DimensionError
	if _, err := Merge([]byte("\x01"+string(bad)), bad); !errors.As(err, &limit) || limit.Offset != MaxStored+2 {
		t.Errorf("merge of two, want the left one's: %v", err)
	}
	if text, err := Fetch(bad, First); string(text) != "a" || err != nil {
		t.Errorf("fetch before what is wrong: %q, %v", text, err)
	}
}

// TestFindEveryByte puts each byte at each place of texts of each length, where
// blocks begin and end in all ways.
func TestFindEveryByte(t *testing.T) {
	for size := 0; size < 150; size += sweep.Step {
		text := bytes.Repeat([]byte("t"), size)
		for at := range text {
			for b := range 256 {
				text[at] = byte(b)
				want := size
				if bytes.IndexByte(delimiters[:], byte(b)) >= 0 {
					want = at
				}
				if n := indexDelimiter(text); n != want {
					t.Fatalf("byte %02X at %d of %d: found at %d", b, at, size, n)
				}
			}
			text[at] = 't'
		}
	}
}

// TestFindAll holds the finder to a plain search in texts full of delimiters and
// of bytes that look like them.
func TestFindAll(t *testing.T) {
	const alphabet = "\x00\x01\x02\x0a\x0f\x10\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x20tttt\x7f\x80\x81\x90\x97\xff"
	trials(t, func(t *testing.T, r *rand.Rand) {
		text := make([]byte, r.IntN(200))
		for i := range text {
			text[i] = alphabet[r.IntN(len(alphabet))]
		}
		f := finder{text: text}
		for i, b := range text {
			if IsDelimiter(b) {
				if n := f.next(); n != i {
					t.Errorf("%q: at %d, want %d", text, n, i)
				}
			}
		}
		if n := f.next(); n != len(text) || f.next() != n {
			t.Errorf("%q: one more at %d", text, n)
		}
	})
}

func TestScannerAllocatesNothing(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789abcdef\x17"), 1000)
	n := testing.AllocsPerRun(10, func() {
		scrolls, s := 0, NewScanner(text)
		for s.Next() {
			scrolls++
		}
		if scrolls != 1000 {
			t.Error(scrolls)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
