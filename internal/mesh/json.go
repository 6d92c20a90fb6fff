package mesh

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wbic16/sq-go"
)

// document is a JSON text that knows where everything in it begins. Unmarshalling would
// pass over unknown fields, keep the last of two equal ones, and tell no lines.
type document struct {
	name string
	data []byte
}

// value is a JSON value and where it begins.
type value struct {
	at      int
	token   json.Token // the bracket of an object or a list; nil for null
	members []member   // of an object
	items   []value    // of a list
}

// member is a field of an object.
type member struct {
	key string
	at  int
	value
}

// read returns the only value of the document.
func (d *document) read() (value, error) {
	if len(bytes.TrimSpace(d.data)) == 0 {
		return value{}, d.errorf(0, "the configuration is empty; sq mesh init writes a first one")
	}
	if at := invalidUTF8(d.data); at >= 0 {
		return value{}, d.errorf(at, "the byte 0x%02x is not UTF-8; save the file as UTF-8", d.data[at])
	}
	var bad *json.SyntaxError
	if err := json.Unmarshal(d.data, new(json.RawMessage)); errors.As(err, &bad) {
		return value{}, d.syntaxError(bad)
	}
	decoder := json.NewDecoder(bytes.NewReader(d.data))
	decoder.UseNumber()
	return d.next(decoder)
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

func (d *document) syntaxError(bad *json.SyntaxError) error {
	if strings.HasPrefix(bad.Error(), "unexpected end") {
		return d.errorf(len(bytes.TrimRight(d.data, " \t\r\n")), "the configuration ends too early; is a bracket or a quote missing?")
	}
	return d.errorf(int(bad.Offset)-1, "%s; this is not JSON", bad.Error())
}

// next reads a value. The syntax was checked.
func (d *document) next(decoder *json.Decoder) (v value, err error) {
	v.at = d.skip(int(decoder.InputOffset()))
	if v.token, err = decoder.Token(); err != nil {
		return v, d.errorf(v.at, "%v; this is not JSON", err)
	}
	for v.token == json.Delim('{') && decoder.More() {
		m := member{at: d.skip(int(decoder.InputOffset()))}
		key, err := decoder.Token()
		if err != nil {
			return v, d.errorf(m.at, "%v; this is not JSON", err)
		}
		m.key, _ = key.(string)
		if m.value, err = d.next(decoder); err != nil {
			return v, err
		}
		v.members = append(v.members, m)
	}
	for v.token == json.Delim('[') && decoder.More() {
		item, err := d.next(decoder)
		if err != nil {
			return v, err
		}
		v.items = append(v.items, item)
	}
	if v.isObject() || v.isList() {
		_, err = decoder.Token() // the closing bracket
	}
	return v, err
}

// skip returns where the next token begins.
func (d *document) skip(at int) int {
	for at < len(d.data) && strings.IndexByte(" \t\r\n,:", d.data[at]) >= 0 {
		at++
	}
	return at
}

func (v *value) isObject() bool { return v.token == json.Delim('{') }
func (v *value) isList() bool   { return v.token == json.Delim('[') }

// kind says what a value is, without repeating it: it may be a key in the wrong place.
func (v *value) kind() string {
	switch v.token.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	}
	if v.isObject() {
		return "an object"
	}
	return "a list"
}

// errorf returns an error at an offset, with line and column from 1, in characters.
func (d *document) errorf(at int, format string, args ...any) error {
	before := d.data[:at]
	line := 1 + bytes.Count(before, []byte{'\n'})
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return sq.Errorf(sq.Invalid, "%s:%d:%d: %s", d.name, line, column, fmt.Sprintf(format, args...))
}

// field is a field that an object may have. A complaint that is not empty goes on
// where the field's name ended.
type field struct {
	name     string
	required bool
	set      func(value) (complaint string)
}

// object understands an object by the fields it may have. Null is the same as absent.
func (d *document) object(v value, what string, fields ...field) error {
	if !v.isObject() {
		return d.errorf(v.at, "%s is %s; want an object", what, v.kind())
	}
	seen := map[string]bool{}
	for _, m := range v.members {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == m.key })
		switch {
		case i < 0:
			return d.errorf(m.at, "%s: %s; the fields here are %s", what, unknownField(m), names(fields))
		case seen[m.key]:
			return d.errorf(m.at, "%s: field %q stands twice; remove one", what, m.key)
		}
		seen[m.key] = m.token != nil
		if m.token == nil {
			continue
		}
		if complaint := fields[i].set(m.value); complaint != "" {
			return d.errorf(m.value.at, "%s: %s %s", what, m.key, complaint)
		}
	}
	for _, f := range fields {
		if f.required && !seen[f.name] {
			return d.errorf(v.at, "%s: %q is missing; add it", what, f.name)
		}
	}
	return nil
}

// unknownField repeats a field only where it looks like a word: somebody may have put
// a key in its place.
func unknownField(m member) string {
	const longest = 24
	notInWord := func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }
	if len(m.key) > longest || strings.ContainsFunc(m.key, notInWord) {
		return "unknown field"
	}
	return fmt.Sprintf("unknown field %q", m.key)
}

func names(fields []field) string {
	var all []string
	for _, f := range fields {
		all = append(all, f.name)
	}
	return strings.Join(all, ", ")
}
