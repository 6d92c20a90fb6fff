package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/backup"
)

// compressed has write write to w, compressed.
func compressed(w io.Writer, c backup.Compression, write func(io.Writer) error) error {
	buffered := bufio.NewWriterSize(w, 256<<10)
	z, err := backup.Compress(buffered, c)
	if err != nil {
		return err
	}
	if err := errors.Join(write(z), z.Close()); err != nil {
		return err
	}
	return buffered.Flush()
}

// writeNew has write write a file that does not exist yet. It gets its name when
// all of it is on the disk.
func writeNew(name string, write func(io.Writer) error) error {
	if _, err := os.Lstat(name); err == nil {
		return hinted(fmt.Errorf("%q is there already", name), "nothing is overwritten: give another name")
	}
	folder := filepath.Dir(name)
	f, err := os.CreateTemp(folder, "."+filepath.Base(name)+".*.part")
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return hinted(fmt.Errorf("%q cannot be written: %w", name, path.Err), "the folder must be there, and yours to write to")
	}
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := nameNew(f.Name(), name); err != nil {
		return err
	}
	return syncFolder(folder)
}

// nameNew gives a file another name that nothing has.
func nameNew(from, to string) error {
	err := os.Link(from, to)
	switch {
	case errors.Is(err, fs.ErrExist):
		return hinted(fmt.Errorf("%q is there already", to), "nothing is overwritten: give another name")
	case err != nil: // a file system without links
		return os.Rename(from, to)
	}
	return nil
}

// syncFolder makes the names in a folder survive the loss of power.
func syncFolder(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// archive is a backup on the disk.
type archive struct {
	path string
	size int64
}

// openArchive looks for a backup. It is read more than once, so it must be a file.
func openArchive(path string) (archive, error) {
	info, err := os.Stat(path)
	if err != nil {
		return archive{}, err
	}
	if !info.Mode().IsRegular() {
		return archive{}, hinted(fmt.Errorf("%q is no file", path), "a backup is read twice: save it to a file first")
	}
	return archive{path, info.Size()}, nil
}

// read has do read the backup, decompressed, and counts how far it is.
func (a archive) read(do func(r io.Reader, done *atomic.Int64) error) error {
	f, err := os.Open(a.path)
	if err != nil {
		return err
	}
	defer f.Close()
	in := &counted{r: f}
	z, err := backup.Decompress(in)
	if err != nil {
		return fmt.Errorf("%s: %w", a.path, err)
	}
	defer z.Close()
	if err := do(z, &in.n); err != nil {
		return fmt.Errorf("%s: %w", a.path, err)
	}
	return nil
}

// verify reads the whole backup.
func (a archive) verify(ctx context.Context, bar *progress) (m *backup.Manifest, err error) {
	err = a.read(func(r io.Reader, done *atomic.Int64) (err error) {
		m, err = backup.Verify(ctx, r, a.shows(bar, "verifying", done))
		return err
	})
	bar.clear()
	return m, err
}

// shows returns what shows how far the reading is.
func (a archive) shows(bar *progress, doing string, done *atomic.Int64) func(backup.Progress) {
	return func(p backup.Progress) {
		bar.show("%s %s: %d%%, %d entries", doing, a.path, 100*done.Load()/max(a.size, 1), p.Done)
	}
}

// counted is a reader, or a writer, that tells how many bytes went through it.
type counted struct {
	r io.Reader
	w io.Writer
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// readSince returns the manifest of the backup that the flag since names; nil
// without the flag. A tar is verified: what is against a broken one is of no use.
func (f *backupFlags) readSince(ctx context.Context, out outside) (*backup.Manifest, error) {
	if f.since == "" {
		return nil, nil
	}
	a, err := openArchive(f.since)
	if err != nil {
		return nil, err
	}
	if text, ok, err := a.manifest(); ok || err != nil {
		if err != nil {
			return nil, err
		}
		m, err := backup.ParseManifest(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.since, err)
		}
		return m, nil
	}
	return a.verify(ctx, newProgress(out.stderr))
}

// manifest returns the text of the file if it begins as a MANIFEST.json does, and no
// tar: with a brace.
func (a archive) manifest() (text []byte, ok bool, err error) {
	f, err := os.Open(a.path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	if first, err := in.Peek(1); err != nil || first[0] != '{' {
		return nil, false, nil
	}
	if a.size > maxSince {
		return nil, false, sq.Errorf(sq.TooLarge, "%s: has %d bytes, at most %d are taken", a.path, a.size, int64(maxSince))
	}
	text, err = io.ReadAll(io.LimitReader(in, maxSince))
	return text, true, err
}

// maxSince is the longest manifest that is read.
const maxSince = 512 << 20
