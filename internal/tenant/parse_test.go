package tenant

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
)

const (
	tokenA = "invented-Token-AAAA-0001"
	tokenB = "invented-Token-BBBB-0002"
	tokenC = "invented-Token-CCCC-0003"
)

// mustParse parses what has to be good.
func mustParse(t testing.TB, text string) *Config {
	t.Helper()
	c, err := Parse([]byte(text), "tenants.json")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParseMapForm(t *testing.T) {
	hashed := HashToken(tokenB).String()
	c := mustParse(t, "\ufeff"+`{
		"tenants": {
			"`+tokenA+`": {"name": "alice", "data_dir": "/srv/none/./alice/"},
			"SHA256:`+strings.ToUpper(hashed[7:])+`": {"name": "b.o-b_2", "data_dir": "/srv/none/bob", "quota_mb": 1024,
				"requests_per_second": 0.5, "requests_per_day": 100000, "read_only": true, "enabled": false, "durability": "relaxed"}
		},
		"admin_key": "`+tokenC+`", "reload_on_change": true, "data_root": "/srv/none/"
	}`)
	want := &Config{
		Entries: []Entry{
			{Token: HashToken(tokenA), Tenant: sq.Tenant{Name: "alice", DataDir: "/srv/none/alice"}, Enabled: true},
			{Token: HashToken(tokenB), Tenant: sq.Tenant{Name: "b.o-b_2", DataDir: "/srv/none/bob", ReadOnly: true,
				QuotaBytes: 1 << 30, RequestsPerSecond: 0.5, RequestsPerDay: 100000}, Durability: Relaxed},
		},
		AdminKey: HashToken(tokenC), ReloadOnChange: true, DataRoot: "/srv/none",
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestParseListForm(t *testing.T) {
	c := mustParse(t, `{"admin_key": "", "tenants": [
		{"id": "alice", "api_key": "`+tokenA+`", "data_dir": "/srv/none/alice", "quota_mb": 10, "enabled": true},
		{"api_key": "`+HashToken(tokenB).String()+`", "data_dir": "/srv/none/bob", "id": "bob", "enabled": false}
	]}`)
	want := &Config{Entries: []Entry{
		{Token: HashToken(tokenA), Tenant: sq.Tenant{Name: "alice", DataDir: "/srv/none/alice", QuotaBytes: 10 << 20}, Enabled: true},
		{Token: HashToken(tokenB), Tenant: sq.Tenant{Name: "bob", DataDir: "/srv/none/bob"}},
	}}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestParseGood(t *testing.T) {
	for _, text := range []string{
		`{"tenants": {}}`,
		`{"tenants": []}`,
		`{"tenants": {}, "admin_key": null, "reload_on_change": null, "data_root": null}`,
		`{"tenants": {}, "data_root": "", "reload_on_change": false}` + " \r\n\t",
		`{"tenants": {"t t": {"name": "a", "data_dir": "/n/a", "quota_mb": null, "enabled": null, "read_only": null, "durability": null}}}`,
		`{"tenants": {"\u0074ök-en/+": {"name": "a", "data_dir": "/n/ä b"}}}`,
		`{"tenants": {"t": {"name": "a", "data_dir": "/n/a", "quota_mb": 8796093022207, "requests_per_day": 9223372036854775807, "requests_per_second": 1e9}}}`,
		`{"tenants": {"t": {"name": "a", "data_dir": "/n/a", "quota_mb": 0, "requests_per_day": -0, "requests_per_second": -0.0}}}`,
		// A character apart, and below one that only begins alike.
		`{"tenants": {"t1": {"name": "a", "data_dir": "/n/a"}, "t2": {"name": "b", "data_dir": "/n/a-b"}, "t3": {"name": "c", "data_dir": "/n/ab/c"}}}`,
	} {
		c := mustParse(t, text)
		for _, e := range c.Entries {
			if !filepath.IsAbs(e.Tenant.DataDir) || !e.Enabled {
				t.Errorf("%s: %+v", text, e)
			}
		}
	}
}

func TestParseRelativeDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	c := mustParse(t, `{"tenants": {"t": {"name": "a", "data_dir": "x/../data"}}, "data_root": "."}`)
	if got := c.Entries[0].Tenant.DataDir; got != filepath.Join(here, "data") {
		t.Errorf("data_dir %q", got)
	}
	if c.DataRoot != here {
		t.Errorf("data_root %q, want %q", c.DataRoot, here)
	}
}

func TestLongestName(t *testing.T) {
	name := strings.Repeat("x", 64)
	c := mustParse(t, `{"tenants": {"t": {"name": "`+name+`", "data_dir": "/n/a"}}}`)
	if got := c.Entries[0].Tenant.Name; got != name {
		t.Errorf("name %q", got)
	}
}

// Two tokens for one tenant: while callers move from the old to the new.
func TestRotation(t *testing.T) {
	r := New(mustParse(t, `{"tenants": {
		"`+tokenA+`": {"name": "alice", "data_dir": "/n/alice", "read_only": true},
		"`+tokenB+`": {"name": "alice", "data_dir": "/n/alice/", "quota_mb": 7, "requests_per_day": 0, "durability": "fsync"},
		"`+tokenC+`": {"name": "alice", "data_dir": "/n/x/../alice", "quota_mb": 7, "requests_per_second": 2, "enabled": false}
	}}`))
	want := sq.Tenant{Name: "alice", DataDir: "/n/alice", QuotaBytes: 7 << 20, RequestsPerSecond: 2}
	readOnly := want
	readOnly.ReadOnly = true
	if got, ok := r.Find(tokenA); !ok || got != readOnly {
		t.Errorf("first token: %+v, %v", got, ok)
	}
	if got, ok := r.Find(tokenB); !ok || got != want {
		t.Errorf("second token: %+v, %v", got, ok)
	}
	if got, ok := r.Find(tokenC); ok {
		t.Errorf("disabled token: %+v", got)
	}
	if got := r.Tenants(); len(got) != 1 || got[0] != want {
		t.Errorf("tenants %+v", got)
	}
	if got := r.Durability("alice"); got != Fsync {
		t.Errorf("durability %q", got)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.json")
	if _, err := Load(path); sq.ErrorCode(err) != sq.Internal || !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(path, []byte(`{"tenants": {}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte(`{`), 0o600); err != nil {
		t.Fatal(err)
	}
	want := path + ":1:2: the configuration ends too early; is a bracket or a quote missing?"
	if _, err := Load(path); err == nil || err.Error() != want || sq.ErrorCode(err) != sq.Invalid {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func unwrapAll(err error) error {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if _, path := err.(*os.PathError); path || !ok {
			return err
		}
		err = inner.Unwrap()
	}
}

func TestMarshalReturns(t *testing.T) {
	c := mustParse(t, `{"tenants": {
		"`+tokenA+`": {"name": "alice", "data_dir": "/n/alice \u00e4\"", "read_only": true},
		"`+tokenB+`": {"name": "bob", "data_dir": "/n/bob", "quota_mb": 7, "requests_per_second": 0.25, "requests_per_day": 9, "enabled": false, "durability": "relaxed"}},
		"admin_key": "`+tokenC+`", "reload_on_change": true, "data_root": "/n"}`)
	text, err := c.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if again := mustParse(t, string(text)); !reflect.DeepEqual(c, again) {
		t.Errorf("%s\ngot  %+v\nwant %+v", text, again, c)
	}
}

// TestRelativeDirectoryIsLong: a path is as long as the server will use it.
func TestRelativeDirectoryIsLong(t *testing.T) {
	file := `{"tenants": {"a-token": {"name": "alice", "data_dir": "` + strings.Repeat("a", maxPath) + `"}}}`
	if _, err := Parse([]byte(file), "f"); err == nil || !strings.Contains(err.Error(), "at most 4096 are allowed") || !strings.Contains(err.Error(), "working directory") {
		t.Errorf("%v, want that it is too long", err)
	}
}
