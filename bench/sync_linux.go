package main

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// deviceStat returns the file that tells what was written to the device of a
// folder (Documentation/block/stat.rst of Linux); "" when that is not known.
func deviceStat(folder string) string {
	var stat unix.Stat_t
	if unix.Stat(folder, &stat) != nil {
		return ""
	}
	return fmt.Sprintf("/sys/dev/block/%d:%d/stat", unix.Major(stat.Dev), unix.Minor(stat.Dev))
}

// syncData has what was written to a file on the disk, without the times of the
// file.
func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
