//go:build !linux

package vfs

// Mapping is the content of a file as it lies in the system's memory. There is
// none here.
type Mapping struct{}

// MostMapped is how many bytes one Read of a Mapping may be of.
const MostMapped = 0

// Map returns nil: it was tried on Linux only.
func Map(File, int64) *Mapping { return nil }

// Read is false.
func (m *Mapping) Read([]byte, int64) bool { return false }

// Close does nothing.
func (m *Mapping) Close() error { return nil }
