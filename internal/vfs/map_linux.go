package vfs

import (
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Mapping is the content of a file as memory. Goroutines share it.
type Mapping struct {
	bytes  []byte
	rests  atomic.Int64 // until when it is not used, in nanoseconds after the process began
	faults atomic.Int64 // major ones of the process, when a read was slow last
}

// MostMapped is how many bytes one Read of a Mapping may be of. More of them cost
// as much through the file.
const MostMapped = 16 << 10

// While memory that is not there is waited for, the runtime misses a processor;
// it gets it back while a file is read. So whoever waited longer than memory
// takes lets others ask the file for a while, and no more than a tenth of the time
// is missed. A thread that waited for a processor looks the same, but for the
// process's major faults: a page that had to be read is one.
const (
	slow     = 50 * time.Microsecond
	restsFor = 10 // times what was waited
)

var began = time.Now()

// Map returns the first bytes of a file as a mapping, nil where there is none: of
// what is no file of the system's, of nothing, and where addresses are scarce.
// It costs some microseconds, and the descriptor may be closed before the
// mapping.
func Map(f File, size int64) *Mapping {
	const addressesAreMany = ^uintptr(0)>>32 > 0
	real, ok := f.(*file)
	if !ok || size == 0 || int64(int(size)) != size || !addressesAreMany {
		return nil
	}
	b, err := mapFile(real.File, int(size))
	if err != nil {
		return nil
	}
	m := &Mapping{bytes: b}
	m.faults.Store(majorFaults())
	return m
}

func mapFile(f *os.File, size int) (b []byte, err error) {
	err = withDescriptor(f, func(fd int) (err error) {
		b, err = unix.Mmap(fd, 0, size, unix.PROT_READ, unix.MAP_SHARED)
		return err
	})
	return b, err
}

// Read fills p, of at most MostMapped bytes, from an offset on, and costs a fifth of
// what the file's ReadAt does. It is false when that was cut off the file, or when
// the file is to be asked since its content is not all in memory: then p holds
// anything.
func (m *Mapping) Read(p []byte, offset int64) bool {
	if len(p) == 0 || len(p) > MostMapped || offset < 0 || offset > int64(len(m.bytes)-len(p)) {
		return false
	}
	before := time.Since(began)
	if int64(before) < m.rests.Load() {
		return false
	}
	ok := copyMapped(p, m.bytes[offset:])
	if took := time.Since(began) - before; took > slow {
		m.waited(before, took, majorFaults())
	}
	return ok
}

// waited lets the mapping rest after a read that began at a moment and took too
// long, if memory was to blame.
func (m *Mapping) waited(at, took time.Duration, faults int64) {
	if m.faults.Swap(faults) != faults {
		m.rests.Store(int64(at + (1+restsFor)*took))
	}
}

// majorFaults returns how often this process has waited for a page; a number that
// was never there when the system does not tell.
func majorFaults() int64 {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return -int64(time.Since(began))
	}
	return int64(usage.Majflt)
}

// copyMapped is copy; false when the bytes were cut off the file, which is a fault.
func copyMapped(p, from []byte) (ok bool) {
	defer func() { ok = recover() == nil }()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	copy(p, from)
	return true
}

// Close lets the mapping go. Nobody may read it any more.
func (m *Mapping) Close() error {
	if m == nil {
		return nil
	}
	return unix.Munmap(m.bytes)
}
