package tenant

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// mark is in every token that the fuzzer's search for leaks looks at. No name
// and no message of ours can hold its capitals, and no word as long is shown.
const mark = "INVENTED-SECRET-TOKEN-9999"

// FuzzParse: Parse never panics, what it accepts is accepted again in the form
// we write, and no error holds a token.
func FuzzParse(f *testing.F) {
	for _, m := range mistakes {
		f.Add([]byte(strings.NewReplacer("TOKEN", mark, "HASH", HashToken(mark).String()).Replace(m.file)))
	}
	f.Add([]byte(`{"admin_key": "` + mark + `-admin", "reload_on_change": true, "data_root": "/n", "tenants": {
		"` + mark + `": {"name": "alice", "data_dir": "/n/a", "quota_mb": 5, "requests_per_second": 0.5, "durability": "fsync"},
		"` + mark + `-2": {"name": "alice", "data_dir": "/n/a", "read_only": true},
		"` + HashToken(mark+"3").String() + `": {"name": "bob", "data_dir": "/n/b", "enabled": false, "requests_per_day": 9}}}`))
	f.Add([]byte(`{"tenants": [{"id": "alice", "api_key": "` + mark + `", "data_dir": "a", "quota_mb": 10, "enabled": true}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data, "f")
		if err != nil {
			for _, token := range marked(data) {
				if strings.Contains(err.Error(), token) {
					t.Fatalf("the token %q is in the error: %v", token, err)
				}
			}
			return
		}
		returns(t, c)
	})
}

func returns(t *testing.T, c *Config) {
	text, err := c.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(text, "written")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !reflect.DeepEqual(c, again) {
		t.Fatalf("got  %+v\nwant %+v\n%s", again, c, text)
	}
}

// marked returns the strings of a JSON text that hold the mark.
func marked(data []byte) []string {
	var value any
	if json.Unmarshal(data, &value) != nil {
		return []string{mark}
	}
	return gather(nil, value)
}

func gather(found []string, value any) []string {
	switch v := value.(type) {
	case string:
		if strings.Contains(v, mark) {
			found = append(found, v)
		}
	case []any:
		for _, inner := range v {
			found = gather(found, inner)
		}
	case map[string]any:
		for key, inner := range v {
			found = gather(gather(found, key), inner)
		}
	}
	return found
}
