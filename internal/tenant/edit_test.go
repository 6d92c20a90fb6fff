package tenant

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
)

func ptr[T any](v T) *T { return &v }

// The token that the edits of the tables give, and what the file gets of it.
const tokenNew = "invented-token-that-is-new"

var hashNew = HashToken(tokenNew).String()

// edited returns a text after an edit of it.
func edited(text string, edit func(*Edit) error) (string, error) {
	d, err := parse([]byte(text), "f")
	if err != nil {
		return "", fmt.Errorf("before the edit: %w", err)
	}
	e := newEdit(d, []byte(text))
	err = edit(e)
	return string(e.render()), err
}

func add(name string, s Settings) func(*Edit) error {
	return func(e *Edit) error { return e.Add(name, "/n/"+name, HashToken(tokenNew), s) }
}

func set(name string, s Settings) func(*Edit) error {
	return func(e *Edit) error { return e.Set(name, s) }
}

func rotate(name string, r Rotation) func(*Edit) error {
	return func(e *Edit) error {
		_, err := e.Rotate(name, HashToken(tokenNew), r)
		return err
	}
}

func finish(name string) func(*Edit) error {
	return func(e *Edit) error {
		_, err := e.Finish(name, false)
		return err
	}
}

func both(first, second func(*Edit) error) func(*Edit) error {
	return func(e *Edit) error {
		if err := first(e); err != nil {
			return err
		}
		return second(e)
	}
}

// The files of the table: by hand, with spacing of their own.
const (
	mapFile = "\ufeff{\n\t\"data_root\" : \"/n\",\n\t\"tenants\": {\n" +
		"\t\t\"TOKEN-A\": { \"data_dir\":\"/n/alice\", \"name\" : \"alice\" },\n" +
		"\t\t\"TOKEN-B\":\n\t\t\t{\"name\": \"bob\", \"quota_mb\": 5,\n\t\t\t \"enabled\": false,\n\t\t\t \"data_dir\": \"/n/bob\"}\n\t},\n" +
		"\t\"admin_key\": \"TOKEN-K\"\n}\n"
	listFile = `{"tenants": [
  {"id": "alice", "api_key": "TOKEN-A", "data_dir": "/n/alice", "quota_mb": null}
]}`
	rotated = `{"tenants": {
  "TOKEN-A": {"name": "alice", "data_dir": "/n/alice", "quota_mb": 7},
  "TOKEN-R": {"name": "alice", "data_dir": "/n/alice", "read_only": true},
  "TOKEN-B": {"name": "alice", "data_dir": "/n/alice", "enabled": true}
}}`
)

