package vfs

import (
	"errors"
	"io/fs"
	"path"
	"slices"
)

// renaming is an operation on names that is not durable as a whole.
type renaming struct{ changes []change }

// change is what a renaming does to one name: it comes to stand for something,
// or, where the entry is empty, for nothing.
type change struct {
	key    string
	entry  entry
	synced bool
}

// change returns the change of a name to stand for n, or for nothing.
func (m *Mem) change(name string, n *node) change {
	if n == nil {
		return change{key: m.key(name)}
	}
	return change{key: m.key(name), entry: entry{n, path.Base(name)}}
}

func set(names map[string]entry, c change) {
	if c.entry.node == nil {
		delete(names, c.key)
		return
	}
	names[c.key] = c.entry
}

// rename carries out an operation on names, which is not durable yet.
func (m *Mem) rename(changes ...change) {
	for _, c := range changes {
		m.touch(m.names[c.key].node)
		set(m.names, c)
		m.touch(c.entry.node)
		folder := m.names[path.Dir(c.key)]
		folder.modified, folder.changed = m.now(), m.now()
	}
	m.pending = append(m.pending, &renaming{changes})
}

// touch notes that a file has got or lost a name.
func (m *Mem) touch(n *node) {
	if n != nil {
		n.changed = m.now()
	}
}

// Create is described at FS.
func (m *Mem) Create(name string) (File, error) {
	if err := m.begin("create", name); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	n, err := m.make("create", name, fileMode)
	if err != nil {
		return nil, err
	}
	return &memFile{m: m, n: n, name: name, write: true}, nil
}

// make makes what does not exist yet. What does it returns with the error.
func (m *Mem) make(op, name string, mode fs.FileMode) (*node, error) {
	e, err := m.lookup(name)
	if err == nil {
		return e.node, pathError(op, name, fs.ErrExist)
	}
	if err := m.parent(name); err != nil {
		return nil, pathError(op, name, err)
	}
	m.inodes++
	n := &node{inode: m.inodes, mode: mode, modified: m.now()}
	m.rename(m.change(name, n))
	return n, nil
}

// Mkdir is described at FS.
func (m *Mem) Mkdir(name string) error {
	if err := m.begin("mkdir", name); err != nil {
		return err
	}
	defer m.mu.Unlock()
	n, err := m.make("mkdir", name, fs.ModeDir|dirMode)
	if errors.Is(err, fs.ErrExist) && n.mode.IsDir() {
		return nil
	}
	return err
}

// Symlink makes a symbolic link, which leads nowhere here: it is for tests of
// what is refused.
func (m *Mem) Symlink(name string) error {
	if err := m.begin("symlink", name); err != nil {
		return err
	}
	defer m.mu.Unlock()
	_, err := m.make("symlink", name, fs.ModeSymlink|0o777)
	return err
}

// Remove is described at FS.
func (m *Mem) Remove(name string) error {
	if err := m.begin("remove", name); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if _, err := m.file(name); err != nil {
		return pathError("remove", name, err)
	}
	m.rename(m.change(name, nil))
	return nil
}

// Rename is described at FS.
func (m *Mem) Rename(from, to string) error {
	return m.two("rename", from, to, func() error {
		old, err := m.file(to)
		if err != nil && err != fs.ErrNotExist {
			return err
		}
		return m.move(from, to, old.node)
	})
}

// RenameNew is described at FS.
func (m *Mem) RenameNew(from, to string) error {
	return m.two("rename", from, to, func() error {
		if _, err := m.lookup(to); err == nil {
			return fs.ErrExist
		}
		return m.move(from, to, nil)
	})
}

// move renames to a name that stands for old, or for nothing.
func (m *Mem) move(from, to string, old *node) error {
	if err := m.parent(to); err != nil {
		return err
	}
	n := m.names[m.key(from)].node
	switch {
	case m.key(from) == m.key(to):
		m.rename(m.change(to, n)) // at most another case
	case old != n:
		m.rename(m.change(to, n), m.change(from, nil))
	}
	return nil // of two names of one file both stay, says POSIX
}

// Exchange is described at FS.
func (m *Mem) Exchange(a, b string) error {
	return m.two("exchange", a, b, func() error {
		eb, err := m.file(b)
		if err != nil {
			return err
		}
		ea := m.names[m.key(a)]
		m.rename(change{key: m.key(a), entry: entry{eb.node, ea.base}}, change{key: m.key(b), entry: entry{ea.node, eb.base}})
		return nil
	})
}

// two begins and ends an operation on two names, of which the first must be of a
// file.
func (m *Mem) two(op, from, to string, do func() error) error {
	if err := m.begin(op, from, to); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if _, err := m.file(from); err != nil {
		return linkError(op, from, to, err)
	}
	return linkError(op, from, to, do())
}

// SyncDir is described at FS.
func (m *Mem) SyncDir(name string) error {
	if err := m.beginFolder("syncdir", name); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if err := m.folder(name); err != nil {
		return pathError("syncdir", name, err)
	}
	for _, r := range m.pending {
		r.sync(m.durable, m.key(name))
	}
	m.pending = slices.DeleteFunc(m.pending, func(r *renaming) bool { return len(r.open()) == 0 })
	return nil
}

// sync makes durable what an operation did in one directory.
func (r *renaming) sync(durable map[string]entry, folder string) {
	for i := range r.changes {
		if c := &r.changes[i]; !c.synced && path.Dir(c.key) == folder {
			set(durable, *c)
			c.synced = true
		}
	}
}

// open returns the changes that are not durable.
func (r *renaming) open() (open []change) {
	for _, c := range r.changes {
		if !c.synced {
			open = append(open, c)
		}
	}
	return open
}
