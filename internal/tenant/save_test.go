package tenant

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// faulty opens the file at path with a file system that announces each call.
func faulty(t *testing.T, path string, before func(vfs.Call) error) *file {
	f, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f.dir = vfs.NewFault(f.dir, before)
	t.Cleanup(f.close)
	return f
}

func partPath(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".sq-part")
}

// TestEveryWriteFails: whichever operation fails, the old file is there, whole, and
// no part of another; or the new one is, and the error says that it may not stay.
func TestEveryWriteFails(t *testing.T) {
	const before, after = `{"tenants": {}}`, `{"tenants": {}, "data_root": "/n"}`
	failures := 0
	for n := 1; ; n++ {
		s := open(t, before)
		f := faulty(t, s.path, vfs.FailNth(n, syscall.EIO))
		_, info, err := f.read()
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.write([]byte(after), info)
		if err == nil {
			break
		}
		failures++
		want := before
		if sq.ErrorCode(err) == sq.Uncertain {
			want = after
		}
		if got := s.text(); got != want {
			t.Errorf("call %d fails with %v: the file holds %q", n, err, got)
		}
		if left, _ := filepath.Glob(partPath(s.path)); len(left) > 0 {
			t.Errorf("call %d fails with %v: the part stays", n, err)
		}
	}
	if failures < 8 {
		t.Errorf("%d calls failed", failures)
	}
}

// TestOrderOfWriting: the content is on the disk before it has the name, and the
// name before anything is answered.
func TestOrderOfWriting(t *testing.T) {
	s := open(t, `{"tenants": {}}`)
	var mu sync.Mutex
	var calls []string
	f := faulty(t, s.path, func(c vfs.Call) error {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, strings.TrimSpace(strings.ReplaceAll(c.Op+" "+c.Name+" "+c.To, "tenants.json", "CONFIG")))
		return nil
	})
	_, info, err := f.read()
	if err == nil {
		_, err = f.write([]byte("{}"), info)
	}
	want := []string{"remove .CONFIG.sq-part", "stat CONFIG", "create .CONFIG.sq-part", "write .CONFIG.sq-part", "copyowner .CONFIG.sq-part", "sync .CONFIG.sq-part", "rename .CONFIG.sq-part CONFIG", "syncdir ."}
	if err != nil || !slices.Equal(calls, want) {
		t.Errorf("%v, calls\n%q, want\n%q", err, calls, want)
	}
}

// TestWriteBesideAnEditor, who does not ask for the lock and comes at the last
// moment.
func TestWriteBesideAnEditor(t *testing.T) {
	s := open(t, `{"tenants": {}}`)
	const edited = `{"tenants": {}, "data_root": "/edited"}`
	f := faulty(t, s.path, func(c vfs.Call) error {
		if c.Op == "sync" {
			s.write(edited)
		}
		return nil
	})
	_, info, err := f.read()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.write([]byte("{}"), info); sq.ErrorCode(err) != sq.Conflict || s.text() != edited {
		t.Errorf("%v, and the file holds %q", err, s.text())
	}
}

// TestUncertain: what may not stay is in force all the same, since it is in the
// file.
func TestUncertain(t *testing.T) {
	s := open(t, `{"tenants": {}}`)
	f := faulty(t, s.path, func(c vfs.Call) error {
		if c.Op == "syncdir" {
			return syscall.EIO
		}
		return nil
	})
	s.live.mu.Lock()
	c := &change{edit: s.root()("alice")}
	err := s.live.tryInLocked(f, []*change{c})
	s.live.mu.Unlock()
	if sq.ErrorCode(err) != sq.Uncertain || !errors.Is(err, syscall.EIO) || !s.known("token of alice") {
		t.Errorf("%v", err)
	}
	s.isParsed(0)
	if _, err := os.Stat(partPath(s.path)); err == nil {
		t.Error("the part stays")
	}
}

// TestRoomIsEmpty: nothing of a text is left where the next one goes.
func TestRoomIsEmpty(t *testing.T) {
	for range 100 {
		release(append(room(64), "invented-token-of-alice"...))
		next := room(64)
		if left := strings.Trim(string(next[:cap(next)]), "\x00"); left != "" {
			t.Fatalf("%q is left", left)
		}
	}
}

// TestServed: who serves a file is known as long as it does, through a link as well,
// and to look makes nothing.
func TestServed(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "tenants.json"), filepath.Join(dir, "link.json")
	if err := os.WriteFile(path, []byte(`{"tenants": {}}`), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	look := func(want string) {
		t.Helper()
		for _, p := range []string{path, link} {
			if got, err := Served(p); got != want || err != nil {
				t.Errorf("served by %q, %v; want %q", got, err, want)
			}
		}
	}
	look("")
	if files, _ := os.ReadDir(dir); len(files) != 2 {
		t.Errorf("a look made files: %v", files)
	}
	lock, err := Serve(link, "process 7")
	if err != nil {
		t.Fatal(err)
	}
	look("process 7")
	if _, err := Serve(path, "process 8"); sq.ErrorCode(err) != sq.Conflict || !strings.Contains(err.Error(), "process 7") {
		t.Errorf("two serve it: %v", err)
	}
	look("process 7")
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	look("")
}

// TestWhoMayLock: those who may change what lies in the folder, and nobody else, however
// many may read the configuration.
func TestWhoMayLock(t *testing.T) {
	for folder, want := range map[fs.FileMode]fs.FileMode{0o700: 0o600, 0o755: 0o600, 0o770: 0o660, 0o777: 0o660} {
		path := filepath.Join(t.TempDir(), "folder", "tenants.json")
		dir := filepath.Dir(path)
		other := os.Getuid() + 12345 // as root beside the server's user, where the test may
		for _, err := range []error{os.Mkdir(dir, 0o700), os.WriteFile(path, []byte(`{"tenants": {}}`), 0o600), os.Chmod(path, 0o644), os.Chmod(dir, folder)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(dir, other, -1); err != nil && os.Getuid() == 0 {
			t.Fatal(err)
		}
		if err := ChangeFile(path, func(*Edit) error { return nil }); err != nil {
			t.Fatal(err)
		}
		served, err := Serve(path, "process 7")
		if err != nil {
			t.Fatal(err)
		}
		served.Close()
		d, err := vfs.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		owner, err := d.Stat(".")
		for _, name := range []string{"tenants.json.lock", "tenants.json.served"} {
			lock, lockErr := d.Stat(name)
			if err := errors.Join(err, lockErr); err != nil || lock.Mode.Perm() != want || lock.UID != owner.UID || lock.GID != owner.GID {
				t.Errorf("in a folder with %v, %s is %v of %d:%d, want %v of %d:%d; %v", folder, name, lock.Mode, lock.UID, lock.GID, want, owner.UID, owner.GID, err)
			}
		}
		d.Close()
	}
}
