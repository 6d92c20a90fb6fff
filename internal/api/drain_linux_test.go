package api

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestEndIsSeen: the end of a client that came with what it sent is seen behind that,
// though the system tells of both only once, and did before they are read.
func TestEndIsSeen(t *testing.T) {
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	askWhatIsLeft(l)
	for range 20 {
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(client, "a request")
		client.(*net.TCPConn).CloseWrite()
		tick := time.NewTicker(time.Millisecond)
		for hasEnded := false; !hasEnded; {
			<-tick.C
			hasEnded = ended(t, c)
		}
		tick.Stop()
		answered := ""
		d := newDrain(c, func(p []byte) (int, error) { answered += string(p); return 0, nil })
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if n, err := d.Read(make([]byte, 100)); n != 0 || !errors.Is(err, io.EOF) || answered != "a request" {
			t.Fatalf("%q is answered, then %d bytes and %v; want the end", answered, n, err)
		}
		client.Close()
		c.Close()
	}
}

// ended reports whether the end of a client has arrived.
func ended(t *testing.T, c net.Conn) (yes bool) {
	t.Helper()
	const closeWait = 8 // TCP_CLOSE_WAIT of Linux
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) {
		var info *unix.TCPInfo
		if info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO); err == nil {
			yes = info.State == closeWait
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return yes
}
