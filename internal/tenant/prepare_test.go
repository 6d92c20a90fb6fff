package tenant

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
)

// registryOf returns a registry of tenants named a, b, … with these directories.
func registryOf(dirs ...string) *Registry {
	c := &Config{}
	for i, dir := range dirs {
		name := string(rune('a' + i))
		c.Entries = append(c.Entries, Entry{Token: HashToken(name), Tenant: sq.Tenant{Name: name, DataDir: dir}, Enabled: true})
	}
	return New(c)
}

func TestPrepareDirs(t *testing.T) {
	root := t.TempDir()
	r := registryOf(root+"/x/y/a", root, root+"/b")
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	for round, warnings := range []int{2, 0} {
		out.Reset()
		if err := PrepareDirs(r, log); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(out.String(), "level=WARN"); got != warnings {
			t.Errorf("round %d: %d warnings, want %d: %s", round, got, warnings, &out)
		}
	}
	for _, dir := range []string{"x", "x/y", "x/y/a", "b"} {
		info, err := os.Stat(filepath.Join(root, dir))
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", dir, info, err)
		}
	}
}

func TestPrepareDirsGoesOn(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := PrepareDirs(registryOf(file, root+"/b"), slog.New(slog.DiscardHandler))
	if want := `tenant "a": data_dir "` + file + `" is no directory; name another, or move that file away`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := os.Stat(root + "/b"); err != nil {
		t.Errorf("one tenant's trouble kept another from its directory: %v", err)
	}
	err = PrepareDirs(registryOf(file, file+"/c"), slog.New(slog.DiscardHandler))
	if err == nil || !strings.HasPrefix(err.Error(), `2 data directories failed; the first: tenant "a": `) || strings.Contains(err.Error(), "\n") {
		t.Error(err)
	}
}

func TestLacking(t *testing.T) {
	root := t.TempDir()
	if got := lacking(root + "/x/y/z"); len(got) != 3 || got[2] != root {
		t.Errorf("got %q", got)
	}
	if got := lacking("/"); got != nil {
		t.Errorf("got %q", got)
	}
}
