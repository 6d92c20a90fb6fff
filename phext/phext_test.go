package phext

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// TestOdyssey reads a real phext that others made. It stands beside the project
// where its continuous integration runs, and is not needed elsewhere.
func TestOdyssey(t *testing.T) {
	text, err := os.ReadFile("../../shared/data/the-odyssey.phext")
	if errors.Is(err, os.ErrNotExist) && os.Getenv("CI") == "" {
		t.Skip("needs shared/data/the-odyssey.phext beside the project")
	}
	if err != nil {
		t.Fatal(err)
	}
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
		"":                       "is empty",
		"1.1.1/1.1.1/1.1":        "no '.' after the section",
		"1.1.1/1.1.1/1.1.0":      "the scroll is 0",
		"1.1.1/1.1.1000/1.1.1":   "the book is 1000, outside 1 to 999",
		"1.1.1/1.1.1/1.1.1/1":    "behind",
		"a.1.1/1.1.1/1.1.1":      "no number for the library",
		"1.1.1.1.1.1/1.1.1":      "no '/' or ';' after the series",
		"1.1.1/1.1.1/1.1.999999": "the scroll is outside",
	} {
		if _, err := ParseCoordinate(s); err == nil || want != "behind" && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q", s, err, want)
		}
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

func TestPattern(t *testing.T) {
	p, err := ParsePattern("1.1.1/2.*.*/*.*.*")
	if err != nil || p.String() != "1.1.1/2.*.*/*.*.*" {
		t.Fatalf("%v, %v", p, err)
	}
	if !p.Matches(At(1, 1, 1, 2, 9, 9, 9, 9, 9)) || p.Matches(First) || !AnyPattern.Matches(First) {
		t.Error("matches wrongly")
	}
	if _, err := ParsePattern("1.1.1/1.1.1/1.1.1*"); err == nil {
		t.Error("half a star is taken")
	}
}

func TestDimensionError(t *testing.T) {
	text := strings.Repeat("\x17", MaxStored-1)
	if got, err := Explode(text + "x"); err != nil || got[First.With(8, MaxStored)] != "x" {
		t.Errorf("the highest coordinate: %v, %v", got, err)
	}
	var limit *DimensionError
	if _, err := Explode("a" + text + "\x17x"); !errors.As(err, &limit) || limit.Offset != MaxStored {
		t.Errorf("one further: %v", err)
	}
	s := NewStream(strings.NewReader("a"+text+"\x17x"), nil)
	for s.Next() {
	}
	if !errors.As(s.Err(), &limit) || limit.Offset != MaxStored {
		t.Errorf("stream: %v", s.Err())
	}
}

// FuzzReturnTrip holds the scanner, the stream and the writer to each other, and
// the scanner to a plain reading of the format.
func FuzzReturnTrip(f *testing.F) {
	f.Add([]byte("a\x17b\x18\x01c\n"), 3)
	f.Add([]byte("\x01\x1f\x1e\x1d\x1c\x1a\x19\x18\x17x"), 1)
	f.Add(bytes.Repeat([]byte("0123456789abcdef\x17"), 40), 64)
	f.Fuzz(func(t *testing.T, text []byte, window int) {
		want := plain(text)
		got, err := Explode(string(text))
		if err != nil {
			return
		}
		if len(got) != len(want) {
			t.Fatalf("%d scrolls, want %d", len(got), len(want))
		}
		for c, text := range want {
			if got[c] != text {
				t.Fatalf("%v is %q, want %q", c, got[c], text)
			}
		}
		again, err := Explode(Implode(got))
		if err != nil || len(again) != len(got) {
			t.Fatalf("written and read: %d scrolls, %v; want %d", len(again), err, len(got))
		}
		streamed(t, text, min(max(window, 1), 1<<16), got)
	})
}

