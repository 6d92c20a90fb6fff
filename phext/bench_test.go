package phext

import (
	"bytes"
	"strings"
	"testing"
)

const documentBytes = 100 << 20

// document returns size bytes or a little more: text with a line break at every
// 60th byte, cut into scrolls of equal length. Dimensions count from 1 to 100,
// each in its turn, as in a document that a client may write.
func document(size, scroll int) []byte {
	line := strings.Repeat("a line of text ", 4)[:59] + "\n"
	text := strings.Repeat(line, scroll/len(line)+2)
	out := make([]byte, 0, size+scroll+1)
	for n := 1; len(out) < size; n++ {
		at := (n - 1) * scroll % len(line)
		out = append(out, text[at:at+scroll]...)
		out = append(out, delimiterBehind(n))
	}
	return out
}

func delimiterBehind(n int) byte {
	i := Dimensions - 1
	for ; n%100 == 0; n /= 100 {
		i--
	}
	return delimiters[i]
}

// TestDocument makes sure that the benchmarks measure what they say.
func TestDocument(t *testing.T) {
	for _, scroll := range []int{16, 1024} {
		size, n := 2<<20, 0
		text := document(size, scroll)
		if len(text) < size || len(text) > size+scroll {
			t.Errorf("scrolls of %d: %d bytes, want %d", scroll, len(text), size)
		}
		s := NewScanner(text)
		var lines []byte
		for ; s.Next(); n++ {
			if lines = append(lines, s.Text()...); s.Len() != scroll || s.Coordinate().Writable() != nil {
				t.Fatalf("scrolls of %d: %v has %d bytes", scroll, s.Coordinate(), s.Len())
			}
		}
		if s.Err() != nil || n*(scroll+1) != len(text) {
			t.Errorf("scrolls of %d: there are %d, %v", scroll, n, s.Err())
		}
		for i, b := range lines {
			if (b == '\n') != (i%60 == 59) {
				t.Fatalf("scrolls of %d: byte %d is %q", scroll, i, b)
			}
		}
	}
}

// benchmarkScan counts the scrolls of 100 MB.
func benchmarkScan(b *testing.B, scroll int) {
	text := document(documentBytes, scroll)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s, n := NewScanner(text), 0
		for s.Next() {
			n++
		}
		if s.Err() != nil || n != len(text)/(scroll+1) {
			b.Fatal(n, s.Err())
		}
	}
}

func BenchmarkScan1K(b *testing.B) { benchmarkScan(b, 1024) }
func BenchmarkScan16(b *testing.B) { benchmarkScan(b, 16) }

func benchmarkStream(b *testing.B, scroll int) {
	text, window := document(documentBytes, scroll), make([]byte, 1<<20)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s, n := NewStream(bytes.NewReader(text), window), 0
		for s.Next() {
			n++
		}
		if s.Err() != nil || n != len(text)/(scroll+1) {
			b.Fatal(n, s.Err())
		}
	}
}

func BenchmarkStream1K(b *testing.B) { benchmarkStream(b, 1024) }
func BenchmarkStream16(b *testing.B) { benchmarkStream(b, 16) }

// BenchmarkScanUneven has scrolls of 1 to 64 bytes that no branch predictor
// knows beforehand, and reads each scroll's coordinate and text.
func BenchmarkScanUneven(b *testing.B) {
	var text []byte
	for n, seed := 1, uint32(1); len(text) < documentBytes; n++ {
		seed = seed*1664525 + 1013904223
		text = append(text, strings.Repeat("text", 16)[:1+seed>>26]...)
		text = append(text, delimiterBehind(n))
	}
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s, n, last := NewScanner(text), 0, First
		for s.Next() {
			n += len(s.Text())
			last = s.Coordinate()
		}
		if s.Err() != nil || n == 0 || last == First {
			b.Fatal(n, last, s.Err())
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

func BenchmarkNormalize16(b *testing.B) {
	text := document(1<<20, 16)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Normalize(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSumNormal1K(b *testing.B) {
	text := document(1<<20, 1024)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := SumNormal(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkToc16(b *testing.B) {
	text := document(1<<20, 16)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Toc(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckText(b *testing.B) {
	text := []byte(strings.Repeat("δelta, Привет мир, 漢字かな, 🔆 and plain words; ", 20))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if err := CheckText(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExpand(b *testing.B) {
	text := document(1<<20, 1024)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Expand(text)
	}
}

func BenchmarkParseCoordinate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseCoordinate("1.12.123/1.1.1/3.14.159"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDelimiterBytes(b *testing.B) {
	from, to := At(1, 1, 1, 1, 1, 1, 2, 3, 4), At(1, 1, 1, 1, 1, 1, 2, 4, 9)
	for b.Loop() {
		if DelimiterBytes(from, to) != 9 {
			b.Fatal(DelimiterBytes(from, to))
		}
	}
}
