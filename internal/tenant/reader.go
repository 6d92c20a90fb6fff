package tenant

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// reader reads JSON as tokens and knows where each begins. encoding/json alone
// keeps the last of two equal keys in silence, and tells no lines.
type reader struct {
	name string
	data []byte // without a byte order mark; known to be one JSON value
	dec  *json.Decoder
	pool []field // reused by fields
}

// field is a member of an object. An object or list as value stands as its
// opening json.Delim: no field we know has one.
type field struct {
	key   string
	keyAt int
	value json.Token
	at    int
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// newReader checks that data is UTF-8 and exactly one JSON value, so that what
// comes after meets no syntax error.
func newReader(data []byte, name string) (*reader, error) {
	r := &reader{name: name, data: bytes.TrimPrefix(data, byteOrderMark)}
	if len(bytes.TrimSpace(r.data)) == 0 {
		return nil, r.errorf(0, `the configuration is empty; write {"tenants": {}} at least`)
	}
	if at := invalidUTF8(r.data); at >= 0 {
		return nil, r.errorf(at, "the byte 0x%02x is not UTF-8; save the file as UTF-8", r.data[at])
	}
	// A Decoder's own errors count only some of the bytes; Unmarshal's count all.
	var bad *json.SyntaxError
	if err := json.Unmarshal(r.data, new(json.RawMessage)); errors.As(err, &bad) {
		return nil, r.syntaxError(bad)
	}
	r.dec = json.NewDecoder(bytes.NewReader(r.data))
	r.dec.UseNumber()
	return r, nil
}

func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; ; {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
}

// syntaxError points at the offending byte, which Offset counts in, or at the
// end of what is too short.
func (r *reader) syntaxError(bad *json.SyntaxError) error {
	at := int(bad.Offset) - 1
	if strings.HasPrefix(bad.Error(), "unexpected end") {
		return r.errorf(len(bytes.TrimRight(r.data, " \t\r\n")), "the configuration ends too early; is a bracket or a quote missing?")
	}
	return r.errorf(at, "%s; this is not JSON", bad.Error())
}

// next returns the next token and the offset where it begins.
func (r *reader) next() (json.Token, int) {
	at := r.skip()
	token, err := r.dec.Token()
	if err != nil && err != io.EOF {
		// The syntax was checked, so this is our mistake and nobody's input.
		panic("tenant: token of checked JSON: " + err.Error())
	}
	return token, at
}

// peek returns the first byte of the next token.
func (r *reader) peek() byte { return r.data[r.skip()] }

// skip returns where the next token begins.
func (r *reader) skip() int {
	at := int(r.dec.InputOffset())
	for at < len(r.data) && strings.IndexByte(" \t\r\n,:", r.data[at]) >= 0 {
		at++
	}
	return at
}

// fields reads the rest of an object whose bracket was read. The slice is good
// until the next call.
func (r *reader) fields() []field {
	r.pool = r.pool[:0]
	for r.dec.More() {
		var f field
		key, keyAt := r.next()
		f.key, f.keyAt = key.(string), keyAt
		f.value, f.at = r.next()
		r.leave(f.value)
		r.pool = append(r.pool, f)
	}
	r.next()
	return r.pool
}

// leave reads to the end of the object or list that open begins.
func (r *reader) leave(open json.Token) {
	depth := nesting(open)
	for depth > 0 {
		token, _ := r.next()
		depth += nesting(token)
	}
}

// nesting is how much deeper a token leads.
func nesting(token json.Token) int {
	switch token {
	case json.Delim('{'), json.Delim('['):
		return 1
	case json.Delim('}'), json.Delim(']'):
		return -1
	}
	return 0
}

// position returns the line and the column, both from 1, of an offset. Columns
// count characters, as editors do.
func (r *reader) position(at int) (line, column int) {
	before := r.data[:at]
	start := bytes.LastIndexByte(before, '\n') + 1
	return 1 + bytes.Count(before, []byte{'\n'}), 1 + utf8.RuneCount(before[start:])
}

// line returns the line of an offset.
func (r *reader) line(at int) int {
	line, _ := r.position(at)
	return line
}
