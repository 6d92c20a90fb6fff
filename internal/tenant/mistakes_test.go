package tenant

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
)

const mapChoices = "the fields here are name, data_dir, quota_mb, requests_per_second, requests_per_day, read_only, enabled, durability"

// mistakes has a file in each row and what is said of it, without the file's
// name. TOKEN and HASH stand for a token and its hashed form.
var mistakes = []struct{ name, file, want string }{
	{"empty", "", `1:1: the configuration is empty; write {"tenants": {}} at least`},
	{"blank", "\ufeff \n\t\n", `1:1: the configuration is empty; write {"tenants": {}} at least`},
	{"no object", `[]`, `1:1: the configuration is a list; write an object: {"tenants": {…}}`},
	{"null", ` null`, `1:2: the configuration is null; write an object: {"tenants": {…}}`},
	{"no tenants", "\n {}", `2:2: "tenants" is missing; add "tenants": {} at least`},
	{"cut off", "{\"tenants\": {\n\"TOKEN\": {\n", `2:30: the configuration ends too early; is a bracket or a quote missing?`},
	{"cut off in a string", `{"tenants": {"TOK`, `1:18: the configuration ends too early; is a bracket or a quote missing?`},
	{"trailing data", "{\"tenants\": {}}\n{}", `2:1: invalid character '{' after top-level value; this is not JSON`},
	{"trailing comma", "{\"tenants\": {},\n}", `2:1: invalid character '}' looking for beginning of object key string; this is not JSON`},
	{"comment", "{\n  // tenants\n", `2:3: invalid character '/' looking for beginning of object key string; this is not JSON`},
	{"not UTF-8", "{\"tenants\":\n {\"\xff\": 1}}", `2:4: the byte 0xff is not UTF-8; save the file as UTF-8`},
	{"UTF-16", "\xff\xfe{\x00", `1:1: the byte 0xff is not UTF-8; save the file as UTF-8`},
	{"columns are characters", "\ufeff{\"täñ\": 1}", `1:2: unknown field; the fields here are tenants, admin_key, reload_on_change, data_root`},

	{"unknown field at the top", `{"tenant": {}}`, `1:2: unknown field; the fields here are tenants, admin_key, reload_on_change, data_root`},
	{"misspelt field at the top", `{"tenants": {}, "adminKey": "x"}`, `1:17: unknown field "adminKey"; did you mean "admin_key"?`},
	{"strange field at the top", `{"tenants": {}, "colour": 1}`, `1:17: unknown field "colour"; the fields here are tenants, admin_key, reload_on_change, data_root`},
	{"token at the top", `{"TOKEN": {"name": "alice", "data_dir": "/n/a"}}`, `1:2: unknown field; the fields here are tenants, admin_key, reload_on_change, data_root`},
	{"field twice at the top", "{\"tenants\": {},\n\"tenants\": {}}", `2:1: field "tenants" stands twice; remove one`},
	{"tenants is a string", `{"tenants": "x"}`, `1:13: tenants is a string; want an object keyed by tokens, or a list`},
	{"tenants is null", `{"tenants": null}`, `1:13: tenants is null; want an object keyed by tokens, or a list`},
	{"admin key is a number", `{"tenants": {}, "admin_key": 12345}`, `1:30: admin_key is a number; want a string`},
	{"admin key is half a hash", `{"tenants": {}, "admin_key": "sha256:12"}`, `1:30: admin_key begins with sha256: but has not 64 hex digits after it; make them with sq tenants hash`},
	{"admin key is an object", `{"admin_key": {"a": []}, "tenants": {}}`, `1:15: admin_key is an object; want a string`},
	{"reload is a string", `{"reload_on_change": "true", "tenants": {}}`, `1:22: reload_on_change is a string; want true or false, without quotes`},
	{"root is a list", `{"data_root": ["/"], "tenants": {}}`, `1:15: data_root is a list; want a string`},
	{"root with a line break", `{"data_root": "/\n", "tenants": {}}`, `1:15: data_root has a control character; name a directory without`},

	{"tenant is a string", `{"tenants": {"TOKEN": "/n/a"}}`, `1:42: a tenant is a string; want an object with "name" and "data_dir"`},
	{"tenant in a list is a string", `{"tenants": ["TOKEN"]}`, `1:14: a tenant is a string; want an object with "id" and "data_dir"`},
	{"no name", `{"tenants": {"TOKEN": {"data_dir": "/n/a"}}}`, `1:42: a tenant: "name" is missing; add it`},
	{"no directory", `{"tenants": {"TOKEN": {"name": "alice"}}}`, `1:42: tenant "alice": "data_dir" is missing; add it`},
	{"no id", `{"tenants": [{"api_key": "TOKEN", "data_dir": "/n/a"}]}`, `1:14: a tenant: "id" is missing; add it`},
	{"no key", `{"tenants": [{"id": "alice", "data_dir": "/n/a"}]}`, `1:14: tenant "alice": "api_key" is missing; add it`},
	{"list with the other name", `{"tenants": [{"name": "alice", "api_key": "TOKEN", "data_dir": "/n/a"}]}`,
		`1:15: a tenant: unknown field "name"; the fields here are id, api_key, data_dir, quota_mb, requests_per_second, requests_per_day, read_only, enabled, durability`},
	{"misspelt field", "{\n \"tenants\": {\n  \"TOKEN\": {\"name\": \"alice\",\n                \"quota\": 5, \"data_dir\": \"/n/a\"}}}",
		`4:17: tenant "alice": unknown field "quota"; did you mean "quota_mb"?`},
	{"misspelt before the name", `{"tenants": {"TOKEN": {"readonly": true, "name": "alice"}}}`, `1:43: tenant "alice": unknown field "readonly"; did you mean "read_only"?`},
	{"two letters off", `{"tenants": {"TOKEN": {"name": "alice", "enabeld": true}}}`, `1:60: tenant "alice": unknown field "enabeld"; did you mean "enabled"?`},
	{"upper case", `{"tenants": {"TOKEN": {"Name": "alice"}}}`, `1:43: a tenant: unknown field "Name"; did you mean "name"?`},
	{"strange field", `{"tenants": {"TOKEN": {"name": "alice", "owner": ["x", {"y": [1]}]}}}`, `1:60: tenant "alice": unknown field; ` + mapChoices},
	{"field that may be a token", `{"tenants": {"TOKEN": {"name": "alice", "TOKEN": "/n/a"}}}`, `1:60: tenant "alice": unknown field; ` + mapChoices},
	{"field twice", `{"tenants": {"TOKEN": {"name": "alice", "data_dir": "/n/a", "name": "bob"}}}`, `1:80: tenant "bob": field "name" stands twice; remove one`},
	{"field twice, escaped", `{"tenants": {"TOKEN": {"name": "alice", "n\u0061me": "alice"}}}`, `1:60: tenant "alice": field "name" stands twice; remove one`},

	{"name is a number", `{"tenants": {"TOKEN": {"name": 5}}}`, `1:51: a tenant: name is a number; want a string`},
	{"name is null", `{"tenants": {"TOKEN": {"name": null}}}`, `1:51: a tenant: name is null; want a string`},
	{"name is empty", `{"tenants": {"TOKEN": {"name": ""}}}`, `1:51: a tenant: name is empty; want 1 to 64 of a-z, 0-9, '-', '_', '.', not beginning with a dot`},
	{"name is long", `{"tenants": {"TOKEN": {"name": "` + strings.Repeat("a", 65) + `"}}}`, `1:51: a tenant: name has 65 bytes; want 1 to 64 of a-z, 0-9, '-', '_', '.', not beginning with a dot`},
	{"name begins with a dot", `{"tenants": {"TOKEN": {"name": "..a"}}}`, `1:51: a tenant: name begins with a dot; want 1 to 64 of a-z, 0-9, '-', '_', '.', not beginning with a dot`},
	{"name in upper case", `{"tenants": {"TOKEN": {"name": "Alice"}}}`, `1:51: a tenant: name has the character 'A'; want 1 to 64 of a-z, 0-9, '-', '_', '.', not beginning with a dot`},
	{"id with a slash", `{"tenants": [{"id": "a/b"}]}`, `1:21: a tenant: id has the character '/'; want 1 to 64 of a-z, 0-9, '-', '_', '.', not beginning with a dot`},
	{"directory is empty", `{"tenants": {"TOKEN": {"name": "alice", "data_dir": ""}}}`, `1:72: tenant "alice": data_dir is empty; name a directory`},
	{"directory is null", `{"tenants": {"TOKEN": {"name": "alice", "data_dir": null}}}`, `1:72: tenant "alice": data_dir is null; want a string`},
	{"directory is long", `{"tenants": {"TOKEN": {"name": "alice", "data_dir": "/` + strings.Repeat("a", 4096) + `"}}}`, `1:72: tenant "alice": data_dir has 4097 bytes; at most 4096 are allowed`},
	{"directory with a zero", `{"tenants": {"TOKEN": {"name": "alice", "data_dir": "/n\u0000"}}}`, `1:72: tenant "alice": data_dir has a control character; name a directory without`},

	{"quota is a string", `{"tenants": {"TOKEN": {"name": "alice", "quota_mb": "5"}}}`, `1:72: tenant "alice": quota_mb is a string; want a whole number from 0 (no limit) to 8796093022207`},
	{"quota is negative", `{"tenants": {"TOKEN": {"name": "alice", "quota_mb": -5}}}`, `1:72: tenant "alice": quota_mb is negative; want a whole number from 0 (no limit) to 8796093022207`},
	{"quota is huge", `{"tenants": {"TOKEN": {"name": "alice", "quota_mb": 8796093022208}}}`, `1:72: tenant "alice": quota_mb is out of range or has a fraction or an exponent; want a whole number from 0 (no limit) to 8796093022207`},
	{"quota has a fraction", `{"tenants": {"TOKEN": {"name": "alice", "quota_mb": 0.5}}}`, `1:72: tenant "alice": quota_mb is out of range or has a fraction or an exponent; want a whole number from 0 (no limit) to 8796093022207`},
	{"day is out of range", `{"tenants": {"TOKEN": {"name": "alice", "requests_per_day": 9223372036854775808}}}`, `1:80: tenant "alice": requests_per_day is out of range or has a fraction or an exponent; want a whole number from 0 (no limit) to 9223372036854775807`},
	{"rate is negative", `{"tenants": {"TOKEN": {"name": "alice", "requests_per_second": -0.1}}}`, `1:83: tenant "alice": requests_per_second is negative; want 0 (no limit), or a number from 0.000001 to 1000000000`},
	{"rate is endless", `{"tenants": {"TOKEN": {"name": "alice", "requests_per_second": 1e999}}}`, `1:83: tenant "alice": requests_per_second is out of range; want 0 (no limit), or a number from 0.000001 to 1000000000`},
	{"rate is tiny", `{"tenants": {"TOKEN": {"name": "alice", "requests_per_second": 1e-7}}}`, `1:83: tenant "alice": requests_per_second is out of range; want 0 (no limit), or a number from 0.000001 to 1000000000`},
	{"rate is true", `{"tenants": {"TOKEN": {"name": "alice", "requests_per_second": true}}}`, `1:83: tenant "alice": requests_per_second is true or false; want 0 (no limit), or a number from 0.000001 to 1000000000`},
	{"read_only is a number", `{"tenants": {"TOKEN": {"name": "alice", "read_only": 1}}}`, `1:73: tenant "alice": read_only is a number; want true or false, without quotes`},
	{"enabled is a string", `{"tenants": [{"id": "alice", "enabled": "no"}]}`, `1:41: tenant "alice": enabled is a string; want true or false, without quotes`},
	{"durability is a word", `{"tenants": [{"id": "alice", "durability": "none"}]}`, `1:44: tenant "alice": durability is something else; want "fsync" or "relaxed"`},
	{"durability is a number", `{"tenants": [{"id": "alice", "durability": 3}]}`, `1:44: tenant "alice": durability is a number; want a string`},

	{"token is empty", `{"tenants": {"": {"name": "alice", "data_dir": "/n/a"}}}`, `1:14: tenant "alice": the token is empty; give one, such as 32 random characters`},
	{"key is empty", `{"tenants": [{"id": "alice", "api_key": "", "data_dir": "/n/a"}]}`, `1:41: tenant "alice": api_key is empty; give one, such as 32 random characters`},
	{"key is a number", `{"tenants": [{"id": "alice", "api_key": 77}]}`, `1:41: tenant "alice": api_key is a number; want a string`},
	{"token ends in a space", `{"tenants": {"TOKEN ": {"name": "alice", "data_dir": "/n/a"}}}`, `1:14: tenant "alice": the token has a control character, or a space at an end, which no HTTP header carries; make another`},
	{"token is no pair", `{"tenants": {"TOKEN\ud800": {"name": "alice", "data_dir": "/n/a"}}}`, `1:14: tenant "alice": the token has a control character, or a space at an end, which no HTTP header carries; make another`},
	{"hash is short", `{"tenants": {"sha256:abc": {"name": "alice", "data_dir": "/n/a"}}}`, `1:14: tenant "alice": the token begins with sha256: but has not 64 hex digits after it; make them with sq tenants hash`},
	{"hash is no hex", `{"tenants": {"sha256:` + strings.Repeat("xy", 32) + `": {"name": "alice", "data_dir": "/n/a"}}}`, `1:14: tenant "alice": the token begins with sha256: but what follows is not hex; make it with sq tenants hash`},
	{"hash of nothing", `{"tenants": {"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855": {"name": "alice", "data_dir": "/n/a"}}}`,
		`1:14: tenant "alice": the token is the hash of an empty token; hash the token itself (was a variable empty?)`},

	{"token twice", "{\"tenants\": {\"TOKEN\": {\"name\": \"alice\", \"data_dir\": \"/n/a\"},\n\"TOKEN\": {\"name\": \"bob\", \"data_dir\": \"/n/b\"}}}",
		`2:1: tenant "bob": the token is also that of tenant "alice" on line 1; make each its own`},
	{"token twice, escaped", "{\"tenants\": {\"TOKEN\": {\"name\": \"alice\", \"data_dir\": \"/n/a\"},\n\"\\u0069nvented-Token-AAAA-0001\": {\"name\": \"alice\", \"data_dir\": \"/n/a\"}}}",
		`2:1: tenant "alice": the token stands twice, first on line 1; remove one`},
	{"token and its hash", "{\"tenants\": {\"TOKEN\": {\"name\": \"alice\", \"data_dir\": \"/n/a\"},\n\"HASH\": {\"name\": \"bob\", \"data_dir\": \"/n/b\"}}}",
		`2:1: tenant "bob": the token is also that of tenant "alice" on line 1; make each its own`},
	{"key twice in a list", "{\"tenants\": [{\"id\": \"alice\", \"api_key\": \"HASH\", \"data_dir\": \"/n/a\"},\n{\"id\": \"bob\", \"api_key\": \"TOKEN\", \"data_dir\": \"/n/b\"}]}",
		`2:26: tenant "bob": the token is also that of tenant "alice" on line 1; make each its own`},
	{"id twice", "{\"tenants\": [{\"id\": \"alice\", \"api_key\": \"a\", \"data_dir\": \"/n/a\"},\n{\"id\": \"alice\", \"api_key\": \"b\", \"data_dir\": \"/n/a\"}]}",
		`2:8: tenant "alice": the id stands twice, first on line 1; remove one, or use the map form for two tokens of one tenant`},
	{"admin key is a token", "{\"admin_key\": \"TOKEN\",\n\"tenants\": {\"TOKEN\": {\"name\": \"alice\", \"data_dir\": \"/n/a\"}}}",
		`1:15: admin_key is the token of tenant "alice" on line 2; make the administration one of its own`},
	{"admin key is a hashed token", "{\"tenants\": {\"HASH\": {\"name\": \"alice\", \"data_dir\": \"/n/a\"}},\n\"admin_key\": \"TOKEN\"}",
		`2:14: admin_key is the token of tenant "alice" on line 1; make the administration one of its own`},
	{"hashed admin key is a token", "{\"tenants\": {\"TOKEN\": {\"name\": \"alice\", \"data_dir\": \"/n/a\", \"enabled\": false}},\n\"admin_key\": \"HASH\"}",
		`2:14: admin_key is the token of tenant "alice" on line 1; make the administration one of its own`},
	{"hashed admin key is a hashed token", `{"tenants": {"HASH": {"name": "alice", "data_dir": "/n/a"}}, "admin_key": "HASH"}`,
		`1:142: admin_key is the token of tenant "alice" on line 1; make the administration one of its own`},

	{"name with two directories", "{\"tenants\": {\"t1\": {\"name\": \"alice\", \"data_dir\": \"/n/a\"},\n\"t2\": {\"name\": \"alice\", \"data_dir\": \"/n/b\"}}}",
		`2:37: tenant "alice": the directory is another one than on line 1; give the tenant one directory, or this one another name`},
	{"limits differ", "{\"tenants\": {\"t1\": {\"name\": \"alice\", \"data_dir\": \"/n/a\"},\n\"t2\": {\"name\": \"alice\", \"data_dir\": \"/n/a\", \"quota_mb\": 1},\n\"t3\": {\"name\": \"alice\", \"data_dir\": \"/n/a\", \"quota_mb\": 2}}}",
		`3:57: tenant "alice": quota_mb differs from line 2; make them equal, or remove one`},
	{"limit and none", "{\"tenants\": {\"t1\": {\"name\": \"alice\", \"data_dir\": \"/n/a\", \"requests_per_second\": 1},\n\"t2\": {\"name\": \"alice\", \"data_dir\": \"/n/a\", \"requests_per_second\": 0}}}",
		`2:68: tenant "alice": requests_per_second differs from line 1; make them equal, or remove one`},
	{"days differ", "{\"tenants\": {\"t1\": {\"name\": \"alice\", \"data_dir\": \"/n/a\", \"requests_per_day\": 1},\n\"t2\": {\"name\": \"alice\", \"data_dir\": \"/n/a\", \"requests_per_day\": 3}}}",
		`2:65: tenant "alice": requests_per_day differs from line 1; make them equal, or remove one`},
	{"durabilities differ", "{\"tenants\": {\"t1\": {\"name\": \"alice\", \"data_dir\": \"/n/a\", \"durability\": \"fsync\"},\n\"t2\": {\"name\": \"alice\", \"data_dir\": \"/n/a\", \"durability\": \"relaxed\"}}}",
		`2:59: tenant "alice": durability differs from line 1; make them equal, or remove one`},
	{"one directory for two", "{\"tenants\": {\"t1\": {\"name\": \"alice\", \"data_dir\": \"/n/a\"},\n\"t2\": {\"name\": \"bob\", \"data_dir\": \"/n/./a/\", \"enabled\": false}}}",
		`2:35: tenant "bob": data_dir is the same as that of tenant "alice" on line 1; give each a directory beside the other`},
	{"directory inside", "{\"tenants\": {\"t1\": {\"name\": \"alice\", \"data_dir\": \"/n/a\"},\n\"t2\": {\"name\": \"carol\", \"data_dir\": \"/n/a-b\"},\n\"t3\": {\"name\": \"bob\", \"data_dir\": \"/n/a/b\"}}}",
		`3:35: tenant "bob": data_dir is inside that of tenant "alice" on line 1; give each a directory beside the other`},
	{"directory around", "{\"tenants\": {\"t1\": {\"name\": \"alice\", \"data_dir\": \"/n/a/b/c\"},\n\"t2\": {\"name\": \"bob\", \"data_dir\": \"/n/a\"}}}",
		`2:35: tenant "bob": data_dir contains that of tenant "alice" on line 1; give each a directory beside the other`},
	{"the root", "{\"tenants\": [{\"id\": \"alice\", \"api_key\": \"t1\", \"data_dir\": \"/\"},\n{\"id\": \"bob\", \"api_key\": \"t2\", \"data_dir\": \"/n\"}]}",
		`2:44: tenant "bob": data_dir is inside that of tenant "alice" on line 1; give each a directory beside the other`},
	{"name that is the token", `{"tenants": {"invented-token": {"name": "invented-token", "data_dir": ""}}}`, `1:71: a tenant: data_dir is empty; name a directory`},
	{"name that holds the token", `{"tenants": [{"id": "x-invented-token", "api_key": "invented-token", "data_dir": ""}]}`, `1:82: a tenant: data_dir is empty; name a directory`},
}

