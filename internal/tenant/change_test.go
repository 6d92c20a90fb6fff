package tenant

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/wbic16/sq-go"
)

// root makes a configuration without tenants whose root is a folder that exists,
// and returns an edit that adds a tenant under it.
func (s *stage) root() func(name string) func(*Edit) error {
	dir := filepath.Join(filepath.Dir(s.path), "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	return func(name string) func(*Edit) error {
		return func(e *Edit) error {
			return e.Add(name, filepath.Join(dir, name), HashToken("token of "+name), Settings{})
		}
	}
}

func (s *stage) text() string {
	s.t.Helper()
	text, err := os.ReadFile(s.path)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func TestChange(t *testing.T) {
	s := open(t, `{"reload_on_change": true, "tenants": {}}`)
	add := s.root()
	calls := 0
	s.live.OnChange(func(old, new *Registry) {
		calls++
		if s.live.Current() != new || old == new {
			t.Error("OnChange before the new registry was in force")
		}
	})
	if err := s.live.Change(add("alice")); err != nil {
		t.Fatal(err)
	}
	if !s.known("token of alice") || calls != 1 {
		t.Errorf("the tenant is not there, or OnChange was called %d times", calls)
	}
	if info, err := os.Stat(filepath.Join(filepath.Dir(s.path), "data", "alice")); err != nil || !info.IsDir() {
		t.Errorf("the directory was not made: %v", err)
	}
	if strings.Contains(s.text(), "token of alice") || !strings.Contains(s.text(), HashToken("token of alice").String()) {
		t.Errorf("the file does not hold the hash alone: %s", s.text())
	}
	// Watch has nothing to do: it was us.
	w := s.live.watcher()
	w.Poll()
	w.Poll()
	if calls != 1 || s.said() != "" {
		t.Error("our own change was loaded again")
	}
	// What the next start reads is what is in force.
	c, err := Load(s.path)
	if err != nil || len(c.Entries) != 1 || c.Entries[0] != s.live.Current().config.Entries[0] {
		t.Errorf("the file holds %+v, %v", c, err)
	}
	if err := s.live.Change(func(e *Edit) error { return e.Disable("alice") }); err != nil || s.known("token of alice") {
		t.Errorf("disabled: %v", err)
	}
}

// TestChangeAfterAnother is refused, whatever was done to the file and however it
// looks, until it was loaded.
func TestChangeAfterAnother(t *testing.T) {
	s := open(t, `{"tenants": {}, "data_root": "/a"}`)
	add := s.root()
	info, err := os.Stat(s.path)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{`{"tenants": {}, "data_root": "/b"}`, `{"tenants": {`} {
		// In place, with the size and the time it had.
		if err := os.WriteFile(s.path, []byte(other), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(s.path, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
		if err := s.live.Change(add("alice")); sq.ErrorCode(err) != sq.Conflict {
			t.Errorf("no conflict: %v", err)
		}
		if s.text() != other || s.known("token of alice") {
			t.Errorf("a change that was refused changed something: %s", s.text())
		}
		if s.live.Reload() == nil {
			if err := s.live.Change(add("alice")); err != nil {
				t.Error(err)
			}
			if err := s.live.Change(func(e *Edit) error { return e.Disable("alice") }); err != nil {
				t.Error(err)
			}
		}
	}
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	if err := s.live.Change(add("bob")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
}

// TestChangeOnTopOfAnother: where the file is read again when it has changed, what others
// have made of it is in force at once, and the change is made on top of it. A file that
// does not load is left alone.
func TestChangeOnTopOfAnother(t *testing.T) {
	const by = `{"reload_on_change": true, "tenants": {"` + tokenB + `": {"name": "bob", "data_dir": "DIR/b"}}}`
	s := open(t, `{"reload_on_change": true, "tenants": {}}`)
	add := s.root()
	other := strings.ReplaceAll(by, "DIR", filepath.Join(filepath.Dir(s.path), "data"))
	s.write(other)
	if err := s.live.Change(add("alice")); err != nil || !s.known("token of alice") || !s.known(tokenB) {
		t.Fatalf("%v; alice: %v, bob: %v", err, s.known("token of alice"), s.known(tokenB))
	}
	if !strings.Contains(s.text(), tokenB) || s.live.Reloads().Succeeded != 1 {
		t.Errorf("%+v, the file holds %s", s.live.Reloads(), s.text())
	}
	// A change that cannot be made takes nothing of the other one back.
	s.write(other)
	if err := s.live.Change(add("bob")); sq.ErrorCode(err) != sq.Conflict || s.known("token of alice") || !s.known(tokenB) || s.text() != other {
		t.Errorf("%v, the file holds %s", err, s.text())
	}
	for _, broken := range []string{other[:len(other)/2], "", strings.Replace(other, "bob", "Bob", 1)} {
		s.write(broken)
		err := s.live.Change(add("alice"))
		if sq.ErrorCode(err) != sq.Conflict || !strings.Contains(sq.ErrorMessage(err), "does not load") || s.text() != broken || !s.known(tokenB) {
			t.Errorf("%v, the file holds %s", err, s.text())
		}
	}
}

// TestChangeAllOrNothing: what would not load is not written.
func TestChangeAllOrNothing(t *testing.T) {
	s := open(t, `{"tenants": {"`+tokenA+`": {"name": "alice", "data_dir": "/n/a"}}}`)
	before, text := s.live.Current(), s.text()
	boom := errors.New("boom")
	file := filepath.Join(filepath.Dir(s.path), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*Edit) error{
		"inside another's":   func(e *Edit) error { return e.Add("bob", "/n/a/b", HashToken(tokenB), Settings{}) },
		"another's token":    func(e *Edit) error { return e.Add("bob", "/n/b", HashToken(tokenA), Settings{}) },
		"half way":           func(e *Edit) error { return errors.Join(e.Add("bob", "/n/b", HashToken(tokenB), Settings{}), boom) },
		"a file for its dir": func(e *Edit) error { return e.Add("bob", file, HashToken(tokenB), Settings{}) },
		"nobody":             func(e *Edit) error { return e.Disable("carol") },
	} {
		if err := s.live.Change(edit); err == nil || strings.Contains(err.Error(), tokenA) {
			t.Errorf("%s: %v", name, err)
		}
		if s.live.Current() != before || s.text() != text {
			t.Errorf("%s: changed", name)
		}
	}
	if err := s.live.Change(func(*Edit) error { return nil }); err != nil || s.live.Current() != before || s.text() != text {
		t.Errorf("nothing to do: %v", err)
	}
}

// TestChangesTogether: those that come at once are all made, and one that cannot
// be made spoils no other.
func TestChangesTogether(t *testing.T) {
	s := open(t, `{"tenants": {}}`)
	add := s.root()
	if err := s.live.Change(add("first")); err != nil {
		t.Fatal(err)
	}
	const many = 60
	var wg sync.WaitGroup
	errs := make([]error, many)
	for i := range many {
		wg.Go(func() {
			switch name := fmt.Sprint("t", i); i % 6 {
			case 1: // in the way of all
				errs[i] = s.live.Change(func(e *Edit) error { return e.Add(name, filepath.Dir(s.path), HashToken(name), Settings{}) })
			case 2: // half way
				errs[i] = s.live.Change(func(e *Edit) error { return errors.Join(add(name)(e), add(name)(e)) })
			default:
				errs[i] = s.live.Change(add(name))
			}
		})
	}
	wg.Wait()
	good := 1
	for i, err := range errs {
		bad := i%6 == 1 || i%6 == 2
		if !bad {
			good++
		}
		if bad == (err == nil) {
			t.Errorf("change %d: %v", i, err)
		}
		if known := s.known(fmt.Sprint("token of t", i)); known == bad {
			t.Errorf("tenant %d is there: %v", i, known)
		}
	}
	if c, err := Load(s.path); err != nil || len(c.Entries) != good {
		t.Errorf("the file has %d entries, want %d, %v", len(c.Entries), good, err)
	}
}

// TestChangeFileBesideAServer: the command and a server change one file, and no
// change is lost. None is refused where the server reads the file again by itself.
func TestChangeFileBesideAServer(t *testing.T) {
	for _, itself := range []bool{true, false} {
		s := open(t, fmt.Sprintf(`{"reload_on_change": %v, "tenants": {}}`, itself))
		add := s.root()
		var wg sync.WaitGroup
		const each = 20
		for i := range each {
			wg.Go(func() {
				if err := ChangeFile(s.path, add(fmt.Sprint("command-", i))); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				for {
					err := s.live.Change(add(fmt.Sprint("server-", i)))
					if err == nil {
						return
					}
					if itself || sq.ErrorCode(err) != sq.Conflict || s.live.Reload() != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		if err := s.live.Reload(); err != nil {
			t.Fatal(err)
		}
		if n := len(s.live.Current().Tenants()); n != 2*each {
			t.Errorf("%d tenants, want %d", n, 2*each)
		}
	}
}

// TestWhatAFileKeeps when it is changed: its mode, and that it is a link.
func TestWhatAFileKeeps(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real", "tenants.json"), filepath.Join(dir, "link.json")
	for _, err := range []error{
		os.Mkdir(filepath.Dir(real), 0o700), os.WriteFile(real, []byte(`{"tenants": {}}`), 0o600),
		os.Chmod(real, 0o640), os.Symlink(filepath.Join("real", "tenants.json"), link),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := ChangeFile(link, func(e *Edit) error { return e.Add("alice", "/n/a", HashToken(tokenA), Settings{}) }); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", info.Mode(), err)
	}
	if info, err := os.Stat(real); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the mode became %v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(partPath(real)); err == nil {
		t.Error("the part was left")
	}
	if c, err := Load(link); err != nil || len(c.Entries) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestLeftPart: what a crash left beside the file is in nobody's way.
func TestLeftPart(t *testing.T) {
	s := open(t, `{"tenants": {}}`)
	if err := os.WriteFile(partPath(s.path), []byte(`{"tenants": {"half`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.live.Change(s.root()("alice")); err != nil || !s.known("token of alice") {
		t.Error(err)
	}
}

func TestChangeWithoutAFile(t *testing.T) {
	if err := Fixed(Single("", "data")).Change(func(*Edit) error { return nil }); sq.ErrorCode(err) != sq.NotFound {
		t.Error(err)
	}
}

// BenchmarkChange adds and disables a tenant beside 10,000 others.
func BenchmarkChange(b *testing.B) {
	dir := b.TempDir()
	path := filepath.Join(dir, "tenants.json")
	if err := os.WriteFile(path, []byte(`{"tenants": {}}`), 0o600); err != nil {
		b.Fatal(err)
	}
	live, err := Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	add := func(e *Edit, i int) error {
		return e.Add(fmt.Sprint("t", i), fmt.Sprint(dir, "/t", i), HashToken(fmt.Sprint(i)), Settings{})
	}
	if err := live.Change(func(e *Edit) error {
		for i := range 10_000 {
			if err := add(e, i); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	n := 10_000
	for b.Loop() {
		n++
		if err := live.Change(func(e *Edit) error { return add(e, n) }); err != nil {
			b.Fatal(err)
		}
	}
}
