package phext

import (
	"bytes"
	"unicode/utf8"
)

const summaryBytes = 32

// Summary returns the first line of a scroll, 32 bytes at the most and never
// part of a character, followed by "..." when that is not the whole scroll.
func Summary(text []byte) string { return summary(text, int64(len(text))) }

func summary(head []byte, size int64) string {
	line := head
	if n := bytes.IndexByte(line, '\n'); n >= 0 {
		line = line[:n]
	}
	if len(line) > summaryBytes {
		n := summaryBytes
		for n > 0 && !utf8.RuneStart(line[n]) {
			n--
		}
		line = line[:n]
	}
	if int64(len(line)) < size {
		return string(line) + "..."
	}
	return string(line)
}

// AppendTocLine appends the line of a scroll in a table of contents.
func AppendTocLine(dst []byte, c Coordinate, text []byte) []byte {
	return AppendTocHead(dst, c, text, int64(len(text)))
}

// AppendTocHead is AppendTocLine for a scroll of size bytes of which only the
// first 33 or more are at hand.
func AppendTocHead(dst []byte, c Coordinate, head []byte, size int64) []byte {
	dst = append(dst, "* "...)
	dst = c.append(dst, '/')
	dst = append(dst, ": "...)
	dst = append(dst, summary(head, size)...)
	return append(dst, '\n')
}

// Toc returns the table of contents of a phext: a line for each scroll.
func Toc(text []byte) (string, error) {
	var out []byte
	s := NewScanner(text)
	for s.Next() {
		out = AppendTocLine(out, s.Coordinate(), s.Text())
	}
	return string(out), s.Err()
}

// Manifest returns the phext whose scrolls are the checksums of the scrolls.
func Manifest(text []byte) ([]byte, error) {
	return rewrite(text, func(_ Coordinate, text []byte) []byte { return []byte(Sum(text).String()) })
}
