package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func syncFile(f *os.File) error { return f.Sync() }

// swap cannot be done here in one step.
func swap(int, string, int, string) error { return errors.ErrUnsupported }

// move cannot be done here in one step.
func move(int, string, int, string) error { return errors.ErrUnsupported }

func freeBytes(f *os.File) (int64, error) {
	var stat unix.Statfs_t
	err := withDescriptor(f, func(fd int) error { return unix.Fstatfs(fd, &stat) })
	return stat.Bavail * int64(stat.Bsize), err
}
