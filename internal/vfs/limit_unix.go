//go:build unix

package vfs

import (
	"math"

	"golang.org/x/sys/unix"
)

// MaxOpenFiles returns how many file descriptors this process may have.
func MaxOpenFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // what systems commonly begin with
	}
	return int(min(uint64(limit.Cur), math.MaxInt32))
}