// edits has a row for each edit: what it replaces in the text, which stays as it is
// otherwise, or what is said instead.
var edits = []struct {
	name, file string
	edit       func(*Edit) error
	replace    []string // pairs: each stands once in the file
	err        string
}{
	{"add to the map", mapFile, add("carol", Settings{}), []string{
		"\"/n/bob\"}\n", "\"/n/bob\"},\n\t\tHASH: {\"name\": \"carol\", \"data_dir\": \"/n/carol\"}\n"}, ""},
	{"add with settings", mapFile, add("carol", Settings{QuotaMB: ptr(int64(3)), RequestsPerSecond: ptr(0.5), ReadOnly: ptr(true), Durability: ptr(Relaxed)}), []string{
		"\"/n/bob\"}\n", "\"/n/bob\"},\n\t\tHASH: {\"name\": \"carol\", \"data_dir\": \"/n/carol\", \"quota_mb\": 3, \"requests_per_second\": 0.5, \"read_only\": true, \"durability\": \"relaxed\"}\n"}, ""},
	{"add to the list", listFile, add("carol", Settings{}), []string{
		"null}", "null},\n  {\"id\": \"carol\", \"api_key\": HASH, \"data_dir\": \"/n/carol\"}"}, ""},
	{"add to nothing", `{"tenants": {}}`, add("carol", Settings{}), []string{
		"{}", "{\n    HASH: {\"name\": \"carol\", \"data_dir\": \"/n/carol\"}\n  }"}, ""},
	{"add to a line", `{"tenants":{"TOKEN":{"name":"a","data_dir":"/n/a"}}}`, add("carol", Settings{}), []string{
		`"/n/a"}`, `"/n/a"}, HASH: {"name": "carol", "data_dir": "/n/carol"}`}, ""},
	{"add one that there is", mapFile, add("alice", Settings{}), nil, `there is a tenant "alice" already; choose another name`},
	{"add one that is disabled", mapFile, add("bob", Settings{}), nil, `there is a tenant "bob" already, which is disabled; enable it, or choose another name`},
	{"add twice", mapFile, both(add("carol", Settings{}), add("carol", Settings{})), []string{
		"\"/n/bob\"}\n", "\"/n/bob\"},\n\t\tHASH: {\"name\": \"carol\", \"data_dir\": \"/n/carol\"}\n"}, `there is a tenant "carol" already; choose another name`},
	{"a name that is none", mapFile, add("Carol", Settings{}), nil, `the tenant's name has the character 'C'; want 1 to 64 of a-z, 0-9, '-', '_', '.', not beginning with a dot`},
	{"a quota that is none", mapFile, set("alice", Settings{QuotaMB: ptr(int64(-1))}), nil, `quota_mb is negative; want a whole number from 0 (no limit) to 8796093022207`},
	{"a durability that is none", mapFile, set("alice", Settings{Durability: ptr("maybe")}), nil, `durability is something else; want "fsync" or "relaxed"`},

	{"a limit that was not there", mapFile, set("alice", Settings{QuotaMB: ptr(int64(9))}), []string{`"alice" }`, `"alice", "quota_mb" : 9 }`}, ""},
	{"a limit that was there", mapFile, set("bob", Settings{QuotaMB: ptr(int64(9)), RequestsPerDay: ptr(int64(1))}), []string{
		`"quota_mb": 5`, `"quota_mb": 9`, `"/n/bob"}`, "\"/n/bob\",\n\t\t\t \"requests_per_day\": 1}"}, ""},
	{"a limit that was null", listFile, set("alice", Settings{QuotaMB: ptr(int64(9))}), []string{`null`, `9`}, ""},
	{"a limit of several tokens", rotated, set("alice", Settings{QuotaMB: ptr(int64(9))}), []string{`"quota_mb": 7`, `"quota_mb": 9`}, ""},
	{"of nobody", mapFile, set("carol", Settings{}), nil, `there is no tenant "carol"`},

	{"disable", mapFile, func(e *Edit) error { return e.Disable("alice") }, []string{`"alice" }`, `"alice", "enabled" : false }`}, ""},
	{"disable again", mapFile, func(e *Edit) error { return e.Disable("bob") }, nil, ""},
	{"enable", mapFile, set("bob", Settings{Enabled: ptr(true)}), []string{`"enabled": false`, `"enabled": true`}, ""},
	{"enable what is", rotated, set("alice", Settings{Enabled: ptr(true)}), nil, ""},
	{"to be written to, which it is", rotated, set("alice", Settings{ReadOnly: ptr(false)}), nil, ""},
	{"enable and let write", `{"tenants":{"TOKEN":{"name":"a","data_dir":"/n/a","read_only":true,"enabled":false}}}`, set("a", Settings{Enabled: ptr(true), ReadOnly: ptr(false)}), []string{
		`"read_only":true,"enabled":false`, `"read_only":false,"enabled":true`}, ""},
	{"enable for reading only", mapFile, set("bob", Settings{Enabled: ptr(true), ReadOnly: ptr(true)}), []string{
		`"enabled": false`, `"enabled": true`, `"/n/bob"}`, "\"/n/bob\",\n\t\t\t \"read_only\": true}"}, ""},
	{"disable several tokens", rotated, func(e *Edit) error { return e.Disable("alice") }, []string{
		`"quota_mb": 7`, `"quota_mb": 7, "enabled": false`, `"read_only": true`, `"read_only": true, "enabled": false`, `"enabled": true`, `"enabled": false`}, ""},

	{"rotate", mapFile, rotate("alice", Rotation{}), []string{
		"\"alice\" },", "\"alice\" },\n\t\tHASH: {\"data_dir\": \"/n/alice\", \"name\": \"alice\"},"}, ""},
	{"rotate a disabled one", mapFile, rotate("bob", Rotation{}), nil, `tenant "bob" is disabled; enable it first`},
	{"rotate at once", mapFile, rotate("alice", Rotation{Now: true}), []string{`"TOKEN-A"`, `HASH`}, ""},
	{"rotate in the list", listFile, rotate("alice", Rotation{}), nil,
		`tenant "alice": the list form of the configuration has one token a tenant; exchange it at once, or write the map form`},
	{"rotate at once in the list", listFile, rotate("alice", Rotation{Now: true}), []string{`"TOKEN-A"`, `HASH`}, ""},
	{"rotate at once and keep the limits", rotated, rotate("alice", Rotation{Now: true}), []string{
		`"TOKEN-A": {"name": "alice", "data_dir": "/n/alice", "quota_mb": 7},` + "\n  ", ``, `"TOKEN-B"`, `HASH`, `"enabled": true`, `"enabled": true, "quota_mb": 7`}, ""},
	{"rotate what only reads", rotated, rotate("alice", Rotation{Now: true, ReadOnly: true}), []string{`"TOKEN-R"`, `HASH`}, ""},
	{"rotate what only reads and is not there", mapFile, rotate("alice", Rotation{ReadOnly: true}), nil, `tenant "alice" has no token that is for reading only`},
	{"rotate twice and finish", mapFile, both(rotate("alice", Rotation{}), finish("alice")), []string{
		"\"TOKEN-A\": { \"data_dir\":\"/n/alice\", \"name\" : \"alice\" }", "HASH: {\"data_dir\": \"/n/alice\", \"name\": \"alice\"}"}, ""},
	{"finish", rotated, finish("alice"), []string{
		`"TOKEN-A": {"name": "alice", "data_dir": "/n/alice", "quota_mb": 7},` + "\n  ", ``, `"enabled": true`, `"enabled": true, "quota_mb": 7`}, ""},
	{"finish what is no rotation", mapFile, finish("alice"), nil, ""},
	{"add and rotate at once", mapFile, both(add("carol", Settings{}), rotate("carol", Rotation{Now: true})), []string{
		"\"/n/bob\"}\n", "\"/n/bob\"},\n\t\tHASH: {\"name\": \"carol\", \"data_dir\": \"/n/carol\"}\n"}, ""},
}

