package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// ErrJournal says that a phext has a journal that its file does not hold yet, so
// that only an engine can tell what it is.
var ErrJournal = errors.New("the phext has a journal that is not in its file yet")

// Peek returns a snapshot of a phext in a directory that nobody serves. It makes
// nothing there, unlike an engine: no folder of ours, and no journal. The name of
// who served it last, in the lock, is the only thing that may change. A phext
// that does not exist gives a snapshot that is empty, as at sq.Store.
//
// ErrJournal: it needs an engine. Busy: the directory is served, and the message
// says by whom. It costs one reading of the file.
func Peek(dir string, name sq.PhextName) (sq.Snapshot, error) {
	opened, err := openToPeek(dir)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	unlock, err := lockToPeek(opened)
	if err != nil {
		return nil, err
	}
	// What is open stays whole when it is replaced, so the lock is for the
	// beginning only.
	defer unlock()
	left, err := leftIn(opened, name)
	if err != nil {
		return nil, err
	}
	if len(left) > 0 {
		return nil, ErrJournal
	}
	return peek(opened, name, string(name)+suffix)
}

// PeekFile returns a snapshot of a file of any name, whatever may be beside it.
// NotFound: there is none.
func PeekFile(path string) (sq.Snapshot, error) {
	dir, file := filepath.Split(filepath.Clean(path))
	opened, err := openToPeek(filepath.Clean(dir))
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	s, err := peek(opened, "", file)
	if err != nil {
		return nil, err
	}
	if !s.Exists() {
		s.Close()
		return nil, sq.Errorf(sq.NotFound, "there is no file %q", path)
	}
	return s, nil
}

func openToPeek(dir string) (vfs.FS, error) {
	opened, err := vfs.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, sq.Wrap(err, sq.NotFound, "there is no folder %q", dir)
	}
	if err != nil {
		return nil, sq.Wrap(err, sq.Internal, "open the folder %q", dir)
	}
	return opened, nil
}

// lockToPeek sees to it that nobody serves the directory.
func lockToPeek(dir vfs.FS) (unlock func(), err error) {
	unlock, err = lockAs(dir, fmt.Sprintf("process %d, which reads", os.Getpid()), true)
	var locked *vfs.LockedError
	if errors.As(err, &locked) {
		return nil, sq.Wrap(err, sq.Busy, "the folder is served by another program (%s)", locked.Owner)
	}
	if err != nil {
		return nil, sq.Wrap(err, sq.Internal, "lock the folder")
	}
	return unlock, nil
}

// peek returns a snapshot of a file.
func peek(dir vfs.FS, name sq.PhextName, path string) (sq.Snapshot, error) {
	c, err := loadSettled(dir, path)
	if err == errChanged {
		return nil, err
	}
	if err != nil {
		return nil, sq.Wrap(err, sq.Internal, "read %q", path)
	}
	v := &view{sum: &checksum{}}
	v.file, v.base, v.identity, v.exists = c.file, c.index, c.identity, c.file != nil
	v.files = newGeneration()
	if c.file != nil {
		v.files = newGeneration(c.file)
	}
	if v.scrolls, v.size = c.index.n, c.size; c.problem != nil {
		v.exists, v.opaque = true, true
		v.problem = sq.Errorf(sq.Unreadable, "%s is no phext: %v", path, c.problem)
		v.base, v.scrolls, v.size = index{}, 0, 0
	}
	// A handle that nothing runs: what it is told of changes, nobody hears.
	h := newHandle(newStore(&Engine{started: time.Now()}, ""), dir, name)
	h.pin()
	return &snapshot{view: v, handle: h}, nil
}

// PeekList returns the phexts of a directory that nobody serves, sorted by name:
// files, and those that only a journal has yet. It makes nothing there; errors are
// as for Peek.
func PeekList(dir string) ([]sq.PhextName, error) {
	opened, err := openToPeek(dir)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	unlock, err := lockToPeek(opened)
	if err != nil {
		return nil, err
	}
	defer unlock()
	left, err := findLeft(opened)
	if err != nil && !errors.Is(err, errNotExist) {
		return nil, sq.Wrap(err, sq.Internal, "list the journal")
	}
	names, err := phextsIn(opened)
	if err != nil {
		return nil, err
	}
	names = slices.AppendSeq(names, maps.Keys(left))
	slices.Sort(names)
	return slices.Compact(names), nil
}
