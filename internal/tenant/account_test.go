package tenant

import (
	"path/filepath"
	"reflect"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/configfile"
)

func TestAccounts(t *testing.T) {
	c, err := Parse([]byte(`{"tenants": {
		"token-1": {"name": "carol", "data_dir": "/n/c", "enabled": false},
		"token-2": {"name": "alice", "data_dir": "/n/a", "read_only": true, "quota_mb": 3},
		"token-3": {"name": "alice", "data_dir": "/n/a"},
		"token-4": {"name": "alice", "data_dir": "/n/a", "enabled": false},
		"token-5": {"name": "bob", "data_dir": "/n/b", "enabled": false, "durability": "relaxed"},
		"token-6": {"name": "bob", "data_dir": "/n/b", "read_only": true}
	}}`), "f")
	if err != nil {
		t.Fatal(err)
	}
	want := []Account{
		{Tenant: sq.Tenant{Name: "alice", DataDir: "/n/a", QuotaBytes: 3 << 20}, Enabled: true, Tokens: 2},
		{Tenant: sq.Tenant{Name: "bob", DataDir: "/n/b", ReadOnly: true}, Enabled: true, Tokens: 1, Durability: Relaxed},
		{Tenant: sq.Tenant{Name: "carol", DataDir: "/n/c"}},
	}
	if got := c.Accounts(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, a := range want {
		if got, ok := c.Account(a.Tenant.Name); !ok || got != a {
			t.Errorf("got %+v, %v, want %+v", got, ok, a)
		}
	}
	if _, ok := c.Account("nobody"); ok {
		t.Error("nobody is there")
	}
	if a := want[0]; a.Status() != "active" || a.QuotaMB() != 3 || want[2].Status() != "disabled" {
		t.Error("status or quota")
	}
}

// TestWriteFile never leaves half a file, nor one that was not to be replaced.
func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	for _, row := range []struct {
		text    string
		replace bool
		code    sq.Code
	}{{"one", false, ""}, {"two", false, sq.Conflict}, {"three", true, ""}} {
		if err := WriteFile(path, []byte(row.text), row.replace); sq.ErrorCode(err) != row.code {
			t.Errorf("%s: %v", row.text, err)
		}
	}
	data, info, err := configfile.Read(path, room)
	if err != nil || string(data) != "three" || info.Mode().Perm() != 0o600 {
		t.Errorf("%q, %v, %v", data, info.Mode(), err)
	}
	if all, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(all) != 1 {
		t.Errorf("left %q", all)
	}
}

func TestNewTokens(t *testing.T) {
	seen := map[string]bool{}
	for slot := range 1500 {
		token := NewToken(slot)
		if _, err := ParseToken(token); err != nil || seen[token] {
			t.Errorf("%s: %v", token, err)
		}
		seen[token] = true
	}
	for slot, want := range map[int]int{0: 31, 7: 35, 1000: 36} {
		if got := len(NewToken(slot)); got != want {
			t.Errorf("the token of slot %d has %d bytes, want %d", slot, got, want)
		}
	}
	if _, err := ParseToken("half a token\n"); sq.ErrorCode(err) != sq.Invalid {
		t.Error(err)
	}
}
