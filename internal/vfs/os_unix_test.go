//go:build linux || darwin || freebsd

package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// openDir returns the FS of a new directory, and the path to it.
func openDir(t *testing.T) (*dir, string) {
	t.Helper()
	folder := t.TempDir()
	d, err := Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d.(*dir), folder
}

// TestPipe: a pipe is refused rather than waited for.
func TestPipe(t *testing.T) {
	d, folder := openDir(t)
	if err := unix.Mkfifo(filepath.Join(folder, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := d.Open("pipe")
	wantError(t, "open", err, ErrNotRegular)
	_, err = d.OpenWrite("pipe")
	wantError(t, "open to write", err, ErrNotRegular)
	_, err = d.Lock("pipe", "me")
	wantError(t, "lock", err, ErrNotRegular)
	if _, err := d.List("pipe"); err == nil {
		t.Error("a pipe was listed")
	}
	info, err := d.Stat("pipe")
	if err != nil || info.Mode.Type() != fs.ModeNamedPipe {
		t.Errorf("stat: %v, %v", info.Mode, err)
	}
}

// TestRenameInTwoSteps: where the system cannot rename without replacing.
func TestRenameInTwoSteps(t *testing.T) {
	d, _ := openDir(t)
	makeFile(t, d, "a", "A")
	makeFile(t, d, "b", "B")
	wantError(t, "to what is there", d.inBoth("a", "b", linkAndRemove), fs.ErrExist)
	wantError(t, "to itself", d.inBoth("a", "a", linkAndRemove), fs.ErrExist)
	wantError(t, "of what is not there", d.inBoth("c", "d", linkAndRemove), fs.ErrNotExist)
	wantFile(t, d, "a", "A")
	wantFile(t, d, "b", "B")
	if err := errors.Join(d.Mkdir("f"), d.inBoth("a", "f/a", linkAndRemove)); err != nil {
		t.Fatal(err)
	}
	wantFile(t, d, "f/a", "A")
	_, err := d.Stat("a")
	wantError(t, "the old name", err, fs.ErrNotExist)
}

// TestLinkInside: a link to a directory inside may be gone through, one in the
// last place is described, and never followed.
func TestLinkInside(t *testing.T) {
	d, folder := openDir(t)
	if err := errors.Join(d.Mkdir("f"), os.Symlink("f", filepath.Join(folder, "link"))); err != nil {
		t.Fatal(err)
	}
	makeFile(t, d, "link/a", "A")
	wantFile(t, d, "f/a", "A")
	info, err := d.Stat("link")
	if err != nil || info.Mode.Type() != fs.ModeSymlink {
		t.Errorf("stat: %v, %v", info.Mode, err)
	}
	if err := d.Remove("link"); err != nil {
		t.Error(err)
	}
	wantFile(t, d, "f/a", "A")
}

// TestSameFile: a rename between two names of one file does nothing, as a Mem
// that lost power in the middle of a rename has it.
func TestSameFile(t *testing.T) {
	d, folder := openDir(t)
	makeFile(t, d, "a", "A")
	if err := os.Link(filepath.Join(folder, "a"), filepath.Join(folder, "b")); err != nil {
		t.Fatal(err)
	}
	twoNames(t, d)
}
