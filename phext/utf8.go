package phext

import (
	"fmt"
	"unicode/utf8"

	simd "github.com/segmentio/asm/utf8"
)

// The automaton for UTF-8 has nine states of six bits each in a word: shifting
// the word of a byte right by the state leaves the next state in the low six
// bits. That is the shift-based form of the table in the Unicode Standard,
// "Well-Formed UTF-8 Byte Sequences" (table 3-7).
const (
	stateText   = 6 * iota // between characters
	stateBad               // no way on
	stateOne               // one more byte 80..BF
	stateTwo               // two more
	stateThree             // three more
	stateE0                // A0..BF, then one more
	stateED                // 80..9F, then one more
	stateF0                // 90..BF, then two more
	stateF4                // 80..8F, then two more
	stateMask   = 63
	stateCount  = 9
	statesWidth = 6
)

var automaton = func() (table [256]uint64) {
	for b := range table {
		for s := range stateCount {
			table[b] |= uint64(transition(s*statesWidth, byte(b))) << (s * statesWidth)
		}
	}
	return table
}()

func transition(state int, b byte) int {
	follows := []struct {
		state     int
		low, high byte
		next      int
	}{
		{stateText, 0x00, 0x7F, stateText}, {stateText, 0xC2, 0xDF, stateOne},
		{stateText, 0xE0, 0xE0, stateE0}, {stateText, 0xE1, 0xEC, stateTwo},
		{stateText, 0xED, 0xED, stateED}, {stateText, 0xEE, 0xEF, stateTwo},
		{stateText, 0xF0, 0xF0, stateF0}, {stateText, 0xF1, 0xF3, stateThree},
		{stateText, 0xF4, 0xF4, stateF4},
		{stateOne, 0x80, 0xBF, stateText}, {stateTwo, 0x80, 0xBF, stateOne}, {stateThree, 0x80, 0xBF, stateTwo},
		{stateE0, 0xA0, 0xBF, stateOne}, {stateED, 0x80, 0x9F, stateOne},
		{stateF0, 0x90, 0xBF, stateTwo}, {stateF4, 0x80, 0x8F, stateTwo},
	}
	for _, f := range follows {
		if f.state == state && f.low <= b && b <= f.high {
			return f.next
		}
	}
	return stateBad
}

// after returns the state behind b; only a bad one stays what it is.
func after(state uint64, b byte) uint64 { return automaton[b] >> state & stateMask }

// run returns the state after p. Only characters that p has a part of are taken
// byte by byte: the others by instructions for 32 bytes at once, where there are some.
func run(state uint64, p []byte) uint64 {
	for len(p) > 0 && state != stateText {
		if state, p = after(state, p[0]), p[1:]; state == stateBad {
			return stateBad
		}
	}
	last := lastCharacter(p)
	if !ValidUTF8(p[:last]) {
		return stateBad
	}
	for _, b := range p[last:] {
		state = after(state, b)
	}
	return state
}

// lastCharacter returns where the last character of p begins that may be cut at its
// end: within the last three bytes, or behind them.
func lastCharacter(p []byte) int {
	for i := len(p) - 1; i >= max(len(p)-utf8.UTFMax+1, 0); i-- {
		if utf8.RuneStart(p[i]) {
			return i
		}
	}
	return len(p)
}

// ValidUTF8 reports whether p is UTF-8, as utf8.Valid does, at an even speed in
// all scripts: 6 GB/s where the processor has AVX2, and that of utf8.Valid elsewhere.
func ValidUTF8(p []byte) bool {
	for len(p) > validBytes {
		n := lastCharacter(p[:validBytes])
		if !simd.Valid(p[:n]) {
			return false
		}
		p = p[n:]
	}
	return simd.Valid(p)
}

// validBytes is how much is looked at in one go, which nothing can interrupt: for a
// fifth of a millisecond, which a collection of garbage may have to wait.
const validBytes = 1 << 20

// UTF8Error names the first byte of what is not UTF-8: of a character that is
// broken or not complete, or a byte that cannot begin one.
type UTF8Error struct {
	Offset int64 // in bytes, from 0
	Byte   byte  // what stands there
}

// Error says which byte, and where.
func (e *UTF8Error) Error() string {
	return fmt.Sprintf("offset %d: byte 0x%02X is not UTF-8", e.Offset, e.Byte)
}

// Validator checks text that comes in pieces, which may be cut anywhere. The zero
// Validator is ready. It keeps no piece and allocates nothing but its error.
type Validator struct {
	state uint64
	n     int64
	start UTF8Error // of the character that is not complete
	err   error
}

// Write checks the next piece. From the first bad byte on it returns the same
// *UTF8Error each time.
func (v *Validator) Write(p []byte) (int, error) {
	if v.err != nil {
		return 0, v.err
	}
	before := v.state
	if v.state = run(v.state, p); v.state != stateText {
		v.trace(before, p)
	}
	v.n += int64(len(p))
	return len(p), v.err
}

// trace finds where the character begins that p breaks or leaves incomplete.
func (v *Validator) trace(state uint64, p []byte) {
	from := 0
	if v.state != stateBad && len(p) >= utf8.UTFMax {
		// An incomplete character has three bytes at the most: it begins in p, and
		// in what is left of p no character is broken.
		for from = len(p) - 1; !utf8.RuneStart(p[from]); from-- {
		}
		state = stateText
	}
	for i, b := range p[from:] {
		if state == stateText {
			v.start = UTF8Error{v.n + int64(from+i), b}
		}
		if state = after(state, b); state == stateBad {
			bad := v.start
			v.err = &bad
			return
		}
	}
}

// Close returns the *UTF8Error of Write, or one when the text ended inside a
// character.
func (v *Validator) Close() error {
	if v.err == nil && v.state != stateText {
		bad := v.start
		v.err = &bad
	}
	return v.err
}

// TextError names the first byte that may not stand in a scroll.
type TextError struct {
	Offset    int  // in bytes, from 0
	Byte      byte // what stands there
	Delimiter bool // it is a delimiter; otherwise it is not UTF-8
}

// Error says which byte, and where.
func (e *TextError) Error() string {
	if e.Delimiter {
		return fmt.Sprintf("text: byte 0x%02X at offset %d is a phext delimiter, which cannot stand in a scroll", e.Byte, e.Offset)
	}
	return fmt.Sprintf("text: byte 0x%02X at offset %d is not UTF-8", e.Byte, e.Offset)
}

// CheckText returns a *TextError when text cannot be the text of a scroll: it
// has a delimiter or is not UTF-8. It costs one look for delimiters and one as by
// ValidUTF8.
func CheckText(text []byte) error {
	n := indexDelimiter(text)
	if !ValidUTF8(text[:n]) {
		bad := badUTF8(text[:n])
		return &TextError{int(bad.Offset), bad.Byte, false}
	}
	if n < len(text) {
		return &TextError{n, text[n], true}
	}
	return nil
}

// badUTF8 returns what is wrong with text that is not UTF-8.
func badUTF8(text []byte) *UTF8Error {
	var v Validator
	v.Write(text)
	return v.Close().(*UTF8Error)
}
