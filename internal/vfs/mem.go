package vfs

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ErrCrashed is the error of every operation on a Mem that has lost power.
var ErrCrashed = errors.New("the machine has lost power")

// Mem is an FS in memory that can lose power. Goroutines may share it. Its times
// are those of a clock that ticks with each change, so that what happens is the
// same each time.
//
// Nothing is durable but what was synced: content by File.Sync, names by SyncDir.
// See Crash for what may be found of the rest.
type Mem struct {
	mu       sync.Mutex // guards what follows, and every node
	names    map[string]entry
	durable  map[string]entry
	pending  []*renaming // since they were synced, oldest first
	locks    map[*node]bool
	start    time.Time // a midnight before it was made, so that nothing in it looks new, or old
	clock    int64     // nanoseconds since then
	inodes   uint64
	capacity int64 // bytes; 0 means no limit
	fold     bool
	dead     bool
}

// entry is what a name stands for. Its key in Mem.names is the path, in lower
// case where names that differ only in case are one.
type entry struct {
	*node
	base string // the last element of the path as it was written
}

var _ FS = (*Mem)(nil)

// NewMem returns an empty FS.
func NewMem() *Mem {
	root := entry{&node{mode: fs.ModeDir | dirMode}, "."}
	return &Mem{
		names: map[string]entry{".": root}, durable: map[string]entry{".": root}, locks: map[*node]bool{},
		start: time.Now().Add(-time.Hour).Truncate(24 * time.Hour),
	}
}

// NewMemFolding returns an empty FS that takes names which differ only in case
// for one, as those of macOS and Windows do.
func NewMemFolding() *Mem {
	m := NewMem()
	m.fold = true
	return m
}

// SetCapacity bounds the bytes of all files that have a name; 0 means no limit.
// Writes past it fail with ENOSPC after as many bytes as fit.
func (m *Mem) SetCapacity(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacity = bytes
}

// begin checks names of files and takes the lock; the caller gives it back when
// there is no error.
func (m *Mem) begin(op string, names ...string) error {
	for _, name := range names {
		if err := checkName(op, name); err != nil {
			return err
		}
	}
	return m.lockAlive(op, names[0])
}

// beginFolder is begin for what "." is a name of too.
func (m *Mem) beginFolder(op, name string) error {
	if err := checkFolder(op, name); err != nil {
		return err
	}
	return m.lockAlive(op, name)
}

func (m *Mem) lockAlive(op, name string) error {
	m.mu.Lock()
	if m.dead {
		m.mu.Unlock()
		return pathError(op, name, ErrCrashed)
	}
	m.clock++
	return nil
}

func (m *Mem) now() time.Time { return m.start.Add(time.Duration(m.clock)) }

// key returns the key of a name in Mem.names.
func (m *Mem) key(name string) string {
	if m.fold {
		return strings.ToLower(name)
	}
	return name
}

// lookup returns what a name stands for.
func (m *Mem) lookup(name string) (entry, error) {
	e := m.names[m.key(name)]
	if e.node != nil {
		return e, nil
	}
	if err := m.parent(name); err != nil {
		return e, err
	}
	return e, fs.ErrNotExist
}

// parent says why a name cannot be made, if what it would be in is no directory.
func (m *Mem) parent(name string) error {
	if name == "." {
		return nil
	}
	folder, err := m.lookup(path.Dir(name))
	if err == nil && !folder.mode.IsDir() {
		err = syscall.ENOTDIR
	}
	return err
}

// file is lookup for what must not be a directory.
func (m *Mem) file(name string) (entry, error) {
	e, err := m.lookup(name)
	if err == nil && e.mode.IsDir() {
		err = ErrNotRegular
	}
	return e, err
}

// folder is lookup for what must be a directory.
func (m *Mem) folder(name string) error {
	e, err := m.lookup(name)
	if err == nil && !e.mode.IsDir() {
		err = syscall.ENOTDIR
	}
	return err
}

// Open is described at FS.
func (m *Mem) Open(name string) (File, error) { return m.open(name, false) }

// OpenWrite is described at FS.
func (m *Mem) OpenWrite(name string) (File, error) { return m.open(name, true) }

func (m *Mem) open(name string, write bool) (File, error) {
	if err := m.begin("open", name); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	e, err := m.lookup(name)
	if err == nil && !e.mode.IsRegular() {
		err = ErrNotRegular
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &memFile{m: m, n: e.node, name: name, write: write}, nil
}

// Stat is described at FS.
func (m *Mem) Stat(name string) (Info, error) {
	if err := m.beginFolder("stat", name); err != nil {
		return Info{}, err
	}
	defer m.mu.Unlock()
	e, err := m.lookup(name)
	if err != nil {
		return Info{}, pathError("stat", name, err)
	}
	return e.info(path.Base(name)), nil
}

// List is described at FS.
func (m *Mem) List(name string) ([]Info, error) {
	if err := m.beginFolder("list", name); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if err := m.folder(name); err != nil {
		return nil, pathError("list", name, err)
	}
	var infos []Info
	for key, e := range m.names {
		if key != "." && path.Dir(key) == m.key(name) {
			infos = append(infos, e.info(e.base))
		}
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

// Free is described at FS.
func (m *Mem) Free() (bytes, files int64, err error) {
	if err := m.beginFolder("free", "."); err != nil {
		return 0, 0, err
	}
	defer m.mu.Unlock()
	if m.capacity == 0 {
		return 1 << 60, math.MaxInt64, nil
	}
	return max(m.capacity-m.used(), 0), math.MaxInt64, nil
}

// used returns the bytes of all files. What a crash left under two names counts
// once.
func (m *Mem) used() (n int64) {
	seen := map[*node]bool{}
	for _, e := range m.names {
		if !seen[e.node] {
			n += int64(len(e.data))
			seen[e.node] = true
		}
	}
	return n
}

// named reports whether a file has a name.
func (m *Mem) named(n *node) bool {
	for _, e := range m.names {
		if e.node == n {
			return true
		}
	}
	return false
}

// Close does nothing: the files stay.
func (m *Mem) Close() error { return nil }

// Settle makes everything durable.
func (m *Mem) Settle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending, m.durable = nil, map[string]entry{}
	for key, e := range m.names {
		m.durable[key] = e
		e.forgotten = nil
		e.sync()
	}
}

// ReadFile returns the content of a file.
func (m *Mem) ReadFile(name string) ([]byte, error) {
	f, err := m.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, info.Identity.Size)
	_, err = io.ReadFull(io.NewSectionReader(f, 0, info.Identity.Size), b)
	return b, err
}

// WriteFile writes a file in place, as a simple editor does: it is cut, written,
// and not synced.
func (m *Mem) WriteFile(name string, text []byte) error {
	f, err := m.OpenWrite(name)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = m.Create(name)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt(text, 0)
	return err
}
