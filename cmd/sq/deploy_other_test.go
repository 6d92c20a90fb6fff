//go:build unix && !linux

package main

import "testing"

// runInEmptyRoot is for the system of the image.
func runInEmptyRoot(*testing.T, string) {}
