package api

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// patientConn is a connection whose deadlines are cheap to move on. net/http sets
// half a dozen for each request, and all but one in thousands are moved on long
// before they are reached. So a deadline that is later than the one that the
// system has is only remembered; when the system's is reached, the one that was
// remembered takes its place.
type patientConn struct {
	net.Conn
	in, out deadline
	direct  bool // it is under TLS: a write that was ended by a deadline cannot go on
}

// deadline is that of one direction. One goroutine at a time reads or writes;
// any may set the deadline.
type deadline struct {
	mu     sync.Mutex
	wanted time.Time // zero: none
	system time.Time // what the connection has; zero: none
	busy   bool      // a read or a write is under way
}

// want sets the deadline. It interrupts what is under way where it is earlier than
// before.
func (d *deadline) want(t time.Time, set func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.wanted = t; d.busy && d.earlyLocked() {
		return d.arm(set)
	}
	return nil
}

// earlyLocked reports whether the system would let pass what is wanted.
func (d *deadline) earlyLocked() bool {
	return !d.wanted.IsZero() && (d.system.IsZero() || d.wanted.Before(d.system))
}

func (d *deadline) arm(set func(time.Time) error) error {
	d.system = d.wanted
	return set(d.system)
}

// begin prepares a read or a write.
func (d *deadline) begin(set func(time.Time) error) (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.earlyLocked() {
		err = d.arm(set)
	}
	d.busy = err == nil
	return err
}

// end says how a read or a write ended, and reports whether it is to be tried
// again, since a deadline was reached that nobody wants any more.
func (d *deadline) end(err error, set func(time.Time) error) (again bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy = false
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	if !d.wanted.IsZero() && !time.Now().Before(d.wanted) {
		return false
	}
	return d.arm(set) == nil
}

func (c *patientConn) Read(p []byte) (int, error) {
	if c.direct {
		return c.Conn.Read(p)
	}
	return c.readFrom(c.Conn, p)
}

// readFrom reads the connection in the way of r.
func (c *patientConn) readFrom(r io.Reader, p []byte) (int, error) {
	for {
		if err := c.in.begin(c.Conn.SetReadDeadline); err != nil {
			return 0, err
		}
		n, err := r.Read(p)
		if again := c.in.end(err, c.Conn.SetReadDeadline); !again || n > 0 {
			return n, err
		}
	}
}

func (c *patientConn) Write(p []byte) (n int, err error) {
	if c.direct {
		return c.Conn.Write(p)
	}
	for {
		if err := c.out.begin(c.Conn.SetWriteDeadline); err != nil {
			return n, err
		}
		m, err := c.Conn.Write(p[n:])
		n += m
		if again := c.out.end(err, c.Conn.SetWriteDeadline); !again {
			return n, err
		}
	}
}

// SetReadDeadline and the others have the meaning that they have for a net.Conn.
func (c *patientConn) SetReadDeadline(t time.Time) error {
	if c.direct {
		return c.Conn.SetReadDeadline(t)
	}
	return c.in.want(t, c.Conn.SetReadDeadline)
}

func (c *patientConn) SetWriteDeadline(t time.Time) error {
	if c.direct {
		return c.Conn.SetWriteDeadline(t)
	}
	return c.out.want(t, c.Conn.SetWriteDeadline)
}

func (c *patientConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}
