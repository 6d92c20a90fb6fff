package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/wbic16/sq-go"
)

// decode reads the body of a request, a JSON object, into a struct. No body at all
// is an empty object. A field that the struct has not is Invalid.
func decode(r *http.Request, into any) error {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return err // says itself what it is
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return badBody(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return sq.Errorf(sq.Invalid, "the body goes on behind its JSON object")
	}
	return nil
}

// badBody says what is wrong with a body and repeats none of its values.
func badBody(err error) error {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		return sq.Errorf(sq.Invalid, "the field %q of the body is not %s", fieldOf(kind.Field), wanted[kind.Type.Kind()])
	case errors.As(err, &kind):
		return sq.Errorf(sq.Invalid, "the body is no JSON object")
	case strings.Contains(err.Error(), "unknown field"):
		return sq.Errorf(sq.Invalid, "the body has an %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return sq.Errorf(sq.Invalid, "the body is no JSON: %v", err)
}

// wanted says what the fields of bodies hold.
var wanted = map[reflect.Kind]string{
	reflect.String:  "a string",
	reflect.Bool:    "true or false, without quotes",
	reflect.Int64:   "a whole number",
	reflect.Float64: "a number",
}

// fieldOf returns a field without the struct that it is embedded in.
func fieldOf(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }
