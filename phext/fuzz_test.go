package phext

import (
	"maps"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var coordinatePattern = regexp.MustCompile(`^(\d+)\.(\d+)\.(\d+)[/;](\d+)\.(\d+)\.(\d+)[/;](\d+)\.(\d+)\.(\d+)$`)

// FuzzCoordinate holds ParseCoordinate to a plain reading of the form, and to the
// return trip.
func FuzzCoordinate(f *testing.F) {
	for _, s := range []string{"1.1.1/1.1.1/1.1.1", "999.1.1;1.1.1/1.1.16383", "01.1.1/1.1.1/1.1.1", "0.1.1/1.1.1/1.1.1", "1.1.1/1.1.1/1.1.1 ", "", "١.1.1/1.1.1/1.1.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for most, parse := range map[int]func(string) (Coordinate, error){MaxComponent: ParseCoordinate, MaxStored: ParseStored} {
			c, err := parse(s)
			if want := plainCoordinate(s, most); (err == nil) != want {
				t.Fatalf("%q up to %d: %v, want taken %v", s, most, err, want)
			}
			if again, err2 := parse(c.String()); err == nil && (err2 != nil || again != c) {
				t.Fatalf("%q: %v, read again %v, %v", s, c, again, err2)
			}
		}
	})
}

func plainCoordinate(s string, most int) bool {
	parts := coordinatePattern.FindStringSubmatch(s)
	if parts == nil {
		return false
	}
	for _, part := range parts[1:] {
		if n, err := strconv.Atoi(part); err != nil || n < 1 || n > most {
			return false
		}
	}
	return true
}

// FuzzAlgebra holds the operations on whole phexts to the same on maps.
func FuzzAlgebra(f *testing.F) {
	f.Add("a\x17b", "c\x18d", 2)
	f.Add("\x01\x1f", "x\x17\x17\x17y", 3)
	f.Fuzz(func(t *testing.T, left, right string, n int) {
		l, err1 := Explode(left)
		r, err2 := Explode(right)
		if err1 != nil || err2 != nil {
			return
		}
		merged, subtracted := maps.Clone(l), maps.Clone(l)
		for c, text := range r {
			merged[c] += text
			delete(subtracted, c)
		}
		holds(t, "merge", merged)(Merge([]byte(left), []byte(right)))
		holds(t, "subtract", subtracted)(Subtract([]byte(left), []byte(right)))
		holds(t, "normalize", l)(Normalize([]byte(left)))
		c := First.With(8, min(max(n, 1), 9))
		without := maps.Clone(l)
		delete(without, c)
		holds(t, "remove", without)(Remove([]byte(left), c))
		if text, err := Fetch([]byte(left), c); err != nil || string(text) != l[c] {
			t.Fatalf("fetch: %q, %v", text, err)
		}
		if toc, err := Toc([]byte(left)); err != nil || strings.Count(toc, "\n") != len(l) {
			t.Fatalf("toc: %q, %v; want %d lines", toc, err, len(l))
		}
		if len(Expand([]byte(left))) != len(left) || len(Contract([]byte(left))) != len(left) {
			t.Fatal("expand or contract changes the length")
		}
	})
}

func holds(t *testing.T, what string, want map[Coordinate]string) func([]byte, error) {
	return func(got []byte, err error) {
		t.Helper()
		if err != nil || string(got) != Implode(want) {
			t.Fatalf("%s: %q, %v; want %q", what, got, err, Implode(want))
		}
	}
}

// FuzzDelimiters holds that the shortest way between two coordinates leads there
// and is as long as DelimiterBytes says.
func FuzzDelimiters(f *testing.F) {
	f.Add(uint16(1), uint16(1), uint16(2), uint16(1), 3, 5)
	f.Fuzz(func(t *testing.T, a, b, c, d uint16, i, j int) {
		place := func(n uint16) int { return int(n)%40 + 1 }
		from := First.With(abs(i)%9, place(a)).With(abs(j)%9, place(b))
		to := First.With(abs(i)%9, place(c)).With(abs(j)%9, place(d))
		way := AppendDelimiters(nil, from, to)
		if int64(len(way)) != DelimiterBytes(from, to) || (len(way) > 0) != from.Less(to) {
			t.Fatalf("%v to %v: %d delimiters, want %d", from, to, len(way), DelimiterBytes(from, to))
		}
		if len(way) == 0 {
			return
		}
		start := AppendDelimiters(nil, First, from)
		scrolls, err := Explode(string(start) + string(way) + "x")
		if err != nil || scrolls[to] != "x" {
			t.Fatalf("%v to %v leads elsewhere: %v, %v", from, to, scrolls, err)
		}
	})
}

func abs(n int) int { return n & 0xFFFF }
