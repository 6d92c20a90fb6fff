//go:build !unix

package vfs

// MaxOpenFiles returns how many files this process may have open.
func MaxOpenFiles() int { return 8192 }
