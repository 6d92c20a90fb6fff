package api

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// deadlinesConn is a connection that counts how often its deadlines are set.
type deadlinesConn struct {
	net.Conn
	reads, writes int
}

func (c *deadlinesConn) SetReadDeadline(t time.Time) error {
	c.reads++
	return c.Conn.SetReadDeadline(t)
}

func (c *deadlinesConn) SetWriteDeadline(t time.Time) error {
	c.writes++
	return c.Conn.SetWriteDeadline(t)
}

// patient returns a connection with cheap deadlines, and its other end.
func patient(t *testing.T) (*patientConn, *deadlinesConn, net.Conn) {
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	c := &deadlinesConn{Conn: a}
	return &patientConn{Conn: c}, c, b
}

func in(d time.Duration) time.Time { return time.Now().Add(d) }

// TestDeadlinesMoveOn: a deadline that is moved on costs the connection nothing, and
// what was meant last holds, to the nanosecond.
func TestDeadlinesMoveOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, under, other := patient(t)
		go func() {
			for range 1000 {
				other.Write([]byte("x"))
				io.ReadFull(other, make([]byte, 1))
			}
		}()
		p := make([]byte, 1)
		for range 1000 {
			c.SetReadDeadline(in(10 * time.Second))
			c.SetReadDeadline(time.Time{})
			c.SetReadDeadline(in(3 * time.Minute))
			if _, err := c.Read(p); err != nil {
				t.Fatal(err)
			}
			c.SetWriteDeadline(in(30 * time.Second))
			if _, err := c.Write(p); err != nil {
				t.Fatal(err)
			}
		}
		if under.reads > 2 || under.writes > 2 {
			t.Errorf("the connection's deadlines were set %d and %d times", under.reads, under.writes)
		}
		for _, wait := range []time.Duration{time.Minute, time.Second, time.Hour} {
			began := time.Now()
			c.SetReadDeadline(in(wait))
			if _, err := c.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != wait {
				t.Errorf("a read with %v to go ended with %v after %v", wait, err, time.Since(began))
			}
			began = time.Now()
			c.SetWriteDeadline(in(wait))
			if _, err := c.Write(p); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != wait {
				t.Errorf("a write with %v to go ended with %v after %v", wait, err, time.Since(began))
			}
		}
	})
}

// TestDeadlineInterrupts: an earlier deadline ends what is under way, and a
// deadline taken away lets it go on.
func TestDeadlineInterrupts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, other := patient(t)
		ended := make(chan error)
		read := func() { _, err := c.Read(make([]byte, 1)); ended <- err }
		c.SetDeadline(in(time.Minute))
		go read()
		synctest.Wait()
		began := time.Now()
		c.SetReadDeadline(time.Unix(1, 0))
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) > 0 {
			t.Errorf("an interrupted read ended with %v after %v", err, time.Since(began))
		}
		c.SetReadDeadline(in(time.Second))
		go read()
		synctest.Wait()
		c.SetReadDeadline(time.Time{})
		time.Sleep(time.Hour)
		other.Write([]byte("x"))
		if err := <-ended; err != nil {
			t.Errorf("a read whose deadline was taken away ended with %v", err)
		}
	})
}

// TestWriteGoesOn: what was written before a deadline that nobody wants any more is
// not written twice.
func TestWriteGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, other := patient(t)
		c.SetWriteDeadline(in(time.Second))
		got := make(chan string)
		go func() {
			text := make([]byte, 10)
			io.ReadFull(other, text[:4])
			time.Sleep(time.Minute)
			io.ReadFull(other, text[4:])
			got <- string(text)
		}()
		go func() {
			time.Sleep(time.Second / 2)
			c.SetWriteDeadline(in(time.Hour))
		}()
		if n, err := c.Write([]byte("0123456789")); n != 10 || err != nil {
			t.Errorf("%d bytes were written, %v", n, err)
		}
		if text := <-got; text != "0123456789" {
			t.Errorf("%q arrived", text)
		}
	})
}

// TestNobodyListensForTheEnd: a byte behind a whole request is not waited for, since
// net/http asks for it only to hear of the client's end; every other one is.
func TestNobodyListensForTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, other := patient(t)
		framed := &framedConn{}
		framed.Conn = c.Conn
		go other.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /"))
		for i, step := range []struct{ room, want int }{{1, 1}, {26, 26}, {1, 0}, {1, 0}, {2, 2}, {1, 1}} {
			if n, err := framed.Read(make([]byte, step.room)); n != step.want || err != nil {
				t.Errorf("read %d of %d bytes: %d, %v; want %d", i, step.room, n, err, step.want)
			}
		}
	})
}
