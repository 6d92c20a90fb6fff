package tenant

import (
	"bytes"
	"fmt"
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
	for round, warnings := range []int{1, 0} {
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

// TestPrepareDirsOfMany: one line tells of all, and names the first.
func TestPrepareDirsOfMany(t *testing.T) {
	for many, want := range map[int][]string{
		1: {`msg="data directory did not exist and was made; a disk may not be mounted" tenant=a dir=ROOT/0` + "\n"},
		2: {`msg="data directories did not exist and were made; a disk may not be mounted" count=2 first="a (ROOT/0), b (ROOT/1)"` + "\n"},
		9: {`count=9 first="a (ROOT/0), `, `e (ROOT/4)"` + "\n"},
	} {
		root, dirs := t.TempDir(), []string(nil)
		for i := range many {
			dirs = append(dirs, filepath.Join(root, fmt.Sprint(i)))
		}
		var out bytes.Buffer
		if err := PrepareDirs(registryOf(dirs...), slog.New(slog.NewTextHandler(&out, nil))); err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(out.String(), root+string(filepath.Separator), "ROOT/")
		for _, part := range want {
			if strings.Count(text, "\n") != 1 || !strings.Contains(text, part) {
				t.Errorf("%d directories: want one line with %s, got\n%s", many, part, text)
			}
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
