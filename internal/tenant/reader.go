package tenant

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// reader reads JSON as the tokens of json.Decoder and knows where each begins.
// Unmarshalling would keep the last of two equal keys in silence, and tell no
// lines; a Decoder checks each token again, which makes Parse half as fast.
type reader struct {
	name   string
	data   []byte  // without a byte order mark; known to be one JSON value
	marked bool    // there was one
	off    int     // what was read
	pool   []field // reused by fields
}

// field is a member of an object. An object or list as value stands as its
// opening json.Delim: no field we know has one.
type field struct {
	key    string
	keyAt  int
	keyEnd int
	value  json.Token
	at     int
	end    int
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// newReader checks that data is UTF-8 and exactly one JSON value, so that what
// comes after meets no syntax error.
func newReader(data []byte, name string) (*reader, error) {
	r := &reader{name: name, data: bytes.TrimPrefix(data, byteOrderMark), marked: bytes.HasPrefix(data, byteOrderMark)}
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

// next returns the next token and the offset where it begins: a json.Delim,
// string, json.Number, bool, or nil for null. There must be one.
func (r *reader) next() (json.Token, int) {
	at := r.skip()
	switch c := r.data[at]; c {
	case '{', '}', '[', ']':
		r.off = at + 1
		return json.Delim(c), at
	case '"':
		return r.quoted(at), at
	}
	r.off = len(r.data)
	if n := bytes.IndexAny(r.data[at:], " \t\r\n,]}"); n >= 0 {
		r.off = at + n
	}
	return literal(string(r.data[at:r.off])), at
}

// quoted reads the string whose quote is at an offset. The result shares no memory
// with the data, so that keeping a name does not keep every token.
func (r *reader) quoted(at int) string {
	plain := true
	end := at + 1
	for ; r.data[end] != '"'; end++ {
		if r.data[end] == '\\' {
			plain = false
			end++
		}
	}
	r.off = end + 1
	if plain {
		return string(r.data[at+1 : end])
	}
	var s string
	_ = json.Unmarshal(r.data[at:r.off], &s) // cannot fail: the syntax was checked
	return s
}

func literal(s string) json.Token {
	switch s {
	case "null":
		return nil
	case "true", "false":
		return s == "true"
	}
	return json.Number(s)
}

// more tells whether the object or list that is being read goes on.
func (r *reader) more() bool { return r.peek() != '}' && r.peek() != ']' }

// peek returns the first byte of the next token. There must be one.
func (r *reader) peek() byte { return r.data[r.skip()] }

// skip returns where the next token begins.
func (r *reader) skip() int {
	for r.off < len(r.data) && strings.IndexByte(" \t\r\n,:", r.data[r.off]) >= 0 {
		r.off++
	}
	return r.off
}

// fields reads the rest of an object whose bracket was read. The slice is good
// until the next call.
func (r *reader) fields() []field {
	r.pool = r.pool[:0]
	for r.more() {
		var f field
		key, keyAt := r.next()
		f.key, f.keyAt, f.keyEnd = key.(string), keyAt, r.off
		f.value, f.at = r.next()
		r.leave(f.value)
		f.end = r.off
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
