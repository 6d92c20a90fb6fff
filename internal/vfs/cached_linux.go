package vfs

import (
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mostCached is how many bytes are read as cached at the most: they are copied
// within some microseconds.
const mostCached = 16 << 10

// cached reads what the system has of a file in its memory. It waits for no disk, so
// the runtime is not told of it, which would cost as much as the copy. The zero
// value reads nothing. Goroutines share it.
type cached struct {
	conn    syscall.RawConn
	refused atomic.Bool // by the kernel, or for this file system
}

// of sets the file.
func (c *cached) of(f *os.File) {
	if conn, err := f.SyscallConn(); err == nil {
		c.conn = conn
	}
}

// read fills p from an offset on. It is false when the file is to be asked: not all
// is in memory, there are fewer bytes, or too many are wanted. Then p holds anything.
func (c *cached) read(p []byte, offset int64) bool {
	if len(p) == 0 || len(p) > mostCached || offset < 0 || c.conn == nil || c.refused.Load() {
		return false
	}
	r := cachedReads.Get().(*cachedRead)
	r.to.Base = &p[0]
	r.to.SetLen(len(p))
	r.offset, r.n, r.errno = offset, 0, 0
	err := c.conn.Control(r.do)
	if r.errno != 0 && r.errno != unix.EAGAIN && r.errno != unix.EINTR {
		c.refused.Store(true) // an error of the disk is met again by who asks the file
	}
	ok := err == nil && r.errno == 0 && r.n == len(p)
	r.to.Base = nil
	cachedReads.Put(r)
	return ok
}

// cachedRead is one read. It is used again, so that none costs an allocation.
type cachedRead struct {
	to     unix.Iovec
	offset int64
	n      int
	errno  syscall.Errno
	do     func(fd uintptr) // run
}

var cachedReads = sync.Pool{New: func() any {
	r := &cachedRead{}
	r.do = r.run
	return r
}}

// run asks for what is in memory (RWF_NOWAIT, preadv2(2); Linux 4.14).
func (r *cachedRead) run(fd uintptr) {
	low, high := uintptr(r.offset), uintptr(uint64(r.offset)>>32) // the second is for 32 bits
	n, _, errno := unix.RawSyscall6(unix.SYS_PREADV2, fd, uintptr(unsafe.Pointer(&r.to)), 1, low, high, unix.RWF_NOWAIT)
	if r.errno = errno; errno == 0 {
		r.n = int(n)
	}
}
