//go:build !linux

package main

import "time"

// monotonic matters to systemd only.
func monotonic() time.Duration { return 0 }