func TestMistakes(t *testing.T) {
	fill := strings.NewReplacer("TOKEN", tokenA, "HASH", HashToken(tokenA).String())
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			_, err := Parse([]byte(fill.Replace(m.file)), "tenants.json")
			if err == nil {
				t.Fatal("no error")
			}
			if got, want := err.Error(), "tenants.json:"+m.want; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if sq.ErrorCode(err) != sq.Invalid {
				t.Errorf("code %s", sq.ErrorCode(err))
			}
			if strings.Contains(err.Error(), tokenA) || strings.Contains(err.Error(), HashToken(tokenA).String()) {
				t.Errorf("the token is in: %s", err)
			}
		})
	}
}

// two returns a configuration of two tenants with these directories.
func two(alice, bob string) []byte {
	return []byte("{\"tenants\": {\"t1\": {\"name\": \"alice\", \"data_dir\": \"" + alice + "\"},\n" +
		"\"t2\": {\"name\": \"bob\", \"data_dir\": \"" + bob + "\"}}}")
}

func TestSymbolicLinks(t *testing.T) {
	root := t.TempDir()
	link := func(target, name string) {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, "real", "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	link("real", "alias")
	link(filepath.Join(root, "real", "later"), "dangling")
	link("ring2", "ring1")
	link("ring1", "ring2")
	for _, c := range []struct{ alice, bob, want string }{
		{"real/a", "alias/a", "is the same as"},
		{"alias/a/new", "real/a/new", "is the same as"},
		{"real/a", "alias/a/new/deep", "is inside"},
		{"alias/a/new/deep", "real/a", "contains"},
		{"real/later", "dangling", "is the same as"},
		{"dangling/x", "real/later", "contains"},
		{"real", "dangling", "is inside"},
		{"real/a", "alias/b", ""},
		{"alias", "real2", ""},
		{"ring1", "ring3", ""},
	} {
		_, err := Parse(two(filepath.Join(root, c.alice), filepath.Join(root, c.bob)), "f")
		if c.want == "" {
			if err != nil {
				t.Errorf("%s and %s: %v", c.alice, c.bob, err)
			}
			continue
		}
		want := `tenant "bob": data_dir ` + c.want + ` that of tenant "alice" on line 1 through a symbolic link; give`
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s and %s: got %v, want %q", c.alice, c.bob, err, want)
		}
	}
}

