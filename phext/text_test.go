package phext

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSummary(t *testing.T) {
	x := strings.Repeat("x", 40)
	for text, want := range map[string]string{
		"":                         "",
		"short":                    "short",
		"\n":                       "...",
		"\nsecond line":            "...",
		"first\n":                  "first...",
		"first\nsecond\nthird":     "first...",
		x[:32]:                     x[:32],
		x[:33]:                     x[:32] + "...",
		x[:32] + "\n":              x[:32] + "...",
		x[:33] + "\n":              x[:32] + "...",
		x[:31] + "δ":               x[:31] + "...",
		x[:30] + "δ":               x[:30] + "δ",
		x[:30] + "δδ":              x[:30] + "δ...",
		x[:29] + "🔆":               x[:29] + "...",
		x[:28] + "🔆":               x[:28] + "🔆",
		x[:28] + "🔆x":              x[:28] + "🔆...",
		x[:31] + "\xffx":           x[:31] + "\xff...", // bytes of no character
		x[:31] + "\x80\x80":        x[:31] + "\x80...",
		x[:5] + "\xff\xfe":         x[:5] + "\xff\xfe",
		strings.Repeat("\x80", 40): strings.Repeat("\x80", 32) + "...",
	} {
		if got := Summary([]byte(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestSummaryOfHead holds that 33 bytes are enough for the line of a scroll, and
// that a summary of characters is made of characters.
func TestSummaryOfHead(t *testing.T) {
	trials(t, func(t *testing.T, r *rand.Rand) {
		text := randomText(r, 60)
		head := text[:min(len(text), 33)]
		line := AppendTocLine([]byte("before\n"), First, text)
		if got := AppendTocHead([]byte("before\n"), First, head, int64(len(text))); string(got) != string(line) {
			t.Errorf("%q, want %q", got, line)
		}
		if utf8.Valid(text) && !utf8.Valid(line) || strings.Count(string(line), "\n") != 2 {
			t.Errorf("%q: %q", text, line)
		}
	})
}

// randomText is often UTF-8, and where it is not often almost.
func randomText(r *rand.Rand, most int) []byte {
	parts := []string{"a", "a", "word ", "δ", "漢", "🔆", "\n", strings.Repeat("x", 30), strings.Repeat("🔆", 9)}
	if r.IntN(2) == 0 {
		parts = append(parts, "\x80", "\xbf\xbf", "\xc3", "\xe2\x82", "\xf0\x9f\x94", "\xff", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80")
	}
	var text []byte
	for n := r.IntN(most); len(text) < n; {
		text = append(text, parts[r.IntN(len(parts))]...)
	}
	return text
}

// TestValidatorPieces cuts texts into random pieces and holds what is found to
// package utf8.
func TestValidatorPieces(t *testing.T) {
	trials(t, func(t *testing.T, r *rand.Rand) {
		text := randomText(r, 120)
		var v Validator
		for rest := text; len(rest) > 0; {
			n := 1 + r.IntN(min(len(rest), 1+r.IntN(70)))
			v.Write(rest[:n])
			rest = rest[n:]
		}
		checkUTF8Error(t, text, v.Close())
	})
}

// TestValidatorContinuation gives long runs of bytes that continue a character,
// from every state and at every cut.
func TestValidatorContinuation(t *testing.T) {
	for _, lead := range []string{"", "\xc3", "\xe2", "\xe0", "\xed", "\xf0", "\xf1", "\xf4", "\xe2\x82", "\xf0\x9f\x94", "x"} {
		for n := range 40 {
			for _, b := range []string{"\x80", "\x8f", "\x90", "\x9f", "\xa0", "\xbf"} {
				text := []byte(lead + strings.Repeat(b, n))
				for cut := range text {
					var v Validator
					v.Write(text[:cut])
					v.Write(text[cut:])
					checkUTF8Error(t, text, v.Close())
				}
			}
		}
	}
}

// TestValidUTF8InParts has a character, whole, broken or cut, at each place about
// where a long text is cut.
func TestValidUTF8InParts(t *testing.T) {
	long := bytes.Repeat([]byte("x"), validBytes+64)
	for _, character := range []string{"x", "δ", "漢", "🔆", "\x80", "\xf0\x9f\x94", "\xe2\x82", "\xc3", "\xbf\xbf\xbf\xbf", "🔆\x80"} {
		for at := validBytes - 8; at < validBytes+8; at++ {
			text := bytes.Clone(long)
			copy(text[at:], character)
			if got, want := ValidUTF8(text), utf8.ValidString(character); got != want {
				t.Errorf("%q at %d: %v", character, at-validBytes, got)
			}
		}
	}
}

// checkUTF8Error holds the error of a Validator to package utf8.
func checkUTF8Error(t *testing.T, text []byte, err error) {
	t.Helper()
	var bad *UTF8Error
	if utf8.Valid(text) {
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
	} else if at := firstBad(text); !errors.As(err, &bad) || bad.Offset != int64(at) || bad.Byte != text[at] {
		t.Errorf("%q: %v; want offset %d", text, err, at)
	}
}

func TestValidatorStaysBad(t *testing.T) {
	var v Validator
	n, first := v.Write([]byte("ab\xffcd"))
	again, err := v.Write([]byte("fine"))
	if first == nil || n != 5 || err != first || again != 0 || v.Close() != first {
		t.Errorf("%d, %v, %d, %v, %v", n, first, again, err, v.Close())
	}
}

func TestValidatorAllocatesNothing(t *testing.T) {
	text := []byte(strings.Repeat("漢字 and words ", 100))
	n := testing.AllocsPerRun(10, func() {
		var v Validator
		for i := 0; i+7 < len(text); i += 7 {
			v.Write(text[i : i+7])
		}
		if CheckText(text) != nil {
			t.Error("is text")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestCheckText holds that the first byte that may not stand is the one that is
// named, be it a delimiter or not UTF-8.
func TestCheckText(t *testing.T) {
	for text, want := range map[string]TextError{
		"a\x17b":            {1, 0x17, true},
		"\xff\x17":          {0, 0xff, false},
		"\x17\xff":          {0, 0x17, true},
		"ab\xe2\x82\x17":    {2, 0xe2, false}, // broken off by the delimiter
		"ab\xe2\x82":        {2, 0xe2, false},
		"\x01":              {0, 0x01, true},
		"漢\x1f":             {3, 0x1f, true},
		"x\xed\xa0\x80\x01": {1, 0xed, false},
	} {
		var got *TextError
		if err := CheckText([]byte(text)); !errors.As(err, &got) || *got != want {
			t.Errorf("%q: %v, want %v", text, err, &want)
		}
	}
	for _, text := range []string{"", "plain\n\ttext\x00\x1b\x16\x10", "δ漢🔆"} {
		if err := CheckText([]byte(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestLadder holds expanding and contracting at both ends of the ladder: there a
// byte stays what it is.
func TestLadder(t *testing.T) {
	const rungs = "\n\x17\x18\x19\x1a\x1c\x1d\x1e\x1f\x01"
	text := []byte("a" + rungs + "\x1b\x00δ")
	if got := string(Expand(text)); got != "a"+rungs[1:]+"\x01\x1b\x00δ" {
		t.Errorf("expand: %q", got)
	}
	if got := string(Contract(text)); got != "a\n"+rungs[:9]+"\x1b\x00δ" {
		t.Errorf("contract: %q", got)
	}
	if string(text) != "a"+rungs+"\x1b\x00δ" {
		t.Errorf("was changed: %q", text)
	}
}

func TestWhereXor(t *testing.T) {
	far := strings.Repeat("\x01", MaxStored-1) + "far enough"
	for _, row := range []struct {
		text  string
		limit int
		want  string
	}{
		{"", 0, "1.1.1/1.1.1/1.1.1"},
		{"x", 1, "0.0.0/0.0.0/0.0.0"},
		{"x", 2, "1.1.1/1.1.1/1.1.1"},
		{"x", -5, "0.0.0/0.0.0/0.0.0"},
		{"a\x17\x17b", 1, "1.1.1/1.1.1/1.1.3"},
		{far, 10, "16382.0.0/0.0.0/0.0.0"},
		{far, 11, "1.1.1/1.1.1/1.1.1"},
	} {
		if c, err := WhereXor([]byte(row.text), row.limit); err != nil || c.String() != row.want {
			t.Errorf("%.20q, limit %d: %v, %v; want %s", row.text, row.limit, c, err, row.want)
		}
	}
}
