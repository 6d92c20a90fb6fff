package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
)

// eachFS runs a test on the system's files, on those in memory, and on those
// through a Fault without faults.
func eachFS(t *testing.T, test func(t *testing.T, dir FS)) {
	t.Run("system", func(t *testing.T) {
		dir, err := Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		test(t, dir)
	})
	t.Run("memory", func(t *testing.T) { test(t, NewMem()) })
	t.Run("fault", func(t *testing.T) { test(t, NewFault(NewMem(), func(Call) error { return nil })) })
}

func makeFile(t *testing.T, dir FS, name, text string) {
	t.Helper()
	f, err := dir.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

func wantFile(t *testing.T, dir FS, name, text string) {
	t.Helper()
	f, err := dir.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	if err != nil || string(got) != text {
		t.Errorf("%s is %q, %v; want %q", name, got, err, text)
	}
}

// wantRemoved holds File.Removed to what it should be, where the system knows.
func wantRemoved(t *testing.T, f File, want bool) {
	t.Helper()
	_, real := f.(*file)
	if got, err := f.Removed(); err != nil || got != want && !(real && runtime.GOOS == "windows") {
		t.Errorf("removed: %v, %v; want %v", got, err, want)
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestFiles(t *testing.T) {
	eachFS(t, func(t *testing.T, dir FS) {
		makeFile(t, dir, "a", "text")
		_, err := dir.Create("a")
		wantError(t, "create what is there", err, fs.ErrExist)
		_, err = dir.Open("b")
		wantError(t, "open what is not", err, fs.ErrNotExist)
		f, err := dir.OpenWrite("a")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt([]byte("TE"), 0); err != nil {
			t.Error(err)
		}
		f.WriteBack(0, 2)
		wantFile(t, dir, "a", "TExt")
		if err := f.Truncate(2); err != nil {
			t.Error(err)
		}
		info, err := f.Stat()
		if err != nil || info.Identity.Size != 2 || !info.Mode.IsRegular() {
			t.Errorf("%+v, %v", info, err)
		}
		if n, err := f.ReadAt(make([]byte, 9), 1); n != 1 || err != io.EOF {
			t.Errorf("read past the end: %d, %v", n, err)
		}
		if err := dir.Remove("a"); err != nil {
			t.Error(err)
		}
		if n, err := f.ReadAt(make([]byte, 2), 0); n != 2 || err != nil {
			t.Errorf("read what was removed and is open: %d, %v", n, err)
		}
		wantError(t, "remove again", dir.Remove("a"), fs.ErrNotExist)
	})
}

func TestNames(t *testing.T) {
	eachFS(t, func(t *testing.T, dir FS) {
		makeFile(t, dir, "a", "A")
		makeFile(t, dir, "b", "B")
		wantError(t, "rename to what is there", dir.RenameNew("a", "b"), fs.ErrExist)
		wantFile(t, dir, "b", "B")
		if err := dir.Exchange("a", "b"); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Error(err)
		} else if err == nil {
			wantFile(t, dir, "a", "B")
			wantFile(t, dir, "b", "A")
		}
		wantError(t, "exchange with nothing", dir.Exchange("a", "c"), fs.ErrNotExist)
		if err := errors.Join(dir.Mkdir("folder"), dir.Mkdir("folder"), dir.RenameNew("a", "folder/c"), dir.Rename("b", "folder/c")); err != nil {
			t.Error(err)
		}
		wantError(t, "rename what is gone", dir.Rename("a", "b"), fs.ErrNotExist)
		wantError(t, "make a folder in what is not there", dir.Mkdir("x/y"), fs.ErrNotExist)
		makeFile(t, dir, "d", "")
		for what, err := range map[string]error{
			"remove a folder": dir.Remove("folder"), "rename a folder": dir.Rename("folder", "e"),
			"rename over a folder": dir.Rename("d", "folder"), "exchange with a folder": dir.Exchange("d", "folder"),
		} {
			wantError(t, what, err, ErrNotRegular)
		}
		_, err := dir.Open("folder")
		wantError(t, "open a folder", err, ErrNotRegular)
		infos, err := dir.List(".")
		if err != nil || len(infos) != 2 || infos[0].Name != "d" || infos[1].Name != "folder" || !infos[1].Mode.IsDir() {
			t.Errorf("list: %+v, %v", infos, err)
		}
		if err := errors.Join(dir.SyncDir("."), dir.SyncDir("folder")); err != nil {
			t.Error(err)
		}
	})
}

// TestNoWayOut: whatever the name, nothing outside is reached.
func TestNoWayOut(t *testing.T) {
	eachFS(t, func(t *testing.T, dir FS) {
		for _, name := range []string{"", ".", "..", "/a", "a/", "a//b", "../a", "a/../../b", "a\x00b", "./a"} {
			_, err1 := dir.Open(name)
			_, err2 := dir.Create(name)
			for _, err := range []error{err1, err2, dir.Remove(name), dir.Rename(name, "x")} {
				if err == nil {
					t.Errorf("%q was taken", name)
				}
			}
		}
	})
}

// TestLinks: a link is no file, and leads nowhere.
func TestLinks(t *testing.T) {
	outside, inside := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"file": outside + "/secret", "folder": outside, "dangling": outside + "/none", "loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(inside, name)); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := Open(inside)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for _, name := range []string{"file", "folder", "dangling", "loop"} {
		_, err := dir.Open(name)
		wantError(t, "open "+name, err, ErrNotRegular)
		_, err = dir.OpenWrite(name)
		wantError(t, "open to write "+name, err, ErrNotRegular)
	}
	for _, name := range []string{"folder/secret", "folder/new"} {
		_, err1 := dir.Open(name)
		_, err2 := dir.Create(name)
		if err1 == nil || err2 == nil {
			t.Errorf("%s leads out: %v, %v", name, err1, err2)
		}
	}
	m := NewMem()
	if err := m.Symlink("link"); err != nil {
		t.Fatal(err)
	}
	_, err = m.Open("link")
	wantError(t, "open a link in memory", err, ErrNotRegular)
}

func TestLock(t *testing.T) {
	eachFS(t, func(t *testing.T, dir FS) {
		held, err := dir.Lock("lock", "me")
		if err != nil {
			t.Fatal(err)
		}
		_, err = dir.Lock("lock", "you")
		var locked *LockedError
		if !errors.As(err, &locked) || locked.Owner != "me" || !errors.Is(err, ErrLocked) {
			t.Errorf("%v, want locked by me", err)
		}
		if err := held.Close(); err != nil {
			t.Error(err)
		}
		again, err := dir.Lock("lock", "you")
		if err != nil {
			t.Fatal(err)
		}
		again.Close()
	})
}

// TestLockText: the file says who holds the lock and nothing else, and a lock is
// given back once.
func TestLockText(t *testing.T) {
	eachFS(t, func(t *testing.T, dir FS) {
		first, err := dir.Lock("lock", "somebody with a long name")
		if err != nil {
			t.Fatal(err)
		}
		first.Close()
		second, err := dir.Lock("lock", "me")
		if err != nil {
			t.Fatal(err)
		}
		wantFile(t, dir, "lock", "me")
		wantError(t, "close the first again", first.Close(), fs.ErrClosed)
		_, err = dir.Lock("lock", "you")
		wantError(t, "lock what is held", err, ErrLocked)
		if err := errors.Join(second.Close(), dir.Mkdir("folder")); err != nil {
			t.Error(err)
		}
		_, err = dir.Lock("folder", "me")
		wantError(t, "lock a folder", err, ErrNotRegular)
		_, err = dir.Lock("x/y", "me")
		wantError(t, "lock in what is not there", err, fs.ErrNotExist)
	})
}

// TestOccupied: what has a name already, and what is no directory.
func TestOccupied(t *testing.T) {
	eachFS(t, func(t *testing.T, dir FS) {
		makeFile(t, dir, "a", "A")
		if err := dir.Mkdir("folder"); err != nil {
			t.Fatal(err)
		}
		wantError(t, "make a folder over a file", dir.Mkdir("a"), fs.ErrExist)
		wantError(t, "rename to a folder's name", dir.RenameNew("a", "folder"), fs.ErrExist)
		wantError(t, "rename to the own name", dir.RenameNew("a", "a"), fs.ErrExist)
		wantError(t, "rename a folder", dir.RenameNew("folder", "b"), ErrNotRegular)
		_, err := dir.Create("folder")
		wantError(t, "create over a folder", err, fs.ErrExist)
		_, err = dir.Create("a/b")
		_, listErr := dir.List("a")
		for what, err := range map[string]error{
			"create in": err, "rename into": dir.Rename("a", "a/b"), "list": listErr, "sync": dir.SyncDir("a"),
		} {
			wantError(t, what+" a file", err, syscall.ENOTDIR)
		}
		if err := errors.Join(dir.Rename("a", "a"), dir.Exchange("a", "a")); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Error(err)
		}
		wantFile(t, dir, "a", "A")
	})
}

