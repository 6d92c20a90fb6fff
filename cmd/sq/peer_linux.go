package main

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// peerUser returns the user whose program is at the other end of a Unix socket,
// and whether the system tells.
func peerUser(c net.Conn) (user int, known bool, err error) {
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, true, err
	}
	var cred *unix.Ucred
	controlErr := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err = errors.Join(controlErr, err); err != nil {
		return 0, true, err
	}
	return int(cred.Uid), true, nil
}