// A link inside a neighbour's directory leads elsewhere, but the neighbour
// could point it anywhere.
func TestLinkInsideAnother(t *testing.T) {
	root := t.TempDir()
	alice := filepath.Join(root, "alice")
	if err := os.Mkdir(alice, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(root, "bob"), filepath.Join(alice, "bob")); err != nil {
		t.Fatal(err)
	}
	_, err := Parse(two(alice, filepath.Join(alice, "bob")), "f")
	if err == nil || !strings.Contains(err.Error(), "is inside that of") {
		t.Error(err)
	}
}

func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		paths          []string
		later, earlier int
	}{
		{nil, -1, -1},
		{[]string{"/a", "/a-b", "/b", "/ab"}, -1, -1},
		{[]string{"/a", "/a-b", "/a/c"}, 2, 0},
		{[]string{"/a/c", "/a-b", "/a.b", "/a"}, 3, 0},
		{[]string{"/a/b", "/x", "/x", "/a"}, 2, 1},
		{[]string{"/a/b/c/d", "/a/b/x", "/a/b"}, 2, 1},
		{[]string{"/x/y", "/"}, 1, 0},
	} {
		later, earlier := overlap(c.paths)
		if later != c.later || earlier < 0 != (later < 0) {
			t.Errorf("%q: %d, %d, want %d, %d", c.paths, later, earlier, c.later, c.earlier)
		}
	}
}
