package api

import (
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// encoding/json takes a field that stands twice, and makes U+FFFD of what is no
// character; and then something else is written than was meant. So objects that
// say what to write are read here. Their fields are strings (RFC 8259).

// object is the text of an object that is being read.
type object struct {
	text []byte
	at   int // of the next byte
}

// readObject reads an object of strings. field returns where a field goes, nil when
// there is none of that name; what is there already is refused. Nothing is kept of
// the text, and a string that was read is not nil. Errors name the byte.
func readObject(text []byte, field func(name []byte) *[]byte) error {
	o := &object{text: text}
	if err := o.expect('{', "an object {…}"); err != nil {
		return err
	}
	for first := true; !o.takes('}'); first = false {
		if !first {
			if err := o.expect(',', "',' or '}'"); err != nil {
				return err
			}
		}
		if err := o.member(field); err != nil {
			return err
		}
	}
	if o.space(); o.at < len(o.text) {
		return o.failed("there is something behind the object")
	}
	return nil
}

// member reads "NAME": "VALUE".
func (o *object) member(field func(name []byte) *[]byte) error {
	name, err := o.str("the name of a field")
	if err != nil {
		return err
	}
	to := field(name)
	switch {
	case to == nil:
		return o.failed(fmt.Sprintf("there is no field %.40q", name))
	case *to != nil:
		return o.failed(fmt.Sprintf("the field %q stands twice", name))
	}
	if err := o.expect(':', "':'"); err != nil {
		return err
	}
	*to, err = o.str(fmt.Sprintf("a string for %q", name))
	return err
}

func (o *object) failed(what string) error { return fmt.Errorf("byte %d: %s", o.at+1, what) }

func (o *object) space() {
	for o.at < len(o.text) {
		switch o.text[o.at] {
		case ' ', '\t', '\r', '\n':
			o.at++
		default:
			return
		}
	}
}

// takes takes a byte behind white space where it is the next.
func (o *object) takes(b byte) bool {
	o.space()
	if o.at < len(o.text) && o.text[o.at] == b {
		o.at++
		return true
	}
	return false
}

func (o *object) expect(b byte, what string) error {
	if !o.takes(b) {
		return o.failed("want " + what)
	}
	return nil
}

var errEscape = errors.New("no escape of JSON")

// str reads a string.
func (o *object) str(what string) ([]byte, error) {
	if err := o.expect('"', what); err != nil {
		return nil, err
	}
	value, from := []byte{}, o.at
	for o.at < len(o.text) {
		switch b := o.text[o.at]; {
		case b == '"':
			value = append(value, o.text[from:o.at]...)
			o.at++
			return value, nil
		case b < ' ':
			return nil, o.failed("a control character stands in a string; write \\n for a line break")
		case b == '\\':
			value = append(value, o.text[from:o.at]...)
			r, n := unescape(o.text[o.at+1:])
			if n == 0 {
				return nil, o.failed(errEscape.Error())
			}
			value = utf8.AppendRune(value, r)
			o.at += 1 + n
			from = o.at
		default:
			o.at++
		}
	}
	return nil, o.failed("the string has no end")
}

// escapes are those of one letter.
var escapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape returns the character that stands behind a backslash, and in how many
// bytes; 0 when it is none. Half of a character in UTF-16 is none.
func unescape(text []byte) (r rune, n int) {
	if len(text) == 0 {
		return 0, 0
	}
	if r, ok := escapes[text[0]]; ok {
		return r, 1
	}
	r, ok := unit(text)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 5
	}
	if len(text) < 6 || text[5] != '\\' {
		return 0, 0
	}
	low, ok := unit(text[6:])
	if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
		return 0, 0
	}
	return r, 11
}

// unit reads uXXXX.
func unit(text []byte) (r rune, ok bool) {
	if len(text) < 5 || text[0] != 'u' {
		return 0, false
	}
	for _, b := range text[1:5] {
		switch {
		case b >= '0' && b <= '9':
			r = r<<4 | rune(b-'0')
		case b|0x20 >= 'a' && b|0x20 <= 'f':
			r = r<<4 | rune(b|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
