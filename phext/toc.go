package phext

import (
	"bytes"
	"unicode/utf8"
)

const summaryBytes = 32

// Summary returns the first line of a scroll, 32 bytes at the most and never
// part of a character, followed by "..." when that is not the whole scroll. It
// costs the same for a scroll of any size.
func Summary(text []byte) string { return string(appendSummary(nil, text, int64(len(text)))) }

func appendSummary(dst, head []byte, size int64) []byte {
	line := head[:min(len(head), summaryBytes+1)]
	if n := bytes.IndexByte(line, '\n'); n >= 0 {
		line = line[:n]
	}
	if len(line) > summaryBytes {
		line = line[:cutBefore(line, summaryBytes)]
	}
	dst = append(dst, line...)
	if int64(len(line)) < size {
		dst = append(dst, "..."...)
	}
	return dst
}

// cutBefore returns n, or where the character begins that text[:n] would cut.
// Bytes that belong to no character may be cut anywhere.
func cutBefore(text []byte, n int) int {
	for at := n; at > n-utf8.UTFMax; at-- {
		if utf8.RuneStart(text[at]) {
			if text[at] < utf8.RuneSelf {
				return n
			}
			return at
		}
	}
	return n
}

// AppendTocLine appends the line of a scroll in a table of contents:
// "* COORD: SUMMARY" and a line break.
func AppendTocLine(dst []byte, c Coordinate, text []byte) []byte {
	return AppendTocHead(dst, c, text, int64(len(text)))
}

// AppendTocHead is AppendTocLine for a scroll of size bytes of which only the
// first 33 or more are at hand, or all when they are fewer.
func AppendTocHead(dst []byte, c Coordinate, head []byte, size int64) []byte {
	dst = append(dst, "* "...)
	dst = c.append(dst, '/')
	dst = append(dst, ": "...)
	dst = appendSummary(dst, head, size)
	return append(dst, '\n')
}

// Toc returns the table of contents of a phext: a line for each scroll, in order,
// and nothing for an empty phext. The error is a *DimensionError.
func Toc(text []byte) (string, error) {
	var out []byte
	s := NewScanner(text)
	for s.Next() {
		out = AppendTocLine(out, s.Coordinate(), s.Text())
	}
	if s.Err() != nil {
		return "", s.Err()
	}
	return string(out), nil
}

// Manifest returns the phext whose scrolls are the checksums of the scrolls, 32
// hex digits each. The error is a *DimensionError.
func Manifest(text []byte) ([]byte, error) {
	return rewritten(text, func(_ Coordinate, text []byte) []byte { return []byte(Sum(text).String()) })
}
