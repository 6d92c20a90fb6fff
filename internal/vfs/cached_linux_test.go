package vfs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestCached: what is in memory is read without a wait, and where that cannot be the
// file is asked and says what there is.
func TestCached(t *testing.T) {
	dir, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	made, err := dir.Create("text")
	if err != nil {
		t.Fatal(err)
	}
	f := made.(*file)
	defer f.Close()
	text := bytes.Repeat([]byte("0123456789abcdef"), 4<<10) // 64 KiB
	if _, err := f.WriteAt(text, 0); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		size   int
		offset int64
		cached bool
		n      int // bytes that the file has there
		err    error
	}{
		"one byte":             {1, 0, true, 1, nil},
		"of two pages":         {1000, 4000, true, 1000, nil},
		"the most":             {mostCached, 4095, true, mostCached, nil},
		"more":                 {mostCached + 1, 0, false, mostCached + 1, nil},
		"the last bytes":       {16, int64(len(text) - 16), true, 16, nil},
		"across the end":       {16, int64(len(text) - 15), false, 15, io.EOF},
		"behind the end":       {16, int64(len(text)), false, 0, io.EOF},
		"far behind the end":   {16, 1 << 40, false, 0, io.EOF},
		"nothing":              {0, 0, false, 0, nil},
		"before the beginning": {1, -1, false, 0, fs.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			p := make([]byte, row.size)
			if ok := f.cached.read(p, row.offset); ok != row.cached || ok && !bytes.Equal(p, text[row.offset:][:row.size]) {
				t.Errorf("as cached: %v, %.20q", ok, p)
			}
			for _, refused := range []bool{false, true} {
				f.cached.refused.Store(refused)
				clear(p)
				n, err := f.ReadAt(p, row.offset)
				if n != row.n || (err == nil) != (row.err == nil) || row.err == io.EOF && err != io.EOF {
					t.Errorf("refused %v: %d, %v", refused, n, err)
				}
				if n > 0 && !bytes.Equal(p[:n], text[row.offset:][:n]) {
					t.Errorf("refused %v: %.20q", refused, p)
				}
			}
			f.cached.refused.Store(false)
		})
	}
	t.Run("cut", func(t *testing.T) { testCachedCut(t, f) })
	t.Run("refused", testCachedRefused)
	f.Close()
	p := make([]byte, 10)
	if f.cached.read(p, 0) {
		t.Error("a closed file is read")
	}
	if _, err := f.ReadAt(p, 0); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("a closed file: %v", err)
	}
}

func testCachedCut(t *testing.T, f *file) {
	if err := f.Truncate(100); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 1000)
	if f.cached.read(p, 50) || f.cached.read(p, 8192) {
		t.Error("what was cut off is read")
	}
	if n, err := f.ReadAt(p, 50); n != 50 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
}

// testCachedRefused: a file that the kernel cannot be asked so for is asked once.
func testCachedRefused(t *testing.T) {
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[1])
	f := file{File: os.NewFile(uintptr(ends[0]), "pipe"), name: "a pipe has no offsets"}
	defer f.Close()
	f.cached.of(f.File)
	if f.cached.read(make([]byte, 10), 0) || !f.cached.refused.Load() {
		t.Error("the kernel is asked again")
	}
	if _, err := f.ReadAt(make([]byte, 10), 0); err == nil {
		t.Error("a pipe was read at an offset")
	}
}

// TestCachedClose: whoever reads while a file is closed reads that file, or nothing.
func TestCachedClose(t *testing.T) {
	dir, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	create := func(name string) *file {
		made, err := dir.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := made.WriteAt([]byte(name), 0); err != nil {
			t.Fatal(err)
		}
		return made.(*file)
	}
	for range 50 {
		f := create("one")
		var readers sync.WaitGroup
		for range 4 {
			reads := make(chan struct{})
			readers.Go(func() {
				p := make([]byte, 3)
				for n := 0; f.cached.read(p, 0); n++ {
					if string(p) != "one" {
						t.Errorf("%q", p)
					}
					if n == 0 {
						close(reads)
					}
				}
			})
			<-reads
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		other := create("two") // of the same descriptor, as a rule
		readers.Wait()
		if f.cached.read(make([]byte, 3), 0) {
			t.Error("a closed file is read")
		}
		if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("closed twice: %v", err)
		}
		for _, f := range []*file{f, other} {
			dir.Remove(f.name)
		}
		other.Close()
	}
}

// TestReadLeavesNoTrace: that a file was read is not noted in it.
func TestReadLeavesNoTrace(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "text")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-100 * time.Hour)
	if err := os.Chtimes(path, long, long); err != nil {
		t.Fatal(err)
	}
	dir, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	f, err := dir.Open("text")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, refused := range []bool{false, true} {
		f.(*file).cached.refused.Store(refused)
		if n, err := f.ReadAt(make([]byte, 4), 0); n != 4 {
			t.Error(n, err)
		}
		var stat unix.Stat_t
		if err := unix.Stat(path, &stat); err != nil || stat.Atim.Nano() != long.UnixNano() {
			t.Errorf("it was read at %v, %v", time.Unix(stat.Atim.Unix()), err)
		}
	}
}
