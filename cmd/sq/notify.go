package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// manager is the service manager, such as systemd, that is told how the server is
// (sd_notify(3)). Where there is none nobody is told.
type manager struct {
	socket   string        // empty: there is none
	watchdog time.Duration // how long it waits for a sign of life; 0: it does not
	log      *slog.Logger
}

func newManager(lookup func(string) (string, bool), log *slog.Logger) *manager {
	m := &manager{log: log}
	m.socket, _ = lookup("NOTIFY_SOCKET")
	usec, _ := lookup("WATCHDOG_USEC")
	pid, given := lookup("WATCHDOG_PID")
	if n, err := strconv.ParseInt(usec, 10, 64); err == nil && n > 0 && (!given || pid == strconv.Itoa(os.Getpid())) {
		m.watchdog = time.Duration(n) * time.Microsecond
	}
	return m
}

// tell sends lines such as READY=1.
func (m *manager) tell(lines ...string) {
	if m.socket == "" {
		return
	}
	c, err := net.Dial("unixgram", m.socket) // a name that begins with @ has no file
	if err == nil {
		_, err = io.WriteString(c, strings.Join(lines, "\n"))
		c.Close()
	}
	if err != nil {
		m.log.Warn("the service manager cannot be told", "error", err)
	}
}

func (m *manager) ready(status string) { m.tell("READY=1", "STATUS="+status) }

// ending says that the end begins, and what is done until then.
func (m *manager) ending(what string) { m.tell("STOPPING=1", "STATUS=Ending: "+what) }

// reloading says that a reload begins, which ready ends.
func (m *manager) reloading() {
	m.tell("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(monotonic().Microseconds(), 10))
}

// guard gives the manager signs of life until ctx is done, while the server that
// listens on l answers. The caller runs it in a goroutine of its own and waits for
// it.
func (m *manager) guard(ctx context.Context, l net.Listener) {
	if m.watchdog == 0 || m.socket == "" {
		return
	}
	ticker := time.NewTicker(m.watchdog / 3)
	defer ticker.Stop()
	for {
		if err := answers(ctx, l.Addr(), m.watchdog/3); err == nil {
			m.tell("WATCHDOG=1")
		} else if ctx.Err() == nil {
			m.log.Error("the server does not answer itself; the service manager will start it anew if that goes on", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// alive is a request that needs no token, no slot and no file.
const alive = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

// answers reports whether a server answers, or at least turns a client away: too
// many at work are no reason to end it, and neither is a slow disk. Under TLS the
// answer is that TLS is spoken.
func answers(ctx context.Context, addr net.Addr, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, addr.Network(), reachable(addr))
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if _, err := io.WriteString(c, alive); err != nil && ctx.Err() == nil {
		return nil // turned away
	}
	answer := make([]byte, len("HTTP/"))
	n, err := io.ReadFull(c, answer)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("no answer within %v", patience)
	case err == nil && !bytes.Equal(answer, []byte("HTTP/")):
		return fmt.Errorf("the answer begins with %q", answer[:n])
	}
	return nil
}

// reachable returns an address for what may be every interface.
func reachable(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return addr.String()
	}
	return net.JoinHostPort(loopback, strconv.Itoa(tcp.Port)) // Go listens to both versions of IP then
}
