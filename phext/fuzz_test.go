package phext

import (
	"bytes"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// documents are seeds: each shows something that went wrong somewhere once, or
// could.
var documents = []string{
	"",
	"a\x17b\x18\x01c\n",
	"\x01\x1f\x1e\x1d\x1c\x1a\x19\x18\x17x",
	"\x17\x17\x17", // empty scrolls only
	"look alikes \x00\x02\x10\x16\x1b\x17 are text",
	"δelta\x17漢字\x18🔆\x19\xff\xfe", // not all UTF-8
	strings.Repeat("0123456789abcdef\x17", 40),
	strings.Repeat("x", 63) + "\x17" + strings.Repeat("y", 64) + "\x18" + strings.Repeat("z", 65) + "\x19", // blocks of 64
}

// TestFarDocuments has those that count to the end and further: too long for good
// seeds.
func TestFarDocuments(t *testing.T) {
	for _, text := range []string{
		"the last scroll" + strings.Repeat("\x17", MaxStored-1) + "is here",
		"and one further" + strings.Repeat("\x17", MaxStored) + "is none",
		strings.Repeat("\x01", MaxStored) + "no library",
	} {
		returnTrip(t, []byte(text), 100)
		algebra(t, text, "a\x17b", 1)
		algebra(t, "a\x17b", text, 1)
	}
}

// FuzzReturnTrip holds the scanner, the stream and the writer to each other, and
// the scanner to a plain reading of the format.
func FuzzReturnTrip(f *testing.F) {
	for i, text := range documents {
		f.Add([]byte(text), 1<<i)
	}
	f.Fuzz(func(t *testing.T, text []byte, window int) {
		returnTrip(t, text, min(max(window, 1), 1<<12))
	})
}

func returnTrip(t *testing.T, text []byte, window int) {
	want, ok := plain(text)
	got, err := Explode(string(text))
	if (err == nil) != ok || ok && !maps.Equal(got, want) {
		t.Fatalf("%q, %v; want %q, %v", got, err, want, ok)
	}
	streamed(t, text, bytes.NewReader(text), window, want, ok)
	streamed(t, text, iotest.OneByteReader(bytes.NewReader(text)), window, want, ok)
	if !ok {
		return
	}
	written := Implode(got)
	again, err := Explode(written)
	if err != nil || !maps.Equal(again, got) || len(written) > len(text) {
		t.Fatalf("written and read: %q, %v; want %q", again, err, got)
	}
}

func streamed(t *testing.T, text []byte, r io.Reader, window int, want map[Coordinate]string, ok bool) {
	t.Helper()
	s, got := NewStream(r, make([]byte, window)), map[Coordinate]string{}
	var scroll []byte
	for s.Next() {
		if s.First() {
			scroll = scroll[:0]
		}
		if scroll = append(scroll, s.Text()...); s.Len() != int64(len(scroll)) {
			t.Fatalf("stream at %v: %d bytes of %d", s.Coordinate(), s.Len(), len(scroll))
		}
		if !s.Last() {
			continue
		}
		if at := text[s.Offset():][:s.Len()]; !bytes.Equal(scroll, at) {
			t.Fatalf("stream at %v: %q; at offset %d stands %q", s.Coordinate(), scroll, s.Offset(), at)
		}
		got[s.Coordinate()] = string(scroll)
	}
	if (s.Err() == nil) != ok || !maps.Equal(got, want) {
		t.Fatalf("stream: %q, %v; want %q, %v", got, s.Err(), want, ok)
	}
}

// plain reads a document as the format says, without any haste: up to where it
// cannot be counted any further, if there is such a place.
func plain(text []byte) (scrolls map[Coordinate]string, ok bool) {
	at, scrolls := [9]int{1, 1, 1, 1, 1, 1, 1, 1, 1}, map[Coordinate]string{}
	for _, b := range text {
		i := bytes.IndexByte([]byte{0x01, 0x1f, 0x1e, 0x1d, 0x1c, 0x1a, 0x19, 0x18, 0x17}, b)
		if i < 0 {
			scrolls[At(at[:]...)] += string([]byte{b})
			continue
		}
		if at[i]++; at[i] > MaxStored {
			return scrolls, false
		}
		for k := i + 1; k < 9; k++ {
			at[k] = 1
		}
	}
	return scrolls, true
}

// FuzzUTF8 holds the checks of text to package utf8.
func FuzzUTF8(f *testing.F) {
	f.Add([]byte("plain, δelta, 🔆, \xff"), 3)
	f.Add([]byte(strings.Repeat("x", 40)+"\xed\xa0\x80"), 41)
	f.Add([]byte(strings.Repeat("x", 31)+"🔆"+strings.Repeat("y", 40)), 33)
	f.Add([]byte("\x80\x80\x80\x80\x80\x80"), 1)
	f.Add([]byte("\xf0\x9f\x94\x86\x80"), 2)
	f.Add([]byte("\xf4\x90\x80\x80 \xc0\x80 \xe0\x9f\xbf"), 1)
	f.Fuzz(func(t *testing.T, p []byte, cut int) {
		if ValidUTF8(p) != utf8.Valid(p) {
			t.Fatalf("%q: %v", p, ValidUTF8(p))
		}
		var v Validator
		cut = min(max(cut, 0), len(p))
		v.Write(p[:cut])
		v.Write(p[cut:])
		checkUTF8Error(t, p, v.Close())
		checkTextError(t, p, CheckText(p))
	})
}

// firstBad returns the offset of what is not UTF-8, or len(p).
func firstBad(p []byte) int {
	for i := 0; i < len(p); {
		r, n := utf8.DecodeRune(p[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return len(p)
}

// checkTextError holds the error of CheckText to the first byte that may not stand.
func checkTextError(t *testing.T, text []byte, err error) {
	t.Helper()
	at := min(firstBad(text), slices.IndexFunc(append(slices.Clone(text), ScrollDelimiter), IsDelimiter))
	if (err == nil) != (at == len(text)) {
		t.Fatalf("%q: %v", text, err)
	}
	if err == nil {
		return
	}
	if want := (TextError{at, text[at], IsDelimiter(text[at])}); *err.(*TextError) != want {
		t.Fatalf("%q: %v, want %v", text, err, &want)
	}
}

var coordinatePattern = regexp.MustCompile(`^(\d+)\.(\d+)\.(\d+)[/;](\d+)\.(\d+)\.(\d+)[/;](\d+)\.(\d+)\.(\d+)$`)

// FuzzCoordinate holds the reading of coordinates and patterns to a plain one of
// the form, and to the return trip.
func FuzzCoordinate(f *testing.F) {
	for _, s := range []string{
		"1.1.1/1.1.1/1.1.1", "999.1.1;1.1.1/1.1.16383", "01.1.1/1.1.1/1.1.1", "0.1.1/1.1.1/1.1.1",
		"1.1.1/1.1.1/1.1.1 ", "", "١.1.1/1.1.1/1.1.1", "1.1.1/2.*.*/*.*.*", "1.1.1/1.1.1*/1.1.1", "16384.1.1/1.1.1/1.1.1",
		"18446744073709551617.1.1/1.1.1/1.1.1", "+1.1.1/1.1.1/1.1.1", "1.1.1/1.1.1/1.1.1\n", "1.1.1//1.1.1/1.1.1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		written, err := ParseCoordinate(s)
		checkParsed(t, s, MaxComponent, written, err)
		stored, err2 := ParseStored(s)
		checkParsed(t, s, MaxStored, stored, err2)
		if err == nil && (err2 != nil || stored != written) {
			t.Fatalf("%q: %v, but as stored %v, %v", s, written, stored, err2)
		}
		if (err == nil) != (err2 == nil && stored.Writable() == nil) {
			t.Fatalf("%q: %v, but as stored %v writable: %v", s, err, stored, stored.Writable())
		}
		checkPattern(t, s)
	})
}

func checkParsed(t *testing.T, s string, most int, c Coordinate, err error) {
	t.Helper()
	want, ok := plainCoordinate(s, most)
	if (err == nil) != ok || c != want {
		t.Fatalf("%q up to %d: %v, %v; want %v, %v", s, most, c, err, want, ok)
	}
	if err != nil {
		return
	}
	for _, form := range []string{c.String(), c.URL()} {
		if again, err := parseCoordinate(form, most); err != nil || again != c {
			t.Fatalf("%q: %v, read again %v, %v", s, form, again, err)
		}
	}
}

func plainCoordinate(s string, most int) (Coordinate, bool) {
	parts := coordinatePattern.FindStringSubmatch(s)
	if parts == nil {
		return Coordinate{}, false
	}
	var components []int
	for _, part := range parts[1:] {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > most {
			return Coordinate{}, false
		}
		components = append(components, n)
	}
	return At(components...), true
}

var starPattern = regexp.MustCompile(`(^|[./;])\*($|[./;])`)

// checkPattern puts numbers for whole stars: a pattern is what is a coordinate
// then, and it matches that.
func checkPattern(t *testing.T, s string) {
	p, err := ParsePattern(s)
	numbers := s
	for range Dimensions {
		numbers = starPattern.ReplaceAllString(numbers, "${1}7$2")
	}
	c, ok := plainCoordinate(numbers, MaxStored)
	if (err == nil) != ok {
		t.Fatalf("pattern %q: %v, want %v", s, err, ok)
	}
	if err != nil {
		return
	}
	if other := c.With(8, c.Component(8)%9+1); !p.Matches(c) || numbers == s && p.Matches(other) {
		t.Fatalf("pattern %q, %v: matches wrongly at %v", s, p, c)
	}
	if again, err := ParsePattern(p.String()); err != nil || again != p {
		t.Fatalf("pattern %q: %v, read again %v, %v", s, p, again, err)
	}
}

// FuzzAlgebra holds the operations on whole phexts to the same on maps.
func FuzzAlgebra(f *testing.F) {
	f.Add("a\x17b", "c\x18d", 2)
	f.Add("\x01\x1f", "x\x17\x17\x17y", 3)
	for i, left := range documents {
		f.Add(left, documents[(3*i+1)%len(documents)], i)
	}
	f.Fuzz(func(t *testing.T, left, right string, n int) { algebra(t, left, right, min(max(n, 1), 9)) })
}

// algebra holds the operations on two phexts, and on the scroll n of the first.
func algebra(t *testing.T, left, right string, n int) {
	l, okL := plain([]byte(left))
	r, okR := plain([]byte(right))
	both := okL && okR
	merged, subtracted := maps.Clone(l), maps.Clone(l)
	for c, text := range r {
		merged[c] += text
		delete(subtracted, c)
	}
	holds(t, "merge", merged, both)(Merge([]byte(left), []byte(right)))
	holds(t, "subtract", subtracted, both)(Subtract([]byte(left), []byte(right)))
	holds(t, "normalize", l, okL)(Normalize([]byte(left)))
	one(t, left, l, okL, First.With(8, n))
	summed(t, left, l, okL)
	if len(Expand([]byte(left))) != len(left) || len(Contract([]byte(left))) != len(left) {
		t.Fatal("expand or contract changes the length")
	}
}

// one holds the operations on one scroll.
func one(t *testing.T, text string, scrolls map[Coordinate]string, ok bool, c Coordinate) {
	more, replaced, without := maps.Clone(scrolls), maps.Clone(scrolls), maps.Clone(scrolls)
	more[c] += "NEW"
	replaced[c] = "NEW"
	delete(without, c)
	holds(t, "insert", more, ok)(Insert([]byte(text), c, "NEW"))
	holds(t, "update", replaced, ok)(Update([]byte(text), c, "NEW"))
	holds(t, "remove", without, ok)(Remove([]byte(text), c))
	holds(t, "update with nothing", without, ok)(Update([]byte(text), c, ""))
	if got, err := Fetch([]byte(text), c); ok && (err != nil || string(got) != scrolls[c]) {
		t.Fatalf("fetch: %q, %v", got, err)
	}
}

// summed holds what is computed of each scroll.
func summed(t *testing.T, text string, scrolls map[Coordinate]string, ok bool) {
	sums, lines := map[Coordinate]string{}, ""
	for _, c := range slices.SortedFunc(maps.Keys(scrolls), Coordinate.Compare) {
		sums[c] = Sum([]byte(scrolls[c])).String()
		lines += "* " + c.String() + ": " + Summary([]byte(scrolls[c])) + "\n"
	}
	holds(t, "manifest", sums, ok)(Manifest([]byte(text)))
	if toc, err := Toc([]byte(text)); (err == nil) != ok || ok && toc != lines {
		t.Fatalf("toc: %q, %v; want %q", toc, err, lines)
	}
	if sum, err := SumNormal([]byte(text)); (err == nil) != ok || ok && sum != Sum([]byte(Implode(scrolls))) {
		t.Fatalf("checksum: %v, %v", sum, err)
	}
}

// holds returns a check that got is the phext of want, or nothing and an error.
func holds(t *testing.T, what string, want map[Coordinate]string, ok bool) func([]byte, error) {
	t.Helper()
	return func(got []byte, err error) {
		t.Helper()
		if !ok && (err == nil || got != nil) || ok && (err != nil || string(got) != Implode(want)) {
			t.Fatalf("%s: %q, %v; want %q, %v", what, got, err, Implode(want), ok)
		}
	}
}

// FuzzWriter writes two scrolls at any places and reads them.
func FuzzWriter(f *testing.F) {
	f.Add(uint64(0), uint64(0), uint64(0), uint64(1), "x", "y")
	hi, lo := Last.Words()
	f.Add(uint64(1), uint64(1), hi, lo, "x", "y")
	hi, lo = First.Words()
	f.Add(hi, lo, hi, lo+1, "first", "second")
	f.Fuzz(func(t *testing.T, hi1, lo1, hi2, lo2 uint64, text1, text2 string) {
		if CheckText([]byte(text1)) != nil || CheckText([]byte(text2)) != nil {
			return
		}
		a, b := near(FromWords(hi1, lo1)), near(FromWords(hi2, lo2))
		var out bytes.Buffer
		w, want := NewWriter(&out), map[Coordinate]string{}
		if err := w.WriteScroll(a, []byte(text1)); (err == nil) != a.hasPlace() {
			t.Fatalf("%v: %v", a, err)
		} else if err == nil && text1 != "" {
			want[a] = text1
		}
		if err := w.WriteScroll(b, []byte(text2)); (err == nil) != (b.hasPlace() && (!a.hasPlace() || a.Less(b))) {
			t.Fatalf("%v, then %v: %v", a, b, err)
		} else if err == nil && text2 != "" {
			want[b] = text2
		}
		w.Flush()
		if got, err := Explode(out.String()); err != nil || !maps.Equal(got, want) || w.Offset() != int64(out.Len()) {
			t.Fatalf("%v, %v; want %v", got, err, want)
		}
	})
}

// near returns c with components up to 127, to which the way is short.
func near(c Coordinate) (d Coordinate) {
	for i := range Dimensions {
		d = d.With(i, c.Component(i)&127)
	}
	return d
}
