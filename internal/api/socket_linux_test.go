package api

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// TestConnectionsInherit: what is asked of a listener holds for its connections.
func TestConnectionsInherit(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if !newFramedListener(l, &connections{}, 0, nil, &Server{}).shown {
		t.Error("the listener cannot be asked")
	}
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, row := range []struct {
		name              string
		level, what, want int
	}{
		{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 15},
		{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15},
		{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 9},
		{"TCP_NOTSENT_LOWAT", unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, 2 * piece},
		{"TCP_INQ", unix.IPPROTO_TCP, unix.TCP_INQ, 1},
		{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
	} {
		if got := option(t, c, row.level, row.what); got != row.want {
			t.Errorf("%s: %d; want %d", row.name, got, row.want)
		}
	}
}

// TestConnectionsOfOthers: a listener that somebody else made may be one whose
// connections have none of its options.
func TestConnectionsOfOthers(t *testing.T) {
	var config net.ListenConfig
	config.SetMultipathTCP(true)
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := newFramedListener(l, &connections{}, 0, nil, nil).Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := option(t, c.(*framedConn).underneath(), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT); got != 2*piece {
		t.Errorf("TCP_NOTSENT_LOWAT: %d; want %d", got, 2*piece)
	}
}

// option returns an option of a connection.
func option(t *testing.T, c net.Conn, level, what int) (value int) {
	t.Helper()
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { value, err = unix.GetsockoptInt(int(fd), level, what) })
	if err != nil {
		t.Errorf("option %d of level %d: %v", what, level, err)
	}
	return value
}
