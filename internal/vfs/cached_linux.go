package vfs

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mostCached is how many bytes are read as cached at the most: they are copied
// within some microseconds.
const mostCached = 16 << 10

// cached reads what the system has of a file in its memory. It waits for no disk, so
// the runtime is not told of it, which would cost as much as the copy. It keeps the
// descriptor at hand, and who reads counts as its user, so that it is not another
// file's: what os.File has for that is in memory that no cache has when many files are
// read in turn. The zero value reads nothing. Goroutines share it.
type cached struct {
	fd      int
	users   atomic.Int64 // and opened, until it is closed
	refused atomic.Bool  // by the kernel, or for this file system
}

const opened = 1 << 40

// of sets the file, which must not be closed before close. Where the file is ours the
// system does not note any more when it was read, which would make it look at more of
// the file each time, and write now and then.
func (c *cached) of(f *os.File) {
	withDescriptor(f, func(fd int) error {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err == nil {
			unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags|unix.O_NOATIME) // refused for another's file
		}
		c.fd = fd
		c.users.Store(opened)
		return nil
	})
}

// close waits for those who read, which takes microseconds. Nothing is read any more.
func (c *cached) close() {
	for n := c.users.Load(); n >= opened; n = c.users.Load() {
		if c.users.CompareAndSwap(n, n-opened) {
			break
		}
	}
	for c.users.Load() > 0 {
		runtime.Gosched()
	}
}

// read fills p from an offset on. It is false when the file is to be asked: not all
// is in memory, there are fewer bytes, or too many are wanted. Then p holds anything.
func (c *cached) read(p []byte, offset int64) bool {
	if len(p) == 0 || len(p) > mostCached || offset < 0 || c.refused.Load() {
		return false
	}
	defer c.users.Add(-1)
	if c.users.Add(1) < opened {
		return false
	}
	to := ioVectors.Get().(*unix.Iovec)
	to.Base = &p[0]
	to.SetLen(len(p))
	// What is in memory, or EAGAIN (RWF_NOWAIT, preadv2(2); Linux 4.14).
	low, high := uintptr(offset), uintptr(uint64(offset)>>32) // the second is for 32 bits
	n, _, errno := unix.RawSyscall6(unix.SYS_PREADV2, uintptr(c.fd), uintptr(unsafe.Pointer(to)), 1, low, high, unix.RWF_NOWAIT)
	to.Base = nil
	ioVectors.Put(to)
	if errno != 0 && errno != unix.EAGAIN && errno != unix.EINTR {
		c.refused.Store(true) // an error of the disk is met again by who asks the file
	}
	return errno == 0 && int(n) == len(p)
}

// ioVectors are used again, so that a read costs no allocation.
var ioVectors = sync.Pool{New: func() any { return new(unix.Iovec) }}
