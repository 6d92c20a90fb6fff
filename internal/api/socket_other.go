//go:build !linux && !darwin

package api

// showProgress does nothing where the system cannot be asked for it: there a
// reader that takes less than about a third of the system's send buffer in a
// StallTimeout is held to stand still.
func showProgress(any) bool { return false }

// openFiles returns how many files the process may have open, where that is
// known.
func openFiles() int { return 0 }