func TestEdits(t *testing.T) {
	for _, row := range edits {
		t.Run(row.name, func(t *testing.T) {
			want := row.file
			for i := 0; i < len(row.replace); i += 2 {
				if strings.Count(want, row.replace[i]) != 1 {
					t.Fatalf("%q does not stand once in the file", row.replace[i])
				}
				want = strings.Replace(want, row.replace[i], strings.ReplaceAll(row.replace[i+1], "HASH", `"`+hashNew+`"`), 1)
			}
			got, err := edited(row.file, row.edit)
			if said := fmt.Sprint(err); err != nil && said != row.err || err == nil && row.err != "" {
				t.Errorf("the error is %v, want %q", err, row.err)
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if _, err := Parse([]byte(got), "f"); err != nil {
				t.Errorf("%v\n%s", err, got)
			}
		})
	}
}

// TestEditsOfManyKinds: files of any form and spacing, with any edits, hold what
// the same edits make of a plain model of the entries, in their order.
func TestEditsOfManyKinds(t *testing.T) {
	for seed := range uint64(400) {
		w := newWorld(seed)
		text := w.file()
		got, err := edited(text, w.edit)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		config, err := Parse([]byte(got), "f")
		if err != nil {
			t.Fatalf("seed %d: %v\n%s\nwas\n%s", seed, err, got, text)
		}
		if !reflect.DeepEqual(config.Entries, w.want()) {
			t.Fatalf("seed %d: got\n%+v\nwant\n%+v\n%s\nwas\n%s", seed, config.Entries, w.want(), got, text)
		}
		if !strings.HasSuffix(got, w.rest) {
			t.Fatalf("seed %d: what is behind the tenants changed:\n%s\nwas\n%s", seed, got, text)
		}
	}
}

// world is a configuration and the same as a model.
type world struct {
	*rand.Rand
	list    bool
	entries []Entry
	rest    string
	tokens  int
}

func newWorld(seed uint64) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 0))}
	w.list = w.IntN(2) == 0
	w.rest = w.space() + "," + w.space() + `"data_root"` + w.space() + `: "/n" }` + w.space()
	for i := range w.IntN(5) {
		for range 1 + w.IntN(3) {
			w.entries = append(w.entries, Entry{Token: w.token(), Enabled: w.IntN(4) > 0, Tenant: sq.Tenant{
				Name: fmt.Sprint("t", i), DataDir: fmt.Sprint("/n/t", i), ReadOnly: w.IntN(4) == 0}})
			if w.list {
				break
			}
		}
	}
	if !w.list {
		w.Shuffle(len(w.entries), func(i, j int) { w.entries[i], w.entries[j] = w.entries[j], w.entries[i] })
	}
	return w
}

func (w *world) token() TokenHash {
	w.tokens++
	return HashToken(fmt.Sprint("invented-token-", w.tokens))
}

func (w *world) space() string {
	return []string{"", "", " ", "\n", "\t\r\n  "}[w.IntN(5)]
}

