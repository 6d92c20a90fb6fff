package configfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/wbic16/sq-go"
)

// Reader reads JSON as the tokens of json.Decoder and knows where each begins.
// Unmarshalling would keep the last of two equal keys in silence, and tell no
// lines; a Decoder checks each token again, which makes reading half as fast. One
// goroutine uses it.
type Reader struct {
	// Data is the text that offsets count in: without a byte order mark, and known
	// to be one JSON value.
	Data []byte
	// Marked says that there was such a mark.
	Marked bool
	// Off is how much of Data was read.
	Off int

	name string  // of the file, in errors
	pool []Field // reused by Fields
}

// Field is a member of an object. An object or list as value stands as its
// opening json.Delim: no field we know has one. From where its name and its value
// begin they go up to where they end, the quotes included.
type Field struct {
	Key    string
	KeyAt  int
	KeyEnd int
	Value  json.Token
	At     int
	End    int
}

// ByteOrderMark is what some editors write in front of a text.
var ByteOrderMark = []byte("\xef\xbb\xbf")

// NewReader checks that data is UTF-8 and exactly one JSON value, so that what
// comes after meets no syntax error. Errors call the file by a name; the least that
// it may hold is told where it is empty. The reader keeps data.
func NewReader(data []byte, name, least string) (*Reader, error) {
	r := &Reader{name: name, Data: bytes.TrimPrefix(data, ByteOrderMark), Marked: bytes.HasPrefix(data, ByteOrderMark)}
	if len(bytes.TrimSpace(r.Data)) == 0 {
		return nil, r.Errorf(0, "the configuration is empty; write %s at least", least)
	}
	if at := invalidUTF8(r.Data); at >= 0 {
		return nil, r.Errorf(at, "the byte 0x%02x is not UTF-8; save the file as UTF-8", r.Data[at])
	}
	// A Decoder's own errors count only some of the bytes; Unmarshal's count all.
	var bad *json.SyntaxError
	if err := json.Unmarshal(r.Data, new(json.RawMessage)); errors.As(err, &bad) {
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
func (r *Reader) syntaxError(bad *json.SyntaxError) error {
	at := int(bad.Offset) - 1
	if strings.HasPrefix(bad.Error(), "unexpected end") {
		return r.Errorf(len(bytes.TrimRight(r.Data, " \t\r\n")), "the configuration ends too early; is a bracket or a quote missing?")
	}
	return r.Errorf(at, "%s; this is not JSON", bad.Error())
}

// Next returns the next token and the offset where it begins: a json.Delim,
// string, json.Number, bool, or nil for null. There must be one.
func (r *Reader) Next() (json.Token, int) {
	at := r.skip()
	switch c := r.Data[at]; c {
	case '{', '}', '[', ']':
		r.Off = at + 1
		return json.Delim(c), at
	case '"':
		return r.quoted(at), at
	}
	r.Off = len(r.Data)
	if n := bytes.IndexAny(r.Data[at:], " \t\r\n,]}"); n >= 0 {
		r.Off = at + n
	}
	return literal(string(r.Data[at:r.Off])), at
}

// quoted reads the string whose quote is at an offset. The result shares no memory
// with the data, so that keeping a name does not keep every token.
func (r *Reader) quoted(at int) string {
	plain := true
	end := at + 1
	for ; r.Data[end] != '"'; end++ {
		if r.Data[end] == '\\' {
			plain = false
			end++
		}
	}
	r.Off = end + 1
	if plain {
		return string(r.Data[at+1 : end])
	}
	var s string
	_ = json.Unmarshal(r.Data[at:r.Off], &s) // cannot fail: the syntax was checked
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

// More tells whether the object or list that is being read goes on.
func (r *Reader) More() bool { return r.Peek() != '}' && r.Peek() != ']' }

// Peek returns the first byte of the next token. There must be one.
func (r *Reader) Peek() byte { return r.Data[r.skip()] }

// skip returns where the next token begins.
func (r *Reader) skip() int {
	for r.Off < len(r.Data) && strings.IndexByte(" \t\r\n,:", r.Data[r.Off]) >= 0 {
		r.Off++
	}
	return r.Off
}

// Fields reads the rest of an object whose bracket was read. The slice is good
// until the next call.
func (r *Reader) Fields() []Field {
	r.pool = r.pool[:0]
	for r.More() {
		var f Field
		key, keyAt := r.Next()
		f.Key, f.KeyAt, f.KeyEnd = key.(string), keyAt, r.Off
		f.Value, f.At = r.Next()
		r.leave(f.Value)
		f.End = r.Off
		r.pool = append(r.pool, f)
	}
	r.Next()
	return r.pool
}

// leave reads to the end of the object or list that open begins.
func (r *Reader) leave(open json.Token) {
	depth := nesting(open)
	for depth > 0 {
		token, _ := r.Next()
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

// Position returns the line and the column, both from 1, of an offset. Columns
// count characters, as editors do.
func (r *Reader) Position(at int) (line, column int) {
	before := r.Data[:at]
	start := bytes.LastIndexByte(before, '\n') + 1
	return 1 + bytes.Count(before, []byte{'\n'}), 1 + utf8.RuneCount(before[start:])
}

// Line returns the line of an offset.
func (r *Reader) Line(at int) int {
	line, _ := r.Position(at)
	return line
}

// Errorf returns an error at an offset. It is sq.Invalid and begins with
// "NAME:LINE:COLUMN: ".
func (r *Reader) Errorf(at int, format string, args ...any) error {
	line, column := r.Position(at)
	return sq.Errorf(sq.Invalid, "%s:%d:%d: %s", r.name, line, column, fmt.Sprintf(format, args...))
}
