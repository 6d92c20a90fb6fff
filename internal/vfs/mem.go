package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
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
	names    map[string]*node
	durable  map[string]*node
	pending  []*renaming // since they were synced, oldest first
	locks    map[*node]string
	clock    int64
	inodes   uint64
	capacity int64 // bytes; 0 means no limit
	fold     bool
	dead     bool
}

// renaming is an operation on names that is not durable as a whole.
type renaming struct{ changes []change }

// change is what a renaming does to one name: it comes to stand for a node, or
// for nothing.
type change struct {
	name   string
	node   *node
	synced bool
}

var _ FS = (*Mem)(nil)

// NewMem returns an empty FS.
func NewMem() *Mem {
	root := &node{mode: fs.ModeDir | dirMode}
	return &Mem{
		names: map[string]*node{".": root}, durable: map[string]*node{".": root}, locks: map[*node]string{},
	}
}

// NewMemFolding returns an empty FS that takes names which differ only in case
// for one, as those of macOS and Windows do.
func NewMemFolding() *Mem {
	m := NewMem()
	m.fold = true
	return m
}

// SetCapacity bounds the bytes of all files; 0 means no limit. Writes past it
// fail with ENOSPC after as many bytes as fit.
func (m *Mem) SetCapacity(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacity = bytes
}

// key returns how a name is stored.
func (m *Mem) key(name string) string {
	if !m.fold {
		return name
	}
	for have := range m.names {
		if strings.EqualFold(have, name) {
			return have
		}
	}
	return name
}

// begin checks a name and takes the lock; the caller gives it back when there is
// no error.
func (m *Mem) begin(op string, names ...string) error {
	for _, name := range names {
		if err := checkFolder(op, name); err != nil {
			return err
		}
	}
	m.mu.Lock()
	if m.dead {
		m.mu.Unlock()
		return pathError(op, names[0], ErrCrashed)
	}
	m.clock++
	return nil
}

// lookup returns what a name stands for.
func (m *Mem) lookup(name string) (*node, error) {
	if parent := m.names[m.key(path.Dir(name))]; parent == nil {
		return nil, fs.ErrNotExist
	} else if !parent.mode.IsDir() {
		return nil, syscall.ENOTDIR
	}
	n := m.names[m.key(name)]
	if n == nil {
		return nil, fs.ErrNotExist
	}
	return n, nil
}

func (m *Mem) now() time.Time { return time.Unix(1, m.clock) }

// rename carries out an operation on names, which is not durable yet.
func (m *Mem) rename(changes ...change) {
	for _, c := range changes {
		if c.node == nil {
			delete(m.names, c.name)
		} else {
			m.names[c.name] = c.node
			c.node.changed = m.now()
		}
	}
	m.pending = append(m.pending, &renaming{changes})
}

func (m *Mem) newNode(mode fs.FileMode) *node {
	m.inodes++
	return &node{inode: m.inodes, mode: mode, modified: m.now(), changed: m.now()}
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
	n, err := m.lookup(name)
	if err == nil && !n.mode.IsRegular() {
		err = ErrNotRegular
	}
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &memFile{m, n, name, write}, nil
}

// Create is described at FS.
func (m *Mem) Create(name string) (File, error) {
	n, err := m.make("create", name, fileMode)
	if err != nil {
		return nil, err
	}
	return &memFile{m, n, name, true}, nil
}

// make makes what does not exist yet.
func (m *Mem) make(op, name string, mode fs.FileMode) (*node, error) {
	if err := m.begin(op, name); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	n, err := m.lookup(name)
	switch {
	case err == nil:
		return n, pathError(op, name, fs.ErrExist)
	case m.names[m.key(path.Dir(name))] == nil:
		return nil, pathError(op, name, fs.ErrNotExist)
	case err != fs.ErrNotExist:
		return nil, pathError(op, name, err)
	}
	n = m.newNode(mode)
	m.rename(change{name: name, node: n})
	return n, nil
}

// Mkdir is described at FS.
func (m *Mem) Mkdir(name string) error {
	n, err := m.make("mkdir", name, fs.ModeDir|dirMode)
	if errors.Is(err, fs.ErrExist) && n.mode.IsDir() {
		return nil
	}
	return err
}

// Symlink makes a symbolic link, which leads nowhere here: it is for tests of
// what is refused.
func (m *Mem) Symlink(name string) error {
	_, err := m.make("symlink", name, fs.ModeSymlink|0o777)
	return err
}

// Remove is described at FS.
func (m *Mem) Remove(name string) error {
	if err := m.begin("remove", name); err != nil {
		return err
	}
	defer m.mu.Unlock()
	n, err := m.lookup(name)
	if err == nil && n.mode.IsDir() {
		err = ErrNotRegular
	}
	if err != nil {
		return pathError("remove", name, err)
	}
	m.rename(change{name: m.key(name)})
	return nil
}

// Rename is described at FS.
func (m *Mem) Rename(from, to string) error { return m.move("rename", from, to, true) }

