package mcp

import (
	"bytes"
	"unicode/utf8"
)

// mostLine is how many bytes of a first line are shown.
const mostLine = 80

// ellipsis stands where something was left out.
const ellipsis = "…"

// firstLine returns the beginning of a scroll, up to its first line break.
func firstLine(text []byte) string {
	end := min(len(text), mostLine)
	if n := bytes.IndexByte(text[:end], '\n'); n >= 0 {
		end = n
	}
	return string(text[:before(text, end)]) + leftOut(end < len(text))
}

// before returns n, or where the character begins that a cut at n would halve.
func before(text []byte, n int) int {
	for n > 0 && n < len(text) && !utf8.RuneStart(text[n]) {
		n--
	}
	return n
}

func leftOut(any bool) string {
	if any {
		return ellipsis
	}
	return ""
}

// around is how many bytes are shown before and behind what was found.
const around = 80

// mostFound is how many bytes are shown of what was found.
const mostFound = 200

// excerpt returns what stands around text[from:to].
func excerpt(text []byte, from, to int) string {
	begin := before(text, max(from-around, 0))
	end := before(text, min(min(to, from+mostFound)+around, len(text)))
	return leftOut(begin > 0) + string(text[begin:end]) + leftOut(end < len(text))
}