// TestClosed: a file that was closed is not used again.
func TestClosed(t *testing.T) {
	eachFS(t, func(t *testing.T, dir FS) {
		makeFile(t, dir, "a", "A")
		f, err := dir.OpenWrite("a")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		_, readErr := f.ReadAt(make([]byte, 1), 0)
		_, writeErr := f.WriteAt([]byte("B"), 0)
		_, statErr := f.Stat()
		for what, err := range map[string]error{
			"read": readErr, "write": writeErr, "stat": statErr, "sync": f.Sync(),
			"truncate": f.Truncate(0), "copy owner": f.CopyOwner(Info{}), "close": f.Close(),
		} {
			wantError(t, what, err, fs.ErrClosed)
		}
		wantFile(t, dir, "a", "A")
	})
}

// TestReadOnly: what was opened to read is not written to.
func TestReadOnly(t *testing.T) {
	eachFS(t, func(t *testing.T, dir FS) {
		makeFile(t, dir, "a", "A")
		f, err := dir.Open("a")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt([]byte("B"), 0); err == nil {
			t.Error("was written to")
		}
		if err := f.Truncate(0); err == nil {
			t.Error("was cut")
		}
		wantFile(t, dir, "a", "A")
	})
}

// TestHoles: what was never written is zeros, and what was cut does not come back.
func TestHoles(t *testing.T) {
	eachFS(t, func(t *testing.T, dir FS) {
		makeFile(t, dir, "a", "text")
		f, err := dir.OpenWrite("a")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := errors.Join(f.Truncate(1), f.Truncate(3)); err != nil {
			t.Error(err)
		}
		if n, err := f.WriteAt([]byte("!"), 5); n != 1 || err != nil {
			t.Errorf("write: %d, %v", n, err)
		}
		wantFile(t, dir, "a", "t\x00\x00\x00\x00!")
	})
}

