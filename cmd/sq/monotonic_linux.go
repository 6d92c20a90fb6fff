package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// monotonic returns the time since the system started, which a service manager
// compares with its own.
func monotonic() time.Duration {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) // which cannot fail for this clock
	return time.Duration(t.Nano())
}
