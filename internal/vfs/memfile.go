package vfs

import (
	"io"
	"io/fs"
	"slices"
	"syscall"
	"time"
)

const (
	sector = 512  // bytes that are written as one
	page   = 4096 // bytes that a system reads, writes and forgets as one
)

// node is a file, a directory or a link of a Mem, whose lock guards it.
type node struct {
	inode             uint64
	mode              fs.FileMode
	uid, gid          int
	modified, changed time.Time
	data              []byte
	durable           []byte       // the content as it was synced
	forgotten         map[int]bool // pages whose sync failed: clean, and not durable
}

func (n *node) info(name string) Info {
	return Info{
		Name: name, Mode: n.mode, UID: n.uid, GID: n.gid,
		Identity: Identity{Device: 1, Inode: n.inode, Size: int64(len(n.data)), Modified: n.modified, Changed: n.changed},
	}
}

// write writes and makes the pages dirty.
func (n *node) write(p []byte, off int64) {
	if len(p) == 0 {
		return
	}
	if end := off + int64(len(p)); end > int64(len(n.data)) {
		n.data = append(n.data, make([]byte, end-int64(len(n.data)))...)
	}
	copy(n.data[off:], p)
	for at := off / page; at*page < off+int64(len(p)); at++ {
		delete(n.forgotten, int(at))
	}
}

// sync makes durable what is dirty.
func (n *node) sync() {
	next := slices.Clone(n.data)
	for at := range n.forgotten {
		for i := at * page; i < min((at+1)*page, len(next)); i++ {
			next[i] = n.old(i)
		}
	}
	n.durable = next
}

// old returns a byte as it was synced, zero past the end.
func (n *node) old(i int) byte {
	if i < len(n.durable) {
		return n.durable[i]
	}
	return 0
}

// forget is what a system does when a sync fails: the pages are clean from then
// on, though they are not on disk.
func (n *node) forget() {
	for at := 0; at*page < len(n.data); at++ {
		end := min((at+1)*page, len(n.data))
		for i := at * page; i < end; i++ {
			if i >= len(n.durable) || n.data[i] != n.durable[i] {
				if n.forgotten == nil {
					n.forgotten = map[int]bool{}
				}
				n.forgotten[at] = true
				break
			}
		}
	}
}

// survive returns the node as it may be found after the loss of power.
func (n *node) survive(choose func(int) int) *node {
	c := *n
	c.forgotten = nil
	short, long := len(n.durable), len(n.data)
	size := short
	if long >= short {
		size += choose(long - short + 1)
	} else {
		size -= choose(short - long + 1)
	}
	c.data = make([]byte, size)
	for at := 0; at < size; at += sector {
		end := min(at+sector, size)
		fresh := n.differs(at, end) && choose(2) == 1
		for i := at; i < end; i++ {
			if c.data[i] = n.old(i); fresh && i < len(n.data) {
				c.data[i] = n.data[i]
			}
		}
	}
	c.durable = slices.Clone(c.data)
	return &c
}

func (n *node) differs(from, to int) bool {
	for i := from; i < min(to, len(n.data)); i++ {
		if n.data[i] != n.old(i) {
			return true
		}
	}
	return false
}

// memFile is an open file of a Mem.
type memFile struct {
	m     *Mem
	n     *node
	name  string
	write bool
}

var _ File = (*memFile)(nil)

// begin takes the lock; the caller gives it back when there is no error.
func (f *memFile) begin(op string) error {
	f.m.mu.Lock()
	if f.m.dead {
		f.m.mu.Unlock()
		return pathError(op, f.name, ErrCrashed)
	}
	f.m.clock++
	return nil
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.begin("read"); err != nil {
		return 0, err
	}
	defer f.m.mu.Unlock()
	if off >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[off:])
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
	if !f.write {
		return 0, pathError("write", f.name, syscall.EBADF)
	}
	n := f.m.fits(f.n, p, off)
	f.n.write(p[:n], off)
	f.n.modified, f.n.changed = f.m.now(), f.m.now()
	if n < len(p) {
		return n, pathError("write", f.name, syscall.ENOSPC)
	}
	return n, nil
}

// fits returns how many bytes can be written.
func (m *Mem) fits(n *node, p []byte, off int64) int {
	if m.capacity == 0 {
		return len(p)
	}
	room := m.capacity - m.used() + max(int64(len(n.data))-off, 0)
	return int(min(max(room, 0), int64(len(p))))
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

func (f *memFile) Truncate(size int64) error {
	if err := f.begin("truncate"); err != nil {
		return err
	}
	defer f.m.mu.Unlock()
	if !f.write {
		return pathError("truncate", f.name, syscall.EINVAL)
	}
	if grow := size - int64(len(f.n.data)); grow > 0 {
		f.n.data = append(f.n.data, make([]byte, grow)...)
	}
	f.n.data = f.n.data[:size:size]
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

func (f *memFile) CopyOwner(info Info) error {
	if err := f.begin("copyowner"); err != nil {
		return err
	}
	defer f.m.mu.Unlock()
	f.n.mode, f.n.uid, f.n.gid, f.n.changed = info.Mode, info.UID, info.GID, f.m.now()
	return nil
}

func (f *memFile) Close() error { return nil }
