package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
)

// TestTwins does the same by chance on the system's files and on those in memory:
// each operation has the same outcome, and leaves the same behind.
func TestTwins(t *testing.T) {
	for seed := range uint64(40) {
		system, err := Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		m := NewMem()
		a, b := twin{system, rand.New(rand.NewPCG(seed, 0))}, twin{m, rand.New(rand.NewPCG(seed, 0))}
		for i := range 60 {
			if did, also := a.step(), b.step(); did != also {
				t.Fatalf("seed %d, step %d: the system's %s; in memory %s", seed, i, did, also)
			}
		}
		if left, also := a.tree("."), b.tree("."); left != also {
			t.Fatalf("seed %d: the system has\n%sin memory there is\n%s", seed, left, also)
		}
		system.Close()
	}
}

// twin does by chance what another with the same seed does too.
type twin struct {
	fs  FS
	rng *rand.Rand
}

// name returns one of a few names.
func (w twin) name() string {
	names := []string{"a", "b", "c", "f", "f/a", "f/g", "f/g/a", "a/b", "f/../a", "."}
	return names[w.rng.IntN(len(names))]
}

// step does one thing, and says what, and how it went.
func (w twin) step() string {
	one, two, op := w.name(), w.name(), w.rng.IntN(8)
	return fmt.Sprintf("%d %s %s: %s", op, one, two, outcome(w.do(op, one, two)))
}

func (w twin) do(op int, one, two string) error {
	switch op {
	case 0:
		return w.fs.Mkdir(one)
	case 1:
		return w.fs.Remove(one)
	case 2:
		return w.fs.Rename(one, two)
	case 3:
		return w.fs.RenameNew(one, two)
	case 4:
		return w.fs.Exchange(one, two)
	case 5:
		_, err := w.fs.Stat(one)
		return errors.Join(err, w.fs.SyncDir(two))
	case 6:
		return w.write(w.fs.Create(one))
	default:
		return w.write(w.fs.OpenWrite(one))
	}
}

// write changes a file somewhere.
func (w twin) write(f File, err error) error {
	size, off, text := w.rng.Int64N(1000), w.rng.Int64N(1000), strings.Repeat(string(rune('a'+w.rng.IntN(26))), w.rng.IntN(1000))
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt([]byte(text), off)
	return errors.Join(f.Truncate(size), err, f.Sync())
}

// outcome names an error, or says that there was none.
func outcome(err error) string {
	for _, known := range []error{fs.ErrNotExist, fs.ErrExist, fs.ErrInvalid, ErrNotRegular, syscall.ENOTDIR} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return fmt.Sprint(err)
}

// tree shows what a directory holds.
func (w twin) tree(folder string) string {
	infos, err := w.fs.List(folder)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, info := range infos {
		name := strings.TrimPrefix(folder+"/"+info.Name, "./")
		if info.Mode.IsDir() {
			fmt.Fprintf(&b, "%s/\n%s", name, w.tree(name))
			continue
		}
		text := make([]byte, info.Identity.Size)
		if f, err := w.fs.Open(name); err == nil {
			f.ReadAt(text, 0)
			f.Close()
		}
		fmt.Fprintf(&b, "%s %v %q\n", name, info.Mode, text)
	}
	return b.String()
}
