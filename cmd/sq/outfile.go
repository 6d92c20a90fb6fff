package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/internal/vfs"
)

// writeFile has write write what a command makes, and returns of how many bytes
// that is. Name "-" is standard output, whose bytes are not counted. A file is replaced in one moment, when all
// of it is on the disk, and keeps its mode; a link to one stays, and so does what
// is no file, such as a pipe: that is written to.
// What spares refuses is not written.
func (c *clientCommand) writeFile(t *target, name string, write func(*bufio.Writer) error) (n int64, err error) {
	if name == "-" {
		return 0, c.stream(write)
	}
	if path, err := filepath.EvalSymlinks(name); err == nil {
		name = path
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		info = nil
	case err != nil:
		return 0, err
	case info.IsDir():
		return 0, hinted(fmt.Errorf("%q is a folder", name), "give the name of a file")
	case !info.Mode().IsRegular():
		return writeTo(name, write)
	}
	if err := t.spares(name); err != nil {
		return 0, err
	}
	return replaceFile(name, info, write)
}

// spares refuses to write files in the place of the phext that is read, and among
// the phexts of a folder that is served: who serves them would take what is written
// for an edit, and keep both texts. A file that is there under another name is
// found out too.
func (t *target) spares(files ...string) error {
	free := map[string]bool{}
	for _, file := range files {
		if t.file != "" && sameFile(file, t.file) {
			return hinted(sq.Errorf(sq.Conflict, "%q is the phext that is read, and would be lost; nothing was written", file), "give the name of another file")
		}
		folder := filepath.Dir(file)
		if !strings.HasSuffix(file, ".phext") || free[folder] {
			continue
		}
		if owner, served := servedBy(folder); served {
			return hinted(sq.Errorf(sq.Conflict, "%q would be a phext of a folder that is served (%s); nothing was written", file, owner),
				"give another folder, or a name that does not end in .phext")
		}
		free[folder] = true
	}
	return nil
}

// servedBy returns who serves a folder. Commands, which have it for a moment, do not.
func servedBy(folder string) (owner string, served bool) {
	_, err := disk.PeekList(folder)
	var locked *vfs.LockedError
	if !errors.As(err, &locked) || isBrief(err) {
		return "", false
	}
	return locked.Owner, true
}

// notMade says why a file could not be made: in which folder there is none, or what
// else, by the name that was asked for.
func notMade(file string, err error) error {
	folder := filepath.Dir(file)
	if _, missing := os.Stat(folder); errors.Is(missing, fs.ErrNotExist) {
		return hinted(fmt.Errorf("write %q: there is no folder %q", file, folder), "make it: mkdir -p "+folder)
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("write %q: %w", file, err)
}

// sized counts bytes.
type sized struct {
	w io.Writer
	n int64
}

func (s *sized) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.n += int64(n)
	return n, err
}

// buffered has write write to w.
func buffered(w io.Writer, write func(*bufio.Writer) error) (int64, error) {
	out := &sized{w: w}
	b := bufio.NewWriterSize(out, 256<<10)
	if err := write(b); err != nil {
		return out.n, err
	}
	return out.n, b.Flush()
}

// writeTo writes to what is no file.
func writeTo(name string, write func(*bufio.Writer) error) (int64, error) {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	n, err := buffered(f, write)
	return n, errors.Join(err, f.Close())
}

// replaceFile writes a file beside its place and renames it. Old tells of the one
// that is there; nil when there is none.
func replaceFile(name string, old fs.FileInfo, write func(*bufio.Writer) error) (int64, error) {
	folder := filepath.Dir(name)
	part := filepath.Join(folder, "."+filepath.Base(name)+"."+rand.Text()[:8]+".part")
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return 0, notMade(name, err)
	}
	defer os.Remove(part) // not there any more when all went well
	n, err := buffered(f, write)
	if err == nil && old != nil {
		err = f.Chmod(old.Mode().Perm())
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return n, err
	}
	if err := os.Rename(part, name); err != nil {
		return n, err
	}
	return n, syncFolder(folder)
}
