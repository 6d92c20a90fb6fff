package api

import (
	"net/url"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
)

func TestQuery(t *testing.T) {
	for raw, want := range map[string]query{
		"":                         {},
		"&&":                       {},
		"p=a&c=1.1.1;1.1.1;1.1.1":  {phext: param{"a", true}, coordinate: param{"1.1.1;1.1.1;1.1.1", true}},
		"s=":                       {text: param{"", true}},
		"s=a=b;c":                  {text: param{"a=b;c", true}},
		"s=a+b%2Bc%0A%F0%9F%94%86": {text: param{"a b+c\n🔆", true}},
		"%70=a&P=b":                {phext: param{"a", true}},
		"x=1&x=2&y&p=a":            {phext: param{"a", true}},
		"algo=checksum&limit=0":    {algo: param{"checksum", true}, limit: param{"0", true}},
		"s=%00%FF":                 {text: param{"\x00\xFF", true}},
	} {
		if got, err := parseQuery(raw); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", raw, got, err, want)
		}
	}
	for raw, why := range map[string]string{
		"p=a&p=a":   "p is given twice",
		"p=a&%70=b": "p is given twice",
		"p=%":       "%25",
		"p=%2":      "%25",
		"p=%zz":     "%25",
		"x=%zz":     "%25",
		"%zz=x":     "%25",
		"s":         "s has no value",
		"p=a&s&c=b": "s has no value",
	} {
		if _, err := parseQuery(raw); sq.ErrorCode(err) != sq.Invalid || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %q", raw, err, why)
		}
	}
}

// FuzzQuery: whatever is taken is what net/url takes, where both can be asked.
func FuzzQuery(f *testing.F) {
	for _, raw := range []string{"p=a&c=1.1.1/1.1.1/1.1.1&s=x+y%20z", "s=%", "p=a&p=b", "limit=1&algo=xor&&=", "s=a;b", "%73=%F0%9F%94%86"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := parseQuery(raw)
		if err != nil && sq.ErrorCode(err) != sq.Invalid {
			t.Fatalf("%q: %v", raw, err)
		}
		want, err2 := url.ParseQuery(raw)
		if err != nil || strings.Contains(raw, ";") {
			return
		}
		if err2 != nil {
			t.Fatalf("%q: taken, but net/url says %v", raw, err2)
		}
		for name, p := range map[string]param{"p": got.phext, "c": got.coordinate, "s": got.text, "algo": got.algo, "limit": got.limit, "from": got.from, "before": got.before} {
			if p.given != want.Has(name) || p.value != want.Get(name) {
				t.Fatalf("%q: %s is %+v, want %q", raw, name, p, want[name])
			}
		}
	})
}
