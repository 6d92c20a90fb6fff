//go:build !linux && !darwin

package api

import "net"

// showProgress does nothing where the system cannot be asked for it: there a
// reader that takes less than about a third of the system's send buffer in a
// StallTimeout is held to stand still.
func showProgress(net.Conn) {}

// openFiles returns how many files the process may have open, where that is
// known.
func openFiles() int { return 0 }
