package route

import (
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/tenant"
)

func TestParse(t *testing.T) {
	hash := tenant.HashToken("bob's")
	entries, err := Parse([]byte(`{"tenants": [
		{"token": "alice's", "port": 1338, "data_dir": "/srv/alice"},
		{"port": 1339, "token": "`+hash.String()+`"},
		{"token": "alice's next", "port": 1338, "data_dir": ""}
	]}`), "f", 1337)
	want := []Entry{{tenant.HashToken("alice's"), 1338}, {hash, 1339}, {tenant.HashToken("alice's next"), 1338}}
	if err != nil || len(entries) != len(want) {
		t.Fatalf("%v, %v", entries, err)
	}
	for i, e := range entries {
		if e != want[i] {
			t.Errorf("entry %d: %v, want %v", i, e, want[i])
		}
	}
	if entries, err := Parse([]byte(`{"tenants": []}`), "f"); err != nil || len(entries) != 0 {
		t.Errorf("none: %v, %v", entries, err)
	}
}

// TestMistakes: what is wrong is told with its place, and no token is repeated.
func TestMistakes(t *testing.T) {
	const secret = "invented-secret-token-1"
	for _, row := range []struct{ text, want string }{
		{``, `f:1:1: the configuration is empty; write {"tenants": []} at least`},
		{`[]`, `f:1:1: the configuration is a list; write an object: {"tenants": […]}`},
		{`{}`, `f:1:1: "tenants" is missing; add "tenants": [] at least`},
		{`{"tenants": [], "tenants": []}`, `f:1:17: field "tenants" stands twice; remove one`},
		{`{"tenant": []}`, `f:1:2: unknown field; the fields here are tenants`},
		{`{"tenants": {"SECRET": {"port": 1}}}`, `f:1:13: tenants is an object; want a list of {"token", "port", "data_dir"} (what is keyed by tokens is for sq host --config)`},
		{`{"tenants": "SECRET"}`, `f:1:13: tenants is a string; want a list of {"token", "port", "data_dir"}`},
		{`{"tenants": ["SECRET"]}`, `f:1:14: a tenant is a string; want an object with "token" and "port"`},
		{"{\"tenants\": [\n {\"token\": \"SECRET\", \"port\": 1, \"host\": \"example.org\"}]}", `f:2:33: unknown field "host"; did you mean "port"?`},
		{`{"tenants": [{"token": "SECRET", "prt": 1}]}`, `f:1:34: unknown field "prt"; did you mean "port"?`},
		{`{"tenants": [{"SECRET": 1}]}`, `f:1:15: unknown field; the fields here are token, port, data_dir`},
		{`{"tenants": [{"port": 1, "port": 2}]}`, `f:1:26: field "port" stands twice; remove one`},
		{`{"tenants": [{"port": 1}]}`, `f:1:14: "token" is missing; add it`},
		{`{"tenants": [{"token": "SECRET"}]}`, `f:1:14: "port" is missing; add it`},
		{`{"tenants": [{"token": "", "port": 1}]}`, `f:1:24: the token is empty; give one, such as 32 random characters`},
		{`{"tenants": [{"token": " SECRET", "port": 1}]}`, `f:1:24: the token has a control character, or a space at an end, which no HTTP header carries; make another`},
		{`{"tenants": [{"token": "sha256:SECRET", "port": 1}]}`, `f:1:24: the token begins with sha256: but has not 64 hex digits after it; make them with sq tenants hash`},
		{`{"tenants": [{"token": 7, "port": 1}]}`, `f:1:24: token is a number; want a string`},
		{`{"tenants": [{"token": "SECRET", "port": 0}]}`, `f:1:42: port is out of range or has a fraction or an exponent; want a whole number from 1 to 65535`},
		{`{"tenants": [{"token": "SECRET", "port": 65536}]}`, `f:1:42: port is out of range or has a fraction or an exponent; want a whole number from 1 to 65535`},
		{`{"tenants": [{"token": "SECRET", "port": 1.5}]}`, `f:1:42: port is out of range or has a fraction or an exponent; want a whole number from 1 to 65535`},
		{`{"tenants": [{"token": "SECRET", "port": -1}]}`, `f:1:42: port is out of range or has a fraction or an exponent; want a whole number from 1 to 65535`},
		{`{"tenants": [{"token": "SECRET", "port": "SECRET"}]}`, `f:1:42: port is a string; want a whole number from 1 to 65535`},
		{`{"tenants": [{"token": "SECRET", "port": 1337}]}`, `f:1:42: port is the router's own; give the backend another`},
		{`{"tenants": [{"token": "SECRET", "port": 1, "data_dir": 7}]}`, `f:1:57: data_dir is a number; want a string`},
		{"{\"tenants\": [{\"token\": \"SECRET\", \"port\": 1},\n{\"token\": \"SECRET\", \"port\": 2}]}", `f:2:11: the token stands twice, first on line 1; remove one`},
		{"{\"tenants\": [{\"token\": \"SECRET\", \"port\": 1},\n{\"token\": \"HASH\", \"port\": 1}]}", `f:2:11: the token stands twice, first on line 1; remove one`},
		{`{"tenants": []`, `f:1:15: the configuration ends too early; is a bracket or a quote missing?`},
	} {
		text := strings.NewReplacer("SECRET", secret, "HASH", tenant.HashToken(secret).String()).Replace(row.text)
		_, err := Parse([]byte(text), "f", 1336, 1337)
		// Columns of what stands behind a token are those of the longer text.
		want := row.want
		if err == nil || sq.ErrorCode(err) != sq.Invalid {
			t.Errorf("%s: %v, want %s", row.text, err, want)
			continue
		}
		if got := err.Error(); messageOf(got) != messageOf(want) || placeOf(t, text, got) != placeOf(t, row.text, want) {
			t.Errorf("%s: %s, want %s", row.text, got, want)
		} else if strings.Contains(got, secret) {
			t.Errorf("%s: the error shows the token: %s", row.text, got)
		}
	}
}

func messageOf(err string) string { return err[strings.Index(err, ": ")+2:] }

// placeOf returns what stands where an error points, as far as the two texts of a
// row agree: how many quotes and brackets are before it.
func placeOf(t *testing.T, text, err string) (before int) {
	t.Helper()
	parts := strings.SplitN(err, ":", 4)
	line, column := 0, 0
	for i, v := range []*int{&line, &column} {
		for _, c := range parts[i+1] {
			*v = *v*10 + int(c-'0')
		}
	}
	lines := strings.Split(text, "\n")
	point := []rune(lines[line-1])[:column-1]
	whole := strings.Join(lines[:line-1], "\n") + string(point)
	return strings.Count(whole, `"`)*100 + strings.Count(whole, "{") + strings.Count(whole, "[") + strings.Count(whole, ",") + 10000*line
}

func FuzzParse(f *testing.F) {
	const mark = "INVENTED-SECRET-TOKEN-9999"
	f.Add([]byte(`{"tenants": [{"token": "` + mark + `", "port": 1338, "data_dir": "/srv"}]}`))
	f.Add([]byte(`{"tenants": [{"` + mark + `": "a", "port": "` + mark + `"}], "` + mark + `": 1}`))
	f.Add([]byte(`{"tenants": [{"token": "sha256:` + mark + `", "port": 1e3}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, err := Parse(data, "f", 1337)
		if err != nil && strings.Contains(err.Error(), mark) {
			t.Errorf("the error shows a token: %v", err)
		}
		for _, e := range entries {
			if e.Port == 0 || e.Port == 1337 || e.Token == (tenant.TokenHash{}) {
				t.Errorf("%+v was accepted", e)
			}
		}
	})
}
