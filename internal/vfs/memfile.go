package vfs

import (
	"io"
	"io/fs"
	"syscall"
)

// memFile is an open file of a Mem, whose lock guards it.
type memFile struct {
	m      *Mem
	n      *node
	name   string
	write  bool
	closed bool
}

var _ File = (*memFile)(nil)

// begin takes the lock; the caller gives it back when there is no error.
func (f *memFile) begin(op string) error {
	if err := f.m.lockAlive(op, f.name); err != nil {
		return err
	}
	if f.closed {
		f.m.mu.Unlock()
		return pathError(op, f.name, fs.ErrClosed)
	}
	return nil
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.begin("read"); err != nil {
		return 0, err
	}
	defer f.m.mu.Unlock()
	if off < 0 {
		return 0, pathError("read", f.name, fs.ErrInvalid)
	}
	n := copy(p, f.n.data[min(off, int64(len(f.n.data))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.begin("write"); err != nil {
		return 0, err
	}
	defer f.m.mu.Unlock()
	switch {
	case !f.write:
		return 0, pathError("write", f.name, syscall.EBADF)
	case off < 0:
		return 0, pathError("write", f.name, fs.ErrInvalid)
	}
	n := f.m.fits(f.n, len(p), off)
	f.n.write(p[:n], off)
	f.n.modified, f.n.changed = f.m.now(), f.m.now()
	if n < len(p) {
		return n, pathError("write", f.name, syscall.ENOSPC)
	}
	return n, nil
}

// fits returns how many of so many bytes can be written.
func (m *Mem) fits(n *node, bytes int, off int64) int {
	if m.capacity == 0 {
		return bytes
	}
	room := m.capacity - m.used() + max(int64(len(n.data))-off, 0)
	return int(min(max(room, 0), int64(bytes)))
}

func (f *memFile) Sync() error {
	if err := f.begin("sync"); err != nil {
		return err
	}
	defer f.m.mu.Unlock()
	f.n.sync()
	return nil
}

// forget is for Fault: see node.forget.
func (f *memFile) forget() {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.n.forget()
}

// WriteBack does nothing: what is not synced survives a crash or does not, as it comes.
func (f *memFile) WriteBack(int64, int64) {}

func (f *memFile) Truncate(size int64) error {
	if err := f.begin("truncate"); err != nil {
		return err
	}
	defer f.m.mu.Unlock()
	if !f.write || size < 0 {
		return pathError("truncate", f.name, syscall.EINVAL)
	}
	f.n.resize(int(size))
	f.n.modified, f.n.changed = f.m.now(), f.m.now()
	return nil
}

func (f *memFile) Stat() (Info, error) {
	if err := f.begin("stat"); err != nil {
		return Info{}, err
	}
	defer f.m.mu.Unlock()
	return f.n.info(""), nil
}

func (f *memFile) Removed() (bool, error) {
	if err := f.begin("stat"); err != nil {
		return false, err
	}
	defer f.m.mu.Unlock()
	return !f.m.named(f.n), nil
}

func (f *memFile) CopyOwner(info Info) error {
	if err := f.begin("copyowner"); err != nil {
		return err
	}
	defer f.m.mu.Unlock()
	f.n.mode = f.n.mode.Type() | info.Mode.Perm()
	f.n.uid, f.n.gid, f.n.changed = info.UID, info.GID, f.m.now()
	return nil
}

func (f *memFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return pathError("close", f.name, fs.ErrClosed)
	}
	f.closed = true
	return nil
}
