package api

import (
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// drain reads a connection without the read that finds nothing. package net reads, is
// told that nothing is there, and waits; of a client that asks when it has its answer
// every request costs that twice. Here the system tells along with what it gives whether
// more is there (askWhatIsLeft), and only one who waits on, and does not return in
// between, can go by that. So what came is answered within Read.
//
// It is for one goroutine. While it answers, closing the connection waits for it.
type drain struct {
	conn   syscall.RawConn
	answer func([]byte) (left int, err error)
	step   func(fd uintptr) bool // d.read, made once

	room    []byte
	n       int
	err     error
	message unix.Msghdr
	vector  unix.Iovec
	control [cmsgRoom]byte
}

const (
	cmsgHead = int(unsafe.Sizeof(unix.Cmsghdr{}))
	cmsgRoom = cmsgHead + 8 // an int, and filled up
)

// newDrain returns what reads a connection of TCP, and nil for any other. Of what
// arrives, answer is handed all in the room of Read, and says how much it has left at
// the beginning of that.
func newDrain(c net.Conn, answer func([]byte) (left int, err error)) *drain {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	d := &drain{conn: raw, answer: answer}
	d.step = d.read
	return d
}

// Read returns what answer has left, once it leaves anything.
func (d *drain) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	d.room, d.n, d.err = p, 0, nil
	err := d.conn.Read(d.step)
	if d.room = nil; err == nil {
		err = d.err
	}
	return d.n, err
}

// read reads and answers until nothing is there, which is false, or until it has to
// return.
func (d *drain) read(fd uintptr) (done bool) {
	for {
		n, more, err := d.receive(fd)
		switch {
		case err == unix.EAGAIN:
			return false
		case err == unix.EINTR:
			continue
		case err != 0:
			d.err = os.NewSyscallError("recvmsg", err)
			return true
		case n == 0:
			d.err = io.EOF
			return true
		}
		if d.n, d.err = d.answer(d.room[:n]); d.n > 0 || d.err != nil {
			return true
		}
		if !more {
			return false
		}
	}
}

// receive reads what is there, beside the runtime, since it never waits. more says
// whether the system has more, its end among it, or does not tell.
func (d *drain) receive(fd uintptr) (n int, more bool, err syscall.Errno) {
	d.vector.Base = &d.room[0]
	d.vector.SetLen(len(d.room))
	d.message = unix.Msghdr{Iov: &d.vector, Control: &d.control[0]}
	d.message.SetIovlen(1)
	d.message.SetControllen(len(d.control))
	got, _, err := unix.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&d.message)), unix.MSG_DONTWAIT)
	d.vector.Base = nil
	head := (*unix.Cmsghdr)(unsafe.Pointer(&d.control[0]))
	told := err == 0 && int(d.message.Controllen) >= cmsgHead+4 && head.Level == unix.SOL_TCP && head.Type == unix.TCP_CM_INQ
	return int(got), !told || *(*int32)(unsafe.Pointer(&d.control[cmsgHead])) != 0, err
}

// askWhatIsLeft has connections that a listener accepts tell with what is read whether
// more is there, or their end (TCP_INQ; Linux 4.18). Where the system does not, they
// are asked.
func askWhatIsLeft(l net.Listener) {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_INQ, 1) })
	}
}