// file writes the model with spacing of any kind.
func (w *world) file() string {
	var items []string
	for _, e := range w.entries {
		fields := []string{w.field(map[bool]string{true: "id", false: "name"}[w.list], `"`+e.Tenant.Name+`"`), w.field("data_dir", `"`+e.Tenant.DataDir+`"`)}
		if w.list {
			fields = append(fields, w.field("api_key", `"`+e.Token.String()+`"`))
		}
		if !e.Enabled || w.IntN(3) == 0 {
			fields = append(fields, w.field("enabled", fmt.Sprint(e.Enabled)))
		}
		if e.Tenant.ReadOnly || w.IntN(3) == 0 {
			fields = append(fields, w.field("read_only", fmt.Sprint(e.Tenant.ReadOnly)))
		}
		w.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
		item := "{" + strings.Join(fields, ",") + w.space() + "}"
		if !w.list {
			item = `"` + e.Token.String() + `"` + w.space() + ":" + w.space() + item
		}
		items = append(items, w.space()+item)
	}
	brackets := map[bool]string{true: "[]", false: "{}"}[w.list]
	return w.space() + `{ "tenants":` + w.space() + brackets[:1] + strings.Join(items, w.space()+",") + w.space() + brackets[1:] + w.rest
}

func (w *world) field(key, raw string) string {
	return w.space() + `"` + key + `"` + w.space() + ":" + w.space() + raw
}

// edit makes some edits, on the model as well.
func (w *world) edit(e *Edit) error {
	for range w.IntN(6) {
		name := fmt.Sprint("t", w.IntN(6))
		var err error
		switch w.IntN(6) {
		case 0:
			token := w.token()
			if err = e.Add(name, "/n/"+name, token, Settings{}); err == nil {
				w.entries = append(w.entries, Entry{Token: token, Enabled: true, Tenant: sq.Tenant{Name: name, DataDir: "/n/" + name}})
			}
		case 1, 2:
			s := Settings{}
			if w.IntN(2) == 0 {
				s.Enabled = ptr(w.IntN(2) == 0)
			} else {
				s.QuotaMB = ptr(int64(w.IntN(9)))
			}
			if err = e.Set(name, s); err == nil {
				w.set(name, s)
			}
		default:
			r := Rotation{Now: w.IntN(2) == 0, ReadOnly: w.IntN(3) == 0}
			token := w.token()
			if w.IntN(4) == 0 {
				if _, err = e.Finish(name, r.ReadOnly); err == nil {
					w.rotate(name, r.ReadOnly, nil)
				}
			} else if _, err = e.Rotate(name, token, r); err == nil {
				w.rotate(name, r.ReadOnly, &token)
				if r.Now {
					w.rotate(name, r.ReadOnly, nil)
				}
			}
		}
		if code := sq.ErrorCode(err); err != nil && code != sq.Conflict && code != sq.NotFound {
			return err
		}
	}
	return nil
}

func (w *world) set(name string, s Settings) {
	enabled := false
	for _, e := range w.entries {
		enabled = enabled || e.Tenant.Name == name && e.Enabled
	}
	for i := range w.entries {
		switch e := &w.entries[i]; {
		case e.Tenant.Name != name:
		case s.QuotaMB != nil:
			e.Tenant.QuotaBytes = *s.QuotaMB << mbShift
		case s.Enabled != nil && !(*s.Enabled && enabled):
			e.Enabled = *s.Enabled
		}
	}
}

// rotate puts a token behind the newest of its kind, or leaves only the newest.
func (w *world) rotate(name string, readOnly bool, token *TokenHash) {
	var kind []int
	for _, only := range []bool{readOnly, true} {
		for i, e := range w.entries {
			if len(kind) > 0 && w.entries[kind[0]].Tenant.ReadOnly != e.Tenant.ReadOnly {
				continue
			}
			if e.Tenant.Name == name && e.Enabled && e.Tenant.ReadOnly == only {
				kind = append(kind, i)
			}
		}
		if len(kind) > 0 {
			break
		}
	}
	last := kind[len(kind)-1]
	if token != nil {
		e := w.entries[last]
		e.Token = *token
		w.entries = append(w.entries[:last+1], append([]Entry{e}, w.entries[last+1:]...)...)
		return
	}
	for n := len(kind) - 2; n >= 0; n-- {
		w.entries = append(w.entries[:kind[n]], w.entries[kind[n]+1:]...)
	}
}

func (w *world) want() []Entry {
	if w.entries == nil {
		return []Entry{}
	}
	return w.entries
}
