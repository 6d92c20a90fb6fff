package filetree

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// WriteOptions say how files are written.
type WriteOptions struct {
	// Force replaces files that are there.
	Force bool
	// Missing is told of each file whose scroll is not there; may be nil.
	Missing func(File)
	// Written is told how many files were written so far; may be nil.
	Written func(files int)
}

// Written is what was written.
type Written struct {
	Files   int
	Bytes   int64
	Missing int // files whose scroll was not there
}

// Range returns the first and the last coordinate of the files.
func (t Table) Range() (first, last phext.Coordinate) {
	for _, f := range t {
		if first.IsZero() || f.Coordinate.Less(first) {
			first = f.Coordinate
		}
		if last.Less(f.Coordinate) {
			last = f.Coordinate
		}
	}
	return first, last
}

// Write writes the files into a folder, with the scrolls of Range, in order. Without
// Force a file that is there is a Conflict, and then nothing was written. Files are
// not synced: they are copies.
func (t Table) Write(ctx context.Context, root *os.Root, scrolls iter.Seq2[sq.Scroll, error], o WriteOptions) (Written, error) {
	w := &writer{root: root, options: o, folders: map[string]bool{".": true}}
	if err := w.checkFree(t); err != nil {
		return w.done, err
	}
	next, stop := iter.Pull2(scrolls)
	defer stop()
	scroll, err, more := next()
	for _, f := range t.sorted() {
		if ctx.Err() != nil {
			return w.done, context.Cause(ctx)
		}
		for more && err == nil && scroll.Coordinate.Less(f.Coordinate) {
			scroll, err, more = next()
		}
		if err != nil {
			return w.done, err
		}
		var text []byte
		if more && scroll.Coordinate == f.Coordinate {
			text = scroll.Text
		}
		if err := w.file(f, text); err != nil {
			return w.done, err
		}
	}
	return w.done, nil
}

func (t Table) sorted() Table {
	s := slices.Clone(t)
	slices.SortFunc(s, func(a, b File) int { return a.Coordinate.Compare(b.Coordinate) })
	return s
}

// writer writes files.
type writer struct {
	root    *os.Root
	options WriteOptions
	folders map[string]bool // that are there
	done    Written
}

// checkFree refuses to write where something is.
func (w *writer) checkFree(t Table) error {
	if w.options.Force {
		return nil
	}
	for _, f := range t {
		switch _, err := w.root.Lstat(f.Path); {
		case err == nil:
			return sq.Errorf(sq.Conflict, "%q is there already; nothing was written", f.Path)
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	return nil
}

func (w *writer) file(f File, text []byte) error {
	if len(text) == 0 && !f.Empty {
		w.done.Missing++
		if w.options.Missing != nil {
			w.options.Missing(f)
		}
		return nil
	}
	if err := w.folder(path.Dir(f.Path)); err != nil {
		return err
	}
	if err := w.write(f, text); err != nil {
		return err
	}
	w.done.Files++
	w.done.Bytes += int64(len(text))
	if w.options.Written != nil {
		w.options.Written(w.done.Files)
	}
	return nil
}

func (w *writer) folder(name string) error {
	if w.folders[name] {
		return nil
	}
	err := w.root.MkdirAll(name, 0o777)
	w.folders[name] = err == nil
	return err
}

// write makes a file, or puts one in the place of another. It has its name when it
// is whole.
func (w *writer) write(f File, text []byte) error {
	mode := fs.FileMode(0o666)
	if f.Executable {
		mode = 0o777
	}
	err := w.create(f.Path, mode, text)
	if !errors.Is(err, fs.ErrExist) || !w.options.Force {
		return err
	}
	// What somebody left there has another name.
	part := path.Join(path.Dir(f.Path), "."+rand.Text()+".sq-part")
	if err := w.create(part, mode, text); err != nil {
		return err
	}
	if err := w.root.Rename(part, f.Path); err != nil {
		w.root.Remove(part) // that it could not be renamed says more
		return err
	}
	return nil
}

// create makes a file that is not there.
func (w *writer) create(name string, mode fs.FileMode, text []byte) error {
	file, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err != nil {
		w.root.Remove(name) // half a file
	}
	return err
}
