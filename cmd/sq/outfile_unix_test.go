//go:build unix

package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func writes(text string) func(*bufio.Writer) error {
	return func(w *bufio.Writer) error {
		_, err := w.WriteString(text)
		return err
	}
}

// TestWriteFile: a file is replaced whole or not at all, keeps its mode, and links
// and pipes are followed and written to.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	c := &clientCommand{out: outside{stdout: io.Discard}}
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(file, []byte("old"), 0o640), os.Chmod(file, 0o640), os.Symlink("file", link)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.writeFile(&target{}, link, writes("newer")); n != 5 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	info, err := os.Stat(file)
	if read(t, file) != "newer" || err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%q, %v, %v", read(t, file), info.Mode(), err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info.Mode(), err)
	}
	failed := errors.New("failed")
	if _, err := c.writeFile(&target{}, file, func(w *bufio.Writer) error { w.WriteString("half"); w.Flush(); return failed }); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
	if read(t, file) != "newer" {
		t.Errorf("half a file has replaced it: %q", read(t, file))
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("%v, %v is left", left, err)
	}
}

// TestWriteToPipe: what is no file is written to, and stays.
func TestWriteToPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan string)
	go func() {
		text, err := os.ReadFile(pipe)
		got <- string(text) + errorText(err)
	}()
	c := &clientCommand{}
	if _, err := c.writeFile(&target{}, pipe, writes("through")); err != nil {
		t.Error(err)
	}
	if text := <-got; text != "through" {
		t.Errorf("%q", text)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