// TestReplaced: who has a file open goes on with it when another takes its name.
func TestReplaced(t *testing.T) {
	eachFS(t, func(t *testing.T, dir FS) {
		makeFile(t, dir, "a", "A")
		makeFile(t, dir, "b", "B")
		f, err := dir.Open("b")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		wantRemoved(t, f, false)
		if err := dir.Rename("a", "b"); err != nil {
			t.Fatal(err)
		}
		wantRemoved(t, f, true)
		b := make([]byte, 1)
		if _, err := f.ReadAt(b, 0); err != nil || string(b) != "B" {
			t.Errorf("the open file: %q, %v", b, err)
		}
		wantFile(t, dir, "b", "A")
	})
}

// TestCopyOwner: the mode is copied, without what kind of file it is.
func TestCopyOwner(t *testing.T) {
	eachFS(t, func(t *testing.T, dir FS) {
		f, err := dir.Create("a")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil || info.Mode != fileMode || info.Name != "" {
			t.Errorf("new: %+v, %v", info, err)
		}
		info.Mode = fs.ModeSymlink | 0o440
		if err := f.CopyOwner(info); err != nil {
			t.Error(err)
		}
		if got, err := dir.Stat("a"); err != nil || got.Mode != 0o440 || got.UID != info.UID || got.Name != "a" {
			t.Errorf("after: %+v, %v", got, err)
		}
	})
}

// TestRoot: "." is the directory itself, and no file.
func TestRoot(t *testing.T) {
	eachFS(t, func(t *testing.T, dir FS) {
		for _, name := range []string{"c", "B", "a", "a-b", "ä"} {
			makeFile(t, dir, name, "")
		}
		infos, err := dir.List(".")
		var names []string
		for _, info := range infos {
			names = append(names, info.Name)
		}
		if want := []string{"B", "a", "a-b", "c", "ä"}; err != nil || !slices.Equal(names, want) {
			t.Errorf("list: %q, %v; want %q", names, err, want)
		}
		info, err := dir.Stat(".")
		if err != nil || info.Name != "." || !info.Mode.IsDir() {
			t.Errorf("stat: %+v, %v", info, err)
		}
		if free, files, err := dir.Free(); free <= 0 || files <= 0 || err != nil {
			t.Errorf("free: %d, %v", free, err)
		}
		_, err = dir.Open(".")
		for what, err := range map[string]error{"open": err, "make": dir.Mkdir("."), "remove": dir.Remove("."), "rename to": dir.Rename("a", ".")} {
			wantError(t, what+` "."`, err, fs.ErrInvalid)
		}
	})
}

// twoNames holds what a file does that has the names "a" and "b".
func twoNames(t *testing.T, dir FS) {
	t.Helper()
	if err := errors.Join(dir.Rename("a", "b"), dir.Rename("b", "a")); err != nil {
		t.Error(err)
	}
	wantFile(t, dir, "a", "A")
	wantFile(t, dir, "b", "A")
	wantError(t, "rename to the other", dir.RenameNew("a", "b"), fs.ErrExist)
	if err := dir.Remove("a"); err != nil {
		t.Error(err)
	}
	wantFile(t, dir, "b", "A")
}

// TestIdentity: whatever changes a file shows.
func TestIdentity(t *testing.T) {
	eachFS(t, func(t *testing.T, dir FS) {
		makeFile(t, dir, "a", "text")
		stat := func(name string) Identity {
			t.Helper()
			info, err := dir.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			return info.Identity
		}
		before := stat("a")
		if !stat("a").Equal(before) {
			t.Error("changes by itself")
		}
		if err := dir.Rename("a", "b"); err != nil {
			t.Fatal(err)
		}
		if now := stat("b"); !now.SameContent(before) {
			t.Errorf("a rename changes the content: %+v, before %+v", now, before)
		}
		makeFile(t, dir, "a", "text")
		if stat("a").SameContent(before) {
			t.Error("another file looks like the first")
		}
	})
}
