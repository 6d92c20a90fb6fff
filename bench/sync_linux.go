package main

import (
	"os"
	"syscall"
)

// syncData has what was written to a file on the disk, without the times of the
// file.
func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
