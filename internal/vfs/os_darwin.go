package vfs

import (
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// syncFile is F_FULLFSYNC here: fsync alone leaves the content in the drive.
func syncFile(f *os.File) error { return f.Sync() }

// writeBack has nothing to say to this system.
func writeBack(*os.File, int64, int64) {}

// linksOf returns how many names a file has.
func linksOf(f *os.File) (uint64, error) { return statLinks(f) }

// swap exchanges two names, on file systems that can.
func swap(folderA int, a string, folderB int, b string) error {
	return supported(unix.RenameatxNp(folderA, a, folderB, b, unix.RENAME_SWAP))
}

// move renames without replacing, on file systems that can.
func move(folderA int, a string, folderB int, b string) error {
	return supported(unix.RenameatxNp(folderA, a, folderB, b, unix.RENAME_EXCL))
}

func free(f *os.File) (bytes, files int64, err error) {
	var stat unix.Statfs_t
	err = withDescriptor(f, func(fd int) error { return unix.Fstatfs(fd, &stat) })
	if files = int64(stat.Ffree); stat.Files == 0 || files < 0 {
		files = math.MaxInt64 // made as they are needed, or unknown
	}
	return int64(stat.Bavail) * int64(stat.Bsize), files, err
}
