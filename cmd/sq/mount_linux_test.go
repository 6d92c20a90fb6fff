package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// tmpfs mounts a file system in memory for a test, with options such as
// "size=8m", and returns where. Where the test may not mount it is skipped, but
// not in continuous integration.
func tmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	mayMount(t, unix.Mount("tmpfs", dir, "tmpfs", 0, options))
	t.Cleanup(func() { unmount(t, dir) })
	return dir
}

func mayMount(t *testing.T, err error) {
	t.Helper()
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("needs a small file system of its own, and may not mount one: %v", err)
	}
	if err != nil {
		t.Fatalf("mount a small file system: %v", err)
	}
}

// unmount takes the file system away even where somebody still holds a file,
// which is an error.
func unmount(t *testing.T, dir string) {
	if err := unix.Unmount(dir, 0); err != nil {
		t.Errorf("unmount %s: %v", dir, err)
		unix.Unmount(dir, unix.MNT_DETACH)
	}
}

// loop is a file system on a file.
type loop struct{ image, dir string }

// ext4 mounts a file system that can fail as one on a disk does.
func ext4(t *testing.T) *loop {
	t.Helper()
	l := &loop{filepath.Join(t.TempDir(), "image"), t.TempDir()}
	for _, command := range [][]string{{"truncate", "-s", "16m", l.image}, {"mkfs.ext4", "-q", "-F", l.image}, l.mount()} {
		mayMount(t, system(command))
	}
	t.Cleanup(func() { unmount(t, l.dir) })
	return l
}

func (l *loop) mount() []string { return []string{"mount", "-o", "loop", l.image, l.dir} }

// breaks has the kernel do what it does when it finds the file system broken.
func (l *loop) breaks(t *testing.T) {
	t.Helper()
	if err := system([]string{"mount", "-o", "remount,abort", l.dir}); err != nil {
		t.Fatal(err)
	}
}

// repair mounts the file system anew, which looks at it.
func (l *loop) repair(t *testing.T) {
	t.Helper()
	unmount(t, l.dir)
	if err := system(l.mount()); err != nil {
		t.Fatal(err)
	}
}

func system(command []string) error {
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, out)
	}
	return nil
}

// ballast makes a file of somebody else's take what room there is on its file
// system, down to the last byte.
func ballast(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 64<<10); len(block) > 0; {
		if _, err := f.Write(block); errors.Is(err, unix.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// take makes room: it takes a file away.
func take(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
