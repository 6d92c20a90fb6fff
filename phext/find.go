package phext

import (
	"encoding/binary"
	"math/bits"
)

// blockBytes is how much text a finder looks at in one go: a bit for each byte
// fills a word.
const blockBytes = 64

// finder finds the delimiters of a text one after the other. It looks at a whole
// block and keeps what it saw, so that delimiters that stand close together cost
// one look.
type finder struct {
	text  []byte
	at    int    // behind the block that was looked at last; past the text at its end
	found uint64 // its bytes that may be delimiters and were not returned, the first lowest
}

// next returns the offset of the next delimiter, or len(text) when there is none.
func (f *finder) next() int {
	for {
		for f.found != 0 {
			i := f.at - blockBytes + bits.TrailingZeros64(f.found)
			f.found &= f.found - 1
			if IsDelimiter(f.text[i]) {
				return i
			}
		}
		if f.at >= len(f.text) {
			return len(f.text)
		}
		f.look()
	}
}

// look goes on to a block that may have delimiters, or to the end.
func (f *finder) look() {
	at := f.at
	for ; at+blockBytes <= len(f.text); at += blockBytes {
		if found := candidates((*[blockBytes]byte)(f.text[at:])); found != 0 {
			f.at, f.found = at+blockBytes, found
			return
		}
	}
	var block [blockBytes]byte
	n := copy(block[:], f.text[at:])
	f.at, f.found = at+blockBytes, candidates(&block)&(1<<n-1)
}

// candidates has a bit for each byte of the block that may be a delimiter.
func candidates(b *[blockBytes]byte) uint64 {
	b0, b1, b2, b3 := ordinary(b[0:]), ordinary(b[8:]), ordinary(b[16:]), ordinary(b[24:])
	b4, b5, b6, b7 := ordinary(b[32:]), ordinary(b[40:]), ordinary(b[48:]), ordinary(b[56:])
	if b0&b1&b2&b3&b4&b5&b6&b7&high == high {
		return 0
	}
	return others(b0) | others(b1)<<8 | others(b2)<<16 | others(b3)<<24 |
		others(b4)<<32 | others(b5)<<40 | others(b6)<<48 | others(b7)<<56
}

const (
	low  = 0x0101010101010101
	high = 0x8080808080808080
)

// ordinary has the highest bit of each of the first eight bytes that is neither
// 10..1F nor below 02: every delimiter is one of those, and line breaks and
// letters are not.
func ordinary(b []byte) uint64 {
	w := binary.LittleEndian.Uint64(b)
	v := w & (0x7F * low)
	from10, to1F := v+0x70*low, 0x9F*low-v // below 100 in each byte: they stay apart
	return (v+0x7E*low)&(from10^to1F) | w
}

// others has a bit for each byte of w whose highest bit is 0. The multiplication
// takes bit 8k+7 to bit 56+k, and no two of its products meet.
func others(w uint64) uint64 { return ^w & high * 0x0002040810204081 >> 56 }

// indexDelimiter returns the offset of the first delimiter in b, or len(b).
func indexDelimiter(b []byte) int {
	f := finder{text: b}
	return f.next()
}
