package vfs

import (
	"errors"
	"io"
	"io/fs"
	"strings"
)

// Lock is described at FS.
func (m *Mem) Lock(name, owner string) (io.Closer, error) {
	if err := m.begin("lock", name); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	n, err := m.make("lock", name, fileMode)
	switch {
	case err != nil && !errors.Is(err, fs.ErrExist):
		return nil, err
	case !n.mode.IsRegular():
		return nil, pathError("lock", name, ErrNotRegular)
	case m.locks[n]:
		return nil, pathError("lock", name, &LockedError{Owner: n.owner()})
	}
	m.locks[n] = true
	n.resize(0)
	if m.fits(n, len(owner), 0) == len(owner) {
		n.write([]byte(owner), 0)
	}
	n.modified, n.changed = m.now(), m.now()
	return &memLock{m: m, n: n}, nil
}

// owner returns what the holder of a lock wrote into its file.
func (n *node) owner() string {
	return strings.TrimSpace(string(n.data[:min(len(n.data), maxOwner)]))
}

// memLock is a lock that is held until it is closed.
type memLock struct {
	m      *Mem
	n      *node
	closed bool // the Mem's lock guards it
}

func (l *memLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if l.closed {
		return fs.ErrClosed
	}
	l.closed = true
	delete(l.m.locks, l.n)
	return nil
}
