package configfile

import (
	"bytes"
	"encoding/json"
	"io"
	"testing"
)

// FuzzReader holds our tokens and their places to what json.Decoder makes of
// the same text.
func FuzzReader(f *testing.F) {
	f.Add([]byte("\ufeff [1, -2.5e+3 ,\"a\\\"\\\\\",{\"b\\u0041\":\ttrue,\n\"\":[null ,false]},{},[] ]\r\n"))
	f.Add([]byte(`"\ud800"`))
	f.Add([]byte(`7`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := NewReader(data, "f", "{}")
		if err != nil {
			return
		}
		dec := json.NewDecoder(bytes.NewReader(r.Data))
		dec.UseNumber()
		for {
			want, err := dec.Token()
			if err == io.EOF {
				break
			}
			got, at := r.Next()
			if err != nil || got != want || r.Off != int(dec.InputOffset()) || at >= r.Off {
				t.Fatalf("token %v at %d to %d, want %v to %d, %v", got, at, r.Off, want, dec.InputOffset(), err)
			}
		}
		if r.skip() != len(r.Data) {
			t.Fatalf("the reader is at %d of %d", r.Off, len(r.Data))
		}
	})
}

// TestReader: what is wrong is told with line and column, in characters.
func TestReader(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"", "f:1:1: the configuration is empty; write {} at least"},
		{" \n ", "f:1:1: the configuration is empty; write {} at least"},
		{"{\n  \"ü\": \xff}", "f:2:8: the byte 0xff is not UTF-8; save the file as UTF-8"},
		{"{\n  \"ü\": x}", "f:2:8: invalid character 'x' looking for beginning of value; this is not JSON"},
		{"{\n  \"ü\": 1\n\n", "f:2:9: the configuration ends too early; is a bracket or a quote missing?"},
		{"{} {}", "f:1:4: invalid character '{' after top-level value; this is not JSON"},
	} {
		if _, err := NewReader([]byte(row.text), "f", "{}"); err == nil || err.Error() != row.want {
			t.Errorf("%q: %v, want %s", row.text, err, row.want)
		}
	}
}

// TestUnknown: a field that could be a token is not repeated.
func TestUnknown(t *testing.T) {
	for _, row := range []struct {
		key     string
		opening byte
		want    string
	}{
		{"prt", '1', `unknown field "prt"; did you mean "port"?`},
		{"data-dir", '"', "unknown field; the fields here are port, data_dir"},
		{"something", '1', `unknown field "something"; the fields here are port, data_dir`},
		{"invented-token-1", '"', "unknown field; the fields here are port, data_dir"},
		{"prt", '{', "unknown field; the fields here are port, data_dir"},
	} {
		if got := Unknown(row.key, row.opening, []string{"port", "data_dir"}); got != row.want {
			t.Errorf("%s: %q, want %q", row.key, got, row.want)
		}
	}
}
