package phext

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	p, err := ParsePattern("1.1.1/2.*.*/*.*.*")
	if err != nil || p.String() != "1.1.1/2.*.*/*.*.*" {
		t.Fatalf("%v, %v", p, err)
	}
	if !p.Matches(At(1, 1, 1, 2, 9, 9, 9, 9, 9)) || p.Matches(First) || !AnyPattern.Matches(First) {
		t.Error("matches wrongly")
	}
	from, to := p.Range()
	if from != At(1, 1, 1, 2, 1, 1, 1, 1, 1) || to != At(1, 1, 1, 2, MaxStored, MaxStored, MaxStored, MaxStored, MaxStored) {
		t.Errorf("from %v to %v", from, to)
	}
	if p, err := ParsePattern("*.*.*;*.*.*;*.*.*"); p != AnyPattern || err != nil {
		t.Errorf("all stars: %v, %v", p, err)
	}
	if AnyPattern.String() != "*.*.*/*.*.*/*.*.*" {
		t.Errorf("any: %v", AnyPattern)
	}
}

func TestParsePatternErrors(t *testing.T) {
	for s, want := range map[string]string{
		"":                        "is empty, want nine numbers or stars",
		"*":                       "no '.' after the library",
		"1.1.1/1.1.1/1.1.1*":      `has "*" after the ninth number`,
		"1.1.1/1.1.1/1.1.**":      `has "*" after the ninth number`,
		"*1.1.1/1.1.1/1.1.1":      "no '.' after the library",
		"1.1*.1/1.1.1/1.1.1":      "no '.' after the shelf",
		"1.1.1/*.*/1.1.1":         "no '.' after the volume",
		"1.1.1/*.*.0/1.1.1":       "the book is 0, outside 1 to 16383",
		"1.1.1/*.*.16384/1.1.1":   "the book is outside 1 to 16383",
		"*.*.*.*.*.*.*.*.*":       "no '/' or ';' after the series",
		"1.1.1/1.1.1/1.1.":        "no number for the scroll",
		"?.1.1/1.1.1/1.1.1":       "no number for the library",
		"*.*.*/*.*.*/*.*.*/*":     `has "/*" after the ninth number`,
		"1.1.1/2.*.*/*.*.* ":      `has " " after`,
		"1.1.1/\x00.*.*/*.*.* \n": "no number for the collection",
	} {
		if p, err := ParsePattern(s); err == nil || !strings.Contains(err.Error(), want) || p != AnyPattern {
			t.Errorf("%q: %v, %v; want %q", s, p, err, want)
		}
	}
}

// TestPatternMatches holds patterns to the comparison of nine numbers.
func TestPatternMatches(t *testing.T) {
	trials(t, func(t *testing.T, r *rand.Rand) {
		want := At(components(r, 3)...) // 0 becomes a star
		text := strings.ReplaceAll(want.URL(), "0", "*")
		p, err := ParsePattern(text)
		if err != nil || strings.ReplaceAll(p.String(), "/", ";") != text {
			t.Errorf("%s: %v, %v", text, p, err)
		}
		c := At(components(r, 3)...)
		matches := true
		for i := range Dimensions {
			matches = matches && (want.Component(i) == 0 || want.Component(i) == c.Component(i))
		}
		if p.Matches(c) != matches {
			t.Errorf("%v matches %v: %v", p, c, p.Matches(c))
		}
		from, to := p.Range()
		if !p.Matches(from) || !p.Matches(to) || matches && c.hasPlace() && (c.Less(from) || to.Less(c)) {
			t.Errorf("%v: from %v to %v", p, from, to)
		}
	})
}
