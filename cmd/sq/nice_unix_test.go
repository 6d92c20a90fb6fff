//go:build unix

package main

import "syscall"

// yieldCPU has the process yield the processor to others; where it may not, it
// yields less.
func yieldCPU(nice int) { syscall.Setpriority(syscall.PRIO_PROCESS, 0, nice) }
