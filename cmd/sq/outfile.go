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
)

// writeFile has write write what a command makes, and returns of how many bytes
// that is. Name "-" is standard output, whose bytes are not counted. A file is replaced in one moment, when all
// of it is on the disk, and keeps its mode; a link to one stays, and so does what
// is no file, such as a pipe: that is written to.
func (c *clientCommand) writeFile(name string, write func(*bufio.Writer) error) (n int64, err error) {
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
	return replaceFile(name, info, write)
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
		return 0, err
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
