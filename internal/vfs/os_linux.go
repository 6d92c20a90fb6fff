package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncFile leaves out what fsync writes beside the content and the length: the
// times, which no one asked for.
func syncFile(f *os.File) error { return withDescriptor(f, unix.Fdatasync) }

// swap exchanges two names. An old kernel (ENOSYS) and a file system that cannot
// (EINVAL) have the same answer.
func swap(folderA int, a string, folderB int, b string) error {
	err := unix.Renameat2(folderA, a, folderB, b, unix.RENAME_EXCHANGE)
	if err == unix.ENOSYS || err == unix.EINVAL || err == unix.EOPNOTSUPP {
		return errors.ErrUnsupported
	}
	return err
}

func freeBytes(f *os.File) (int64, error) {
	var stat unix.Statfs_t
	err := withDescriptor(f, func(fd int) error { return unix.Fstatfs(fd, &stat) })
	return int64(stat.Bavail) * stat.Bsize, err
}