func streamed(t *testing.T, text []byte, window int, want map[Coordinate]string) {
	s := NewStream(iotest.OneByteReader(bytes.NewReader(text)), make([]byte, window))
	var scroll []byte
	n := 0
	for s.Next() {
		if s.First() {
			scroll = scroll[:0]
		}
		scroll = append(scroll, s.Text()...)
		if !s.Last() {
			continue
		}
		n++
		at := string(text[s.Offset() : s.Offset()+s.Len()])
		if string(scroll) != want[s.Coordinate()] || at != want[s.Coordinate()] {
			t.Fatalf("stream at %v: %q, offset %d; want %q", s.Coordinate(), scroll, s.Offset(), want[s.Coordinate()])
		}
	}
	if s.Err() != nil || n != len(want) {
		t.Fatalf("stream: %d scrolls, %v; want %d", n, s.Err(), len(want))
	}
}

// plain reads a document as the format says, without any haste.
func plain(text []byte) map[Coordinate]string {
	at, scrolls := [9]int{1, 1, 1, 1, 1, 1, 1, 1, 1}, map[Coordinate]string{}
	for _, b := range text {
		i := bytes.IndexByte(delimiters[:], b)
		if i < 0 {
			scrolls[At(at[:]...)] += string([]byte{b})
			continue
		}
		if at[i]++; at[i] > MaxStored {
			return scrolls
		}
		for k := i + 1; k < 9; k++ {
			at[k] = 1
		}
	}
	return scrolls
}

func FuzzUTF8(f *testing.F) {
	f.Add([]byte("plain, δelta, 🔆, \xff"), 3)
	f.Add([]byte(strings.Repeat("x", 40)+"\xed\xa0\x80"), 41)
	f.Fuzz(func(t *testing.T, p []byte, cut int) {
		if ValidUTF8(p) != utf8.Valid(p) {
			t.Fatalf("%q: %v", p, ValidUTF8(p))
		}
		var v Validator
		cut = min(max(cut, 0), len(p))
		v.Write(p[:cut])
		v.Write(p[cut:])
		if err := v.Close(); (err == nil) != utf8.Valid(p) {
			t.Fatalf("%q in pieces: %v", p, err)
		} else if err != nil && err.(*UTF8Error).Offset != int64(firstBad(p)) {
			t.Fatalf("%q in pieces: %v, want offset %d", p, err, firstBad(p))
		}
	})
}

func firstBad(p []byte) int {
	for i := 0; ; {
		r, n := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
}

func TestScannerAllocatesNothing(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789abcdef\x17"), 100)
	n := testing.AllocsPerRun(10, func() {
		s := Scanner{text: text, here: First}
		for s.Next() {
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func document(lines, scroll int) []byte {
	line := strings.Repeat("a line of text ", 4)[:59] + "\n"
	text := strings.Repeat(line, scroll/60+1)[:scroll]
	var out bytes.Buffer
	for n := 0; out.Len() < lines; n++ {
		out.WriteString(text)
		if n%500 == 499 {
			out.WriteByte(ChapterDelimiter)
			n = 0
			continue
		}
		out.WriteByte(SectionDelimiter)
	}
	return out.Bytes()
}

func TestStreamAllocatesNothing(t *testing.T) {
	text, buf := bytes.Repeat([]byte("0123456789abcdef\x17"), 1000), make([]byte, 4096)
	r := bytes.NewReader(text)
	n := testing.AllocsPerRun(10, func() {
		r.Reset(text)
		s := Stream{r: r, buf: buf, here: First, last: true}
		for s.Next() {
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func benchmarkScan(b *testing.B, scroll int) {
	text := document(100<<20, scroll)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s := NewScanner(text)
		for s.Next() {
		}
		if s.Err() != nil {
			b.Fatal(s.Err())
		}
	}
}

func BenchmarkScan1K(b *testing.B) { benchmarkScan(b, 1024) }
func BenchmarkScan16(b *testing.B) { benchmarkScan(b, 16) }

func BenchmarkStream1K(b *testing.B) {
	text := document(100<<20, 1024)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s := NewStream(bytes.NewReader(text), nil)
		for s.Next() {
		}
		if s.Err() != nil && s.Err() != io.EOF {
			b.Fatal(s.Err())
		}
	}
}

func BenchmarkUTF8Mixed(b *testing.B) {
	text := []byte(strings.Repeat("δelta, Привет мир, 漢字かな, 🔆 and plain words; ", 1<<20/60))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if !ValidUTF8(text) {
			b.Fatal("is valid")
		}
	}
}
