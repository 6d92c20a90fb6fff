package vfs

import (
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// syncFile leaves out what fsync writes beside the content and the length: the
// times, which no one asked for.
func syncFile(f *os.File) error { return withDescriptor(f, unix.Fdatasync) }

// writeBack leaves errors to the next fdatasync, which tells of them.
func writeBack(f *os.File, offset, bytes int64) {
	withDescriptor(f, func(fd int) error {
		return unix.SyncFileRange(fd, offset, bytes, unix.SYNC_FILE_RANGE_WRITE)
	})
}

// linksOf returns how many names a file has, and asks for nothing else: a kernel
// that was asked for a file's times gives the next write a new one, however soon
// it comes, and where a file system has no journal each fdatasync then writes the inode too
// (multigrain timestamps, Linux 6.13).
func linksOf(f *os.File) (n uint64, err error) {
	var stat unix.Statx_t
	err = withDescriptor(f, func(fd int) error {
		return unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_NLINK, &stat)
	})
	if err != nil || stat.Mask&unix.STATX_NLINK == 0 {
		return statLinks(f) // kernels before 4.11, and some sandboxes
	}
	return uint64(stat.Nlink), nil
}

// swap exchanges two names, on kernels and file systems that can.
func swap(folderA int, a string, folderB int, b string) error {
	return supported(unix.Renameat2(folderA, a, folderB, b, unix.RENAME_EXCHANGE))
}

// move renames without replacing, on kernels and file systems that can.
func move(folderA int, a string, folderB int, b string) error {
	return supported(unix.Renameat2(folderA, a, folderB, b, unix.RENAME_NOREPLACE))
}

func free(f *os.File) (bytes, files int64, err error) {
	var stat unix.Statfs_t
	err = withDescriptor(f, func(fd int) error { return unix.Fstatfs(fd, &stat) })
	if files = int64(stat.Ffree); stat.Files == 0 || files < 0 {
		files = math.MaxInt64 // made as they are needed, or unknown
	}
	return int64(stat.Bavail) * stat.Bsize, files, err
}
