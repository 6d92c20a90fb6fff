package load

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/wbic16/sq-go/phext"
)

// LeastSize is the least number of bytes of a numbered text.
const LeastSize = 16

// MostScrolls is how many numbered scrolls a phext may have.
const MostScrolls = 999 * 999 * 999

// At returns the coordinate of a numbered scroll, from 0 on, in the order of
// the phext.
func At(number int) phext.Coordinate {
	x, y, z := split(number)
	return phext.At(1, 1, 1, 1, 1, 1, z, y, x)
}

func split(number int) (x, y, z int) {
	const most = phext.MaxComponent
	return number%most + 1, number/most%most + 1, number/most/most + 1
}

// appendAt appends the coordinate of a numbered scroll as a query has it.
func appendAt(dst []byte, number int) []byte {
	x, y, z := split(number)
	dst = append(dst, "1.1.1/1.1.1/"...)
	dst = append(strconv.AppendInt(dst, int64(z), 10), '.')
	dst = append(strconv.AppendInt(dst, int64(y), 10), '.')
	return strconv.AppendInt(dst, int64(x), 10)
}

// versions is how many texts a scroll may have.
const versions = 64

// headSize is the number of bytes of "NUMBER VERSION\n".
const headSize = 9 + 1 + 2 + 1

// Texts makes texts of one size that tell which they are: each begins with the
// number of its scroll and its version, and the rest follows from the version. It
// is text in many scripts.
type Texts struct {
	size  int
	rests [versions][]byte
}

// NewTexts returns texts of a size of at least LeastSize.
func NewTexts(size int) *Texts {
	t := &Texts{size: size}
	for v := range t.rests {
		t.rests[v] = filler(v, size-headSize)
	}
	return t
}

// Size is the number of bytes of each text.
func (t *Texts) Size() int { return t.size }

// words is what texts are made of.
var words = []string{
	"scroll", "the", "coordinate", "of", "a", "plain", "text", "λόγος", "καὶ", "ἔπος", "слово", "и", "память", "свиток",
	"卷轴", "坐标", "文字", "巻物", "とは", "記憶", "두루마리", "기억", "كتاب", "ذاكرة", "מגילה", "दस्तावेज़", "ข้อความ", "écriture", "Größe", "🜁🜂🜃", "—", "…",
}

// filler returns text of a size that differs with the version.
func filler(version, size int) []byte {
	var b []byte
	for i := version; ; i = (i*5 + 3 + version) % 1009 {
		word, space := words[i%len(words)], byte(' ')
		if i%11 == 0 {
			space = '\n'
		}
		if len(b)+len(word)+1 > size {
			return append(b, bytes.Repeat([]byte{'.'}, size-len(b))...)
		}
		b = append(append(b, word...), space)
	}
}

// Append appends a version of the text of a scroll.
func (t *Texts) Append(dst []byte, number, version int) []byte {
	version %= versions
	dst = appendPadded(dst, number, 100_000_000)
	dst = append(dst, ' ')
	dst = append(appendPadded(dst, version, 10), '\n')
	return append(dst, t.rests[version]...)
}

// appendPadded appends a number with as many digits as first, a power of ten, has.
func appendPadded(dst []byte, n, first int) []byte {
	for ; first > 0; first /= 10 {
		dst = append(dst, '0'+byte(n/first%10))
	}
	return dst
}

// Check returns an error that is ErrWrong when text is no version of the text of
// a scroll.
func (t *Texts) Check(text []byte, number int) error {
	if len(text) != t.size {
		return fmt.Errorf("%w: %d bytes in scroll %d, want %d", ErrWrong, len(text), number, t.size)
	}
	var head [headSize]byte
	version := int(text[10]-'0')*10 + int(text[11]-'0')
	want := appendPadded(head[:0], number, 100_000_000)
	if !bytes.Equal(text[:9], want) || version < 0 || version >= versions || !bytes.Equal(text[headSize:], t.rests[version]) {
		return fmt.Errorf("%w: %.20q… in scroll %d", ErrWrong, text, number)
	}
	return nil
}
