//go:build !linux

package main

import "os"

func deviceStat(string) string { return "" }

// syncData has what was written to a file on the disk.
func syncData(f *os.File) error { return f.Sync() }
