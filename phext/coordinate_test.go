package phext

import (
	"encoding"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

var (
	_ encoding.TextAppender    = Coordinate{}
	_ encoding.TextAppender    = Checksum{}
	_ encoding.TextUnmarshaler = (*Checksum)(nil)
)

func TestParseCoordinate(t *testing.T) {
	for _, s := range []string{"1.1.1/1.1.1/1.1.1", "999.999.999/999.999.999/999.999.999", "1.2.3/4.5.6/7.8.9"} {
		c, err := ParseCoordinate(s)
		if err != nil || c.String() != s {
			t.Errorf("%s: %v, %v", s, c, err)
		}
		if d, err := ParseCoordinate(c.URL()); d != c || err != nil {
			t.Errorf("%s: %v, %v", c.URL(), d, err)
		}
	}
	for s, want := range map[string]string{
		"":                               "is empty",
		"1.1.1/1.1.1/1.1":                "no '.' after the section",
		"1.1.1/1.1.1/1.1.":               "no number for the scroll",
		"1.1.1/1.1.1/1.1.0":              "the scroll is 0",
		"1.1.1/1.1.1000/1.1.1":           "the book is 1000, outside 1 to 999",
		"1.1.1/1.1.1/1.1.1/1":            `has "/1" after the ninth number`,
		"a.1.1/1.1.1/1.1.1":              "no number for the library",
		"-1.1.1/1.1.1/1.1.1":             "no number for the library",
		"*.1.1/1.1.1/1.1.1":              "no number for the library",
		"1.1.1.1.1.1/1.1.1":              "no '/' or ';' after the series",
		"1.1.1/1.1.1/1.1.999999":         "the scroll is outside",
		"1.1.1/1.1.1/1.1.99999999999999": "the scroll is outside",
	} {
		if _, err := ParseCoordinate(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", s, err, want)
		}
	}
}

// TestParseErrorsAreShort makes sure that what a client sends does not come back
// at length.
func TestParseErrorsAreShort(t *testing.T) {
	for _, s := range []string{
		strings.Repeat("x", 1<<16), "1.1.1/1.1.1/1.1.1" + strings.Repeat("x", 1<<16), strings.Repeat("9", 1<<16),
		"1.1.1/1.1.1/1.1." + strings.Repeat("0", 1<<16),
	} {
		for what, err := range map[string]error{"coordinate": second(ParseCoordinate(s)), "pattern": second(ParsePattern(s))} {
			var e *CoordinateError
			if !errors.As(err, &e) || len(err.Error()) > 300 || len(e.Text) > 67 {
				t.Errorf("%s of %d bytes: %v", what, len(s), err)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestAtPanics(t *testing.T) {
	for _, components := range [][]int{
		{}, {1, 2, 3}, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, -1}, {MaxStored + 1, 1, 1, 1, 1, 1, 1, 1, 1},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v is taken", components)
				}
			}()
			At(components...)
		}()
	}
}

func TestWritable(t *testing.T) {
	for i := range Dimensions {
		for n, want := range map[int]bool{0: false, 1: true, 999: true, 1000: false, MaxStored: false} {
			c := First.With(i, n)
			if err := c.Writable(); (err == nil) != want {
				t.Errorf("%v: %v", c, err)
			} else if err != nil && !strings.Contains(err.Error(), names[i]) {
				t.Errorf("%v: %v does not name the %s", c, err, names[i])
			}
		}
	}
}

// trials calls f with many random sources. It tells the seed of one that fails.
func trials(t *testing.T, f func(*testing.T, *rand.Rand)) {
	for seed := range uint64(20000) {
		f(t, rand.New(rand.NewPCG(seed, 0)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// components returns nine numbers from 0 to most, often small or equal.
func components(r *rand.Rand, most int) []int {
	n := make([]int, Dimensions)
	for i := range n {
		n[i] = [...]int{r.IntN(3), r.IntN(most + 1), most}[r.IntN(3)]
	}
	return n
}

// TestCoordinateWords holds the two words to nine plain numbers.
func TestCoordinateWords(t *testing.T) {
	trials(t, func(t *testing.T, r *rand.Rand) {
		a, b := components(r, MaxStored), components(r, MaxStored)
		c, d := At(a...), At(b...)
		order, place := 0, true
		for i := range Dimensions {
			if c.Component(i) != a[i] || c.With(i, b[i]).Component(i) != b[i] {
				t.Errorf("component %d of %v is %d, want %d", i, c, c.Component(i), a[i])
			}
			if order == 0 && a[i] != b[i] {
				order = -1
				if a[i] > b[i] {
					order = 1
				}
				if differs(c, d) != i {
					t.Errorf("%v and %v differ in %d, want %d", c, d, differs(c, d), i)
				}
			}
			place = place && a[i] != 0
		}
		if c.Compare(d) != order || c.Less(d) != (order < 0) || (c == d) != (order == 0) {
			t.Errorf("%v and %v: %d, want %d", c, d, c.Compare(d), order)
		}
		if c.hasPlace() != place {
			t.Errorf("%v has a place: %v", c, c.hasPlace())
		}
		if FromWords(c.Words()) != c {
			t.Errorf("%v is not what its words say", c)
		}
		if text, err := c.AppendText([]byte("> ")); err != nil || string(text) != "> "+c.String() {
			t.Errorf("%q, %v", text, err)
		}
	})
}

// TestPass holds the counting of delimiters to nine plain numbers.
func TestPass(t *testing.T) {
	trials(t, func(t *testing.T, r *rand.Rand) {
		from, i := components(r, MaxStored), r.IntN(Dimensions)
		c, want := At(from...), At(from...)
		ok := c.pass(delimiters[i])
		if from[i] < MaxStored {
			want = want.With(i, from[i]+1)
			for k := i + 1; k < Dimensions; k++ {
				want = want.With(k, 1)
			}
		}
		if c != want || ok != (from[i] < MaxStored) {
			t.Errorf("%v behind a %s is %v, %v; want %v", from, names[i], c, ok, want)
		}
	})
}

func TestPassAtTheEnd(t *testing.T) {
	for i, b := range delimiters {
		for _, from := range []Coordinate{Last, First.With(i, MaxStored)} {
			if c := from; c.pass(b) || c != from {
				t.Errorf("a %s behind %v: %v", names[i], from, c)
			}
		}
	}
}

// TestDelimiters holds that the shortest way between two coordinates leads there
// and is as long as DelimiterBytes says.
func TestDelimiters(t *testing.T) {
	trials(t, func(t *testing.T, r *rand.Rand) {
		a, b := components(r, 300), components(r, 300)
		from, to := First, First
		for i := range Dimensions {
			from, to = from.With(i, max(a[i], 1)), to.With(i, max(b[i], 1))
		}
		way := AppendDelimiters(nil, from, to)
		if int64(len(way)) != DelimiterBytes(from, to) || (len(way) > 0) != from.Less(to) {
			t.Errorf("%v to %v: %d delimiters, want %d", from, to, len(way), DelimiterBytes(from, to))
		}
		at := from
		for _, b := range way {
			if !at.pass(b) {
				t.Fatalf("%v to %v: no way on from %v", from, to, at)
			}
		}
		if from.Less(to) && at != to {
			t.Errorf("%v to %v leads to %v", from, to, at)
		}
	})
}

func TestLongestWay(t *testing.T) {
	if n := DelimiterBytes(First, Last); n != 147438 {
		t.Errorf("%d bytes to the last coordinate", n)
	}
	if n := DelimiterBytes(First, At(999, 999, 999, 999, 999, 999, 999, 999, 999)); n != 8982 {
		t.Errorf("%d bytes to the last that is written", n)
	}
	if way := AppendDelimiters([]byte("x"), Last, First); string(way) != "x" || DelimiterBytes(Last, First) != 0 {
		t.Errorf("there is a way back: %q", way)
	}
}

func TestChecksumText(t *testing.T) {
	sum := Sum([]byte("hello"))
	var again Checksum
	text, err := sum.MarshalText()
	if err != nil || again.UnmarshalText(text) != nil || again != sum || string(text) != sum.String() {
		t.Errorf("%s, %v, %v", text, err, again)
	}
	if upper, err := ParseChecksum(strings.ToUpper(sum.String())); err != nil || upper != sum {
		t.Errorf("upper case: %v, %v", upper, err)
	}
	for _, s := range []string{"", "12", strings.Repeat("x", 32), sum.String() + "0"} {
		if c, err := ParseChecksum(s); err == nil || c != (Checksum{}) {
			t.Errorf("%q is %v", s, c)
		}
	}
}
