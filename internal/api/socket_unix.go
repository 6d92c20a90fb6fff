//go:build linux || darwin

package api

import (
	"net"

	"golang.org/x/sys/unix"
)

// showProgress has the system say that a connection can take more as soon as
// what it has not sent yet is little. Otherwise it says so when a third of its
// own buffer is free, and that may be more than a slow reader takes in the time
// after which it is held to stand still.
func showProgress(c net.Conn) {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	raw.Control(func(fd uintptr) {
		unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, 2*piece) // without it only very slow readers suffer
	})
}
