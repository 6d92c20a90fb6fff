package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
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

// TestCrashesKeep holds that no file is lost which had a durable name and which
// nobody removed, whatever survives of the operations on its names.
func TestCrashesKeep(t *testing.T) {
	synced := func(m *Mem) {
		makeFile(t, m, "a", "A")
		makeFile(t, m, "b", "B")
		m.SyncDir(".")
	}
	exactly(t, "a rename, and another file of the old name", found(t, func(m *Mem) {
		synced(m)
		m.RenameNew("a", "c")
		makeFile(t, m, "a", "N")
	}, both("a", "c")), "A-", "-A", "AA", "NA")
	exactly(t, "an exchange, and what came out removed", found(t, func(m *Mem) {
		synced(m)
		m.Exchange("a", "b")
		m.Remove("b")
	}, both("a", "b")), "AB", "BA", "B-")
	exactly(t, "a file removed and another of its name", found(t, func(m *Mem) {
		synced(m)
		m.Remove("a")
		makeFile(t, m, "a", "N")
	}, content("a")), "A", "-", "N")
	exactly(t, "two renames", found(t, func(m *Mem) {
		synced(m)
		m.Rename("a", "b")
		m.Rename("b", "c")
	}, func(m *Mem) string { return both("a", "b")(m) + content("c")(m) }),
		"AB-", "-A-", "AA-", "ABA", "--A", "-AA", "AAA", "A-A")
	moved := func(m *Mem) {
		synced(m)
		m.Mkdir("f")
		m.Rename("a", "f/a")
	}
	exactly(t, "a rename into a new folder", found(t, moved, both("a", "f/a")), "A-", "-A", "AA")
	exactly(t, "a rename into a new folder that is synced, without its own name",
		found(t, func(m *Mem) { moved(m); m.SyncDir("f") }, both("a", "f/a")), "A-", "-A", "AA")
}

// TestCrashTwoNames: what a crash in a rename leaves is one file.
func TestCrashTwoNames(t *testing.T) {
	for seed := range uint64(100) {
		m := NewMem()
		makeFile(t, m, "a", "A")
		m.SyncDir(".")
		m.Rename("a", "b")
		left := m.Crash(rand.New(rand.NewPCG(seed, 0)))
		if both("a", "b")(left) == "AA" {
			twoNames(t, left)
			return
		}
	}
	t.Error("never found under both names")
}

// TestCrashExtremes: all that was not synced, and nothing of it.
func TestCrashExtremes(t *testing.T) {
	world := func() *Mem {
		m := NewMem()
		makeFile(t, m, "a", "A")
		m.SyncDir(".")
		m.WriteFile("a", []byte("longer"))
		m.Rename("a", "b")
		makeFile(t, m, "c", "C")
		return m
	}
	if got := both("a", "b")(world().CrashWith(false)) + content("c")(world().CrashWith(false)); got != "A--" {
		t.Errorf("nothing: %q", got)
	}
	if got := both("a", "b")(world().CrashWith(true)) + content("c")(world().CrashWith(true)); got != "-longerC" {
		t.Errorf("everything: %q", got)
	}
	m := world()
	m.Settle()
	if got := both("a", "b")(m.CrashWith(false)); got != "-longer" {
		t.Errorf("settled: %q", got)
	}
}

// TestCrashRepeats: the same seed finds the same.
func TestCrashRepeats(t *testing.T) {
	crash := func(seed uint64) (b strings.Builder) {
		m := NewMem()
		for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
			m.WriteFile(name, []byte(strings.Repeat(name, 4*sector)))
		}
		left := m.Crash(rand.New(rand.NewPCG(seed, 0)))
		infos, err := left.List(".")
		for _, info := range infos {
			fmt.Fprintln(&b, info, content(info.Name)(left), err)
		}
		return b
	}
	for seed := range uint64(20) {
		if a, b := crash(seed), crash(seed); a.String() != b.String() {
			t.Fatalf("seed %d finds two outcomes:\n%s\n%s", seed, a.String(), b.String())
		}
	}
}

// TestDead: who lives on after the loss of power can do nothing; locks are gone.
func TestDead(t *testing.T) {
	m := NewMem()
	f, err := m.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Lock("lock", "me"); err != nil {
		t.Fatal(err)
	}
	m.Settle()
	left := m.CrashWith(true)
	_, writeErr := f.WriteAt([]byte("x"), 0)
	_, createErr := m.Create("b")
	_, lockErr := m.Lock("lock2", "me")
	for what, err := range map[string]error{
		"write": writeErr, "sync": f.Sync(), "truncate": f.Truncate(0), "create": createErr, "lock": lockErr,
		"rename": m.Rename("a", "b"), "remove": m.Remove("a"), "sync a directory": m.SyncDir("."),
	} {
		wantError(t, what, err, ErrCrashed)
	}
	if _, err := left.Lock("lock", "you"); err != nil {
		t.Errorf("lock afterwards: %v", err)
	}
}

