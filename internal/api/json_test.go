package api

import (
	"encoding/json"
	"testing"
)

// FuzzJSON holds our strings of JSON to encoding/json, both ways.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{"", "plain", "\"quoted\" \\ back", "line\nbreak\ttab\r\x00\x1f\x7f", "<script>&</script>", "δ 漢字 \U0001F600 \u2028", string([]byte{0, 1, 2})} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, err := json.Marshal(text)
		var is string
		if err != nil || json.Unmarshal(want, &is) != nil || is != text {
			return // not UTF-8, which no scroll is
		}
		got := appendJSON(nil, []byte(text))
		var back string
		if err := json.Unmarshal(got, &back); err != nil || back != text {
			t.Errorf("%q is %s, and that is %q, %v", text, got, back, err)
		}
	})
}
