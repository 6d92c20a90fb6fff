package api

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// bequeaths reports whether connections that l accepts have its options. Those of
// Multipath TCP, which net.Listen speaks, have not.
func bequeaths(l net.Listener) bool {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return false
	}
	protocol := 0
	controlErr := raw.Control(func(fd uintptr) {
		protocol, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PROTOCOL)
	})
	return controlErr == nil && err == nil && protocol == unix.IPPROTO_TCP
}

// A client that is silent is asked whether it is there as net.Listen has it: after
// so long, so often, before it is given up.
const (
	probeAfter = 15 * time.Second
	probes     = 9
)

// listenConfig asks for the signs of life of connections at the listener.
func listenConfig() *net.ListenConfig {
	c := &net.ListenConfig{KeepAlive: -1, Control: askForLife}
	c.SetMultipathTCP(false)
	return c
}

func askForLife(_, _ string, listener syscall.RawConn) error {
	var err error
	controlErr := listener.Control(func(fd uintptr) {
		const after = int(probeAfter / time.Second)
		for _, option := range [][3]int{
			{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
			{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, after},
			{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, after},
			{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, probes},
		} {
			if err == nil {
				err = unix.SetsockoptInt(int(fd), option[0], option[1], option[2])
			}
		}
	})
	if controlErr != nil {
		return controlErr
	}
	return err
}