// TestCrashMeanwhile: power may go at any moment of what others do.
func TestCrashMeanwhile(t *testing.T) {
	m := NewMem()
	var group sync.WaitGroup
	for _, name := range []string{"a", "b", "c"} {
		group.Go(func() {
			for range 200 {
				m.WriteFile(name, []byte(name))
				m.Rename(name, "x")
				m.SyncDir(".")
				m.ReadFile("x")
			}
		})
	}
	left := m.Crash(rand.New(rand.NewPCG(1, 0)))
	if err := left.WriteFile("a", nil); err != nil {
		t.Error(err)
	}
	group.Wait()
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

// TestCrashSteps: a sector has any of the contents that it has had, and a file
// any of the lengths.
func TestCrashSteps(t *testing.T) {
	after := func(do func(m *Mem, f File)) map[string]int {
		return found(t, func(m *Mem) {
			makeFile(t, m, "a", "oo")
			m.SyncDir(".")
			f, err := m.OpenWrite("a")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			do(m, f)
		}, content("a"))
	}
	exactly(t, "written twice", after(func(_ *Mem, f File) {
		f.WriteAt([]byte("1"), 0)
		f.WriteAt([]byte("2"), 1)
	}), "oo", "1o", "12")
	exactly(t, "cut", after(func(_ *Mem, f File) { f.Truncate(1) }), "oo", "o", "o\x00")
	exactly(t, "written in place by an editor", after(func(m *Mem, _ File) { m.WriteFile("a", []byte("n")) }),
		"", "o", "oo", "n", "no", "n\x00", "\x00", "\x00\x00")
	exactly(t, "made longer and cut again", after(func(_ *Mem, f File) {
		f.Truncate(3)
		f.Truncate(2)
	}), "oo", "oo\x00")
	exactly(t, "synced at last", after(func(m *Mem, f File) {
		m.WriteFile("a", []byte("n"))
		f.Sync()
	}), "n")
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

// TestForgottenPages: what is written or cut after a failed sync is dirty again,
// a page at a time.
func TestForgottenPages(t *testing.T) {
	after := func(do func(f File)) string {
		m := NewMem()
		makeFile(t, m, "a", strings.Repeat("o", 2*page))
		m.SyncDir(".")
		f, err := m.OpenWrite("a")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		f.WriteAt([]byte(strings.Repeat("n", 2*page)), 0)
		f.(*memFile).forget()
		do(f)
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		b := content("a")(m.CrashWith(false))
		return fmt.Sprintf("%d %s %s", len(b), b[:1], b[len(b)-1:])
	}
	for what, test := range map[string]struct {
		do   func(f File)
		want string
	}{
		"only synced again":  {func(File) {}, "8192 o o"},
		"one page written":   {func(f File) { f.WriteAt([]byte("n"), page) }, "8192 o n"},
		"cut inside a page":  {func(f File) { f.Truncate(page + 1) }, "4097 o n"},
		"cut, and zeros put": {func(f File) { f.Truncate(0); f.Truncate(2) }, "2 \x00 \x00"},
	} {
		if got := after(test.do); got != test.want {
			t.Errorf("%s: %q, want %q", what, got, test.want)
		}
	}
}

// TestFaultNumbersEach: every call has a number, kind and names, and fails when
// that is said, without being carried out.
func TestFaultNumbersEach(t *testing.T) {
	work := func(dir FS) (errs []error) {
		try := func(err error) { errs = append(errs, err) }
		try(dir.Mkdir("f"))
		f, err := dir.Create("f/a")
		try(err)
		if f != nil {
			_, err = f.WriteAt([]byte("text"), 0)
			try(err)
			try(f.Truncate(2))
			try(f.Sync())
		}
		try(dir.SyncDir("f"))
		try(dir.Rename("f/a", "b"))
		_, err = dir.Stat("b")
		try(err)
		_, err = dir.List(".")
		try(err)
		try(dir.Remove("b"))
		return errs
	}
	var lines []string
	work(NewFault(NewMem(), func(c Call) error {
		lines = append(lines, strings.TrimSpace(fmt.Sprint(c.N, " ", c.Op, " ", c.Name, " ", c.To)))
		return nil
	}))
	want := []string{
		"1 mkdir f", "2 create f/a", "3 write f/a", "4 truncate f/a", "5 sync f/a", "6 syncdir f",
		"7 rename f/a b", "8 stat b", "9 list .", "10 remove b",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("calls %q, want %q", lines, want)
	}
	for n := 1; ; n++ {
		dir := NewFault(NewMem(), FailNth(n, syscall.EIO))
		err := errors.Join(work(dir)...)
		if dir.Calls() < n {
			break
		}
		wantError(t, fmt.Sprint("call ", n), err, syscall.EIO)
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
	if free, _, err := m.Free(); free != 0 || err != nil {
		t.Errorf("free: %d, %v", free, err)
	}
}

// TestFoldCaseFolders: names fold in every place of a path, and keep the case
// that they were last given, through a crash too.
func TestFoldCaseFolders(t *testing.T) {
	m := NewMemFolding()
	if err := m.Mkdir(".sq"); err != nil {
		t.Fatal(err)
	}
	makeFile(t, m, ".SQ/Name", "text")
	_, err := m.Create(".sq/NAME")
	wantError(t, "create the same in other case", err, fs.ErrExist)
	if err := errors.Join(m.Rename(".sq/name", ".Sq/NamE"), m.SyncDir(".SQ"), m.SyncDir(".")); err != nil {
		t.Fatal(err)
	}
	left := m.CrashWith(false)
	wantFile(t, left, ".sq/name", "text")
	infos, err := left.List(".SQ")
	if err != nil || len(infos) != 1 || infos[0].Name != "NamE" {
		t.Errorf("list: %+v, %v", infos, err)
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