// RenameNew is described at FS.
func (m *Mem) RenameNew(from, to string) error { return m.move("rename", from, to, false) }

func (m *Mem) move(op, from, to string, replace bool) error {
	if err := m.begin(op, from, to); err != nil {
		return err
	}
	defer m.mu.Unlock()
	n, err := m.lookup(from)
	if err == nil && n.mode.IsDir() {
		err = ErrNotRegular
	}
	old, missing := m.lookup(to)
	switch {
	case err != nil:
	case missing == nil && old.mode.IsDir():
		err = ErrNotRegular
	case missing == nil && !replace:
		err = fs.ErrExist
	case missing != nil && m.names[m.key(path.Dir(to))] == nil:
		err = missing
	}
	if err != nil {
		return linkError(op, from, to, err)
	}
	m.rename(change{name: m.key(to), node: n}, change{name: m.key(from)})
	return nil
}

// Exchange is described at FS.
func (m *Mem) Exchange(a, b string) error {
	if err := m.begin("exchange", a, b); err != nil {
		return err
	}
	defer m.mu.Unlock()
	na, err := m.lookup(a)
	nb, err2 := m.lookup(b)
	if err = errors.Join(err, err2); err == nil && (na.mode.IsDir() || nb.mode.IsDir()) {
		err = ErrNotRegular
	}
	if err != nil {
		return linkError("exchange", a, b, err)
	}
	m.rename(change{name: m.key(a), node: nb}, change{name: m.key(b), node: na})
	return nil
}

// Stat is described at FS.
func (m *Mem) Stat(name string) (Info, error) {
	if err := m.begin("stat", name); err != nil {
		return Info{}, err
	}
	defer m.mu.Unlock()
	n, err := m.lookup(name)
	if err != nil {
		return Info{}, pathError("stat", name, err)
	}
	return n.info(path.Base(name)), nil
}

// List is described at FS.
func (m *Mem) List(name string) ([]Info, error) {
	if err := m.begin("list", name); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	if n, err := m.lookup(name); err != nil || !n.mode.IsDir() {
		return nil, pathError("list", name, errors.Join(err, errNotDir(n)))
	}
	var infos []Info
	for have, n := range m.names {
		if have != "." && path.Dir(have) == m.key(name) {
			infos = append(infos, n.info(path.Base(have)))
		}
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

func errNotDir(n *node) error {
	if n != nil && !n.mode.IsDir() {
		return syscall.ENOTDIR
	}
	return nil
}

// SyncDir is described at FS.
func (m *Mem) SyncDir(name string) error {
	if err := m.begin("syncdir", name); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if n, err := m.lookup(name); err != nil || !n.mode.IsDir() {
		return pathError("syncdir", name, errors.Join(err, errNotDir(n)))
	}
	for _, r := range m.pending {
		for i := range r.changes {
			if c := &r.changes[i]; !c.synced && path.Dir(c.name) == m.key(name) {
				set(m.durable, *c)
				c.synced = true
			}
		}
	}
	m.pending = slices.DeleteFunc(m.pending, func(r *renaming) bool {
		return !slices.ContainsFunc(r.changes, func(c change) bool { return !c.synced })
	})
	return nil
}

func set(names map[string]*node, c change) {
	if c.node == nil {
		delete(names, c.name)
		return
	}
	names[c.name] = c.node
}

// Free is described at FS.
func (m *Mem) Free() (int64, error) {
	if err := m.begin("free", "."); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	if m.capacity == 0 {
		return 1 << 60, nil
	}
	return max(m.capacity-m.used(), 0), nil
}

func (m *Mem) used() (n int64) {
	seen := map[*node]bool{}
	for _, f := range m.names {
		if !seen[f] {
			n += int64(len(f.data))
			seen[f] = true
		}
	}
	return n
}

// Lock is described at FS.
func (m *Mem) Lock(name, owner string) (io.Closer, error) {
	n, err := m.make("lock", name, fileMode)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if by, ok := m.locks[n]; ok {
		return nil, pathError("lock", name, &LockedError{Owner: by})
	}
	m.locks[n] = owner
	n.write([]byte(owner), 0)
	return unlocker{m, n}, nil
}

type unlocker struct {
	m *Mem
	n *node
}

func (u unlocker) Close() error {
	u.m.mu.Lock()
	defer u.m.mu.Unlock()
	delete(u.m.locks, u.n)
	return nil
}

// Close does nothing: the files stay.
func (m *Mem) Close() error { return nil }

// Settle makes everything durable.
func (m *Mem) Settle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pending, m.durable = nil, map[string]*node{}
	for name, n := range m.names {
		m.durable[name] = n
		n.durable, n.forgotten = slices.Clone(n.data), nil
	}
}

// ReadFile returns the content of a file.
func (m *Mem) ReadFile(name string) ([]byte, error) {
	f, err := m.Open(name)
	if err != nil {
		return nil, err
	}
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
	if errors.Is(err, os.ErrNotExist) {
		f, err = m.Create(name)
	}
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt(text, 0)
	return err
}
