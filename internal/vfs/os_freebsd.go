package vfs

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

func syncFile(f *os.File) error { return f.Sync() }

// swap cannot be done here in one step.
func swap(int, string, int, string) error { return errors.ErrUnsupported }

// move cannot be done here in one step.
func move(int, string, int, string) error { return errors.ErrUnsupported }

// writeBack has nothing to say to this system.
func writeBack(*os.File, int64, int64) {}

// linksOf returns how many names a file has.
func linksOf(f *os.File) (uint64, error) { return statLinks(f) }

func free(f *os.File) (bytes, files int64, err error) {
	var stat unix.Statfs_t
	err = withDescriptor(f, func(fd int) error { return unix.Fstatfs(fd, &stat) })
	if files = int64(stat.Ffree); stat.Files == 0 || files < 0 {
		files = math.MaxInt64 // made as they are needed, or unknown
	}
	return stat.Bavail * int64(stat.Bsize), files, err
}
