package vfs

import (
	"errors"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
)

// found crashes a fresh copy of what do makes many times, and returns what the
// outcomes look like.
func found(t *testing.T, do func(m *Mem), look func(m *Mem) string) map[string]int {
	t.Helper()
	seen := map[string]int{}
	for seed := range uint64(400) {
		m := NewMem()
		do(m)
		seen[look(m.Crash(rand.New(rand.NewPCG(seed, 0))))]++
		if _, err := m.Stat("."); !errors.Is(err, ErrCrashed) {
			t.Fatalf("goes on after the crash: %v", err)
		}
	}
	return seen
}

func content(name string) func(*Mem) string {
	return func(m *Mem) string {
		b, err := m.ReadFile(name)
		if err != nil {
			return "-"
		}
		return string(b)
	}
}

func both(a, b string) func(*Mem) string {
	return func(m *Mem) string { return content(a)(m) + content(b)(m) }
}

func exactly(t *testing.T, what string, seen map[string]int, want ...string) {
	t.Helper()
	if len(seen) != len(want) {
		t.Errorf("%s: found %v, want %q", what, seen, want)
	}
	for _, w := range want {
		if seen[w] == 0 {
			t.Errorf("%s: never found %q in %v", what, w, seen)
		}
	}
}

// TestCrashes holds the rules of Mem.Crash: nothing else is found, and each
// outcome is found sometimes.
func TestCrashes(t *testing.T) {
	synced := func(m *Mem) {
		makeFile(t, m, "a", "A")
		makeFile(t, m, "b", "B")
		m.SyncDir(".")
	}
	exactly(t, "synced", found(t, synced, both("a", "b")), "AB")
	exactly(t, "a name that was not synced", found(t, func(m *Mem) { makeFile(t, m, "a", "A") }, content("a")), "-", "A")
	exactly(t, "a removal", found(t, func(m *Mem) { synced(m); m.Remove("a") }, content("a")), "A", "-")
	exactly(t, "a rename", found(t, func(m *Mem) { synced(m); m.Rename("a", "c") }, both("a", "c")), "A-", "-A", "AA")
	exactly(t, "a rename over", found(t, func(m *Mem) { synced(m); m.Rename("a", "b") }, both("a", "b")), "AB", "-A", "AA")
	exactly(t, "an exchange", found(t, func(m *Mem) { synced(m); m.Exchange("a", "b") }, both("a", "b")), "AB", "BA")
	exactly(t, "two removals", found(t, func(m *Mem) { synced(m); m.Remove("a"); m.Remove("b") }, both("a", "b")), "AB", "A-", "-B", "--")
	folder := func(m *Mem) {
		m.Mkdir("f")
		synced(m)
		m.Rename("a", "f/a")
	}
	exactly(t, "a rename whose target is synced", found(t, func(m *Mem) { folder(m); m.SyncDir("f") }, both("a", "f/a")), "AA", "-A")
	exactly(t, "a rename whose source is synced", found(t, func(m *Mem) { folder(m); m.SyncDir(".") }, both("a", "f/a")), "--", "-A")
	exactly(t, "a file in a folder that is gone", found(t, func(m *Mem) {
		m.Mkdir("f")
		makeFile(t, m, "f/a", "A")
		m.SyncDir("f")
	}, content("f/a")), "-", "A")
}

// TestCrashTears: of what was not synced any sectors survive, and nothing of
// what was is touched.
func TestCrashTears(t *testing.T) {
	old, fresh := strings.Repeat("o", 2*sector), strings.Repeat("n", 2*sector)
	seen := found(t, func(m *Mem) {
		makeFile(t, m, "a", old)
		m.SyncDir(".")
		f, err := m.OpenWrite("a")
		if err != nil {
			t.Fatal(err)
		}
		f.WriteAt([]byte(fresh), 0)
	}, func(m *Mem) string { s := content("a")(m); return s[:1] + s[sector:sector+1] })
	exactly(t, "two sectors written over", seen, "oo", "on", "no", "nn")
	lengths := found(t, func(m *Mem) {
		makeFile(t, m, "a", "xx")
		m.SyncDir(".")
		f, err := m.OpenWrite("a")
		if err != nil {
			t.Fatal(err)
		}
		f.WriteAt([]byte("y"), 2)
	}, content("a"))
	exactly(t, "one byte more", lengths, "xx", "xx\x00", "xxy")
}

// TestForgottenSync: what a failed sync left is readable, and is not on disk
// however often the file is synced, unless it is written again.
func TestForgottenSync(t *testing.T) {
	m, fail := NewMem(), true
	dir := NewFault(m, func(c Call) error {
		if fail && c.Op == "sync" {
			return syscall.EIO
		}
		return nil
	})
	f, err := dir.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	f.WriteAt([]byte("text"), 0)
	wantError(t, "sync", f.Sync(), syscall.EIO)
	fail = false
	if err := errors.Join(f.Sync(), dir.SyncDir(".")); err != nil {
		t.Fatal(err)
	}
	wantFile(t, dir, "a", "text")
	if got := content("a")(m.CrashWith(false)); got != "\x00\x00\x00\x00" {
		t.Errorf("after the crash: %q", got)
	}
}

func TestFault(t *testing.T) {
	m := NewMem()
	dir := NewFault(m, FailNth(2, syscall.ENOSPC))
	f, err := dir.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	n, err := f.WriteAt([]byte("text"), 0)
	if n != 2 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write: %d, %v; want half of it", n, err)
	}
	wantFile(t, dir, "a", "te")
	if got := dir.Calls(); got != 4 {
		t.Errorf("%d calls, want create, write, open and read", got)
	}
}

func TestCapacity(t *testing.T) {
	m := NewMem()
	m.SetCapacity(10)
	f, err := m.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.WriteAt([]byte("0123456789ab"), 0); n != 10 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write: %d, %v", n, err)
	}
	if n, err := f.WriteAt([]byte("over"), 2); n != 4 || err != nil {
		t.Errorf("write over: %d, %v", n, err)
	}
	if free, err := m.Free(); free != 0 || err != nil {
		t.Errorf("free: %d, %v", free, err)
	}
}

func TestFoldCase(t *testing.T) {
	m := NewMemFolding()
	makeFile(t, m, "Name", "text")
	wantFile(t, m, "NAME", "text")
	infos, err := m.List(".")
	if err != nil || len(infos) != 1 || infos[0].Name != "Name" {
		t.Errorf("list: %+v, %v", infos, err)
	}
}
