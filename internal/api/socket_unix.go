//go:build linux || darwin

package api

import (
	"math"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// showProgress has the system say that a connection can take more as soon as
// what it has not sent yet is little. Otherwise it says so when a third of its
// own buffer is free, and that may be more than a slow reader takes in the time
// after which it is held to stand still. It is false when the system was not told, or what
// it was told of is neither a connection nor a listener of TCP.
func showProgress(socket any) bool {
	switch socket.(type) {
	case *net.TCPConn, *net.TCPListener:
	default:
		return false
	}
	raw, err := socket.(syscall.Conn).SyscallConn()
	if err != nil {
		return false
	}
	controlErr := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, 2*piece)
	})
	return controlErr == nil && err == nil
}

// openFiles returns how many files the process may have open; 0 when that is not
// known.
func openFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(limit.Cur, math.MaxInt32))
}
