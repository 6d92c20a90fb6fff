package vfs

import (
	"io"
	"sync"
)

// Call is one file operation.
type Call struct {
	N    int    // counts the calls, from 1
	Op   string // "open", "create", "mkdir", "remove", "rename", "exchange", "stat", "list", "syncdir", "free", "lock", "read", "write", "sync", "truncate", "copyowner"
	Name string
	To   string // of operations on two names
}

// Fault is an FS of which chosen calls fail. Goroutines may share it.
type Fault struct {
	fs     FS
	before func(Call) error

	mu    sync.Mutex // guards calls
	calls int
}

var _ FS = (*Fault)(nil)

// NewFault returns fs with each call announced to before, which may be called
// from several goroutines. When it returns an error the call fails with that
// and is not carried out, except that a write has written its first half, and
// that a sync leaves a Mem as a failed sync leaves Linux: what was to be synced
// is clean, and not on disk. Closing does not fail.
func NewFault(fs FS, before func(Call) error) *Fault { return &Fault{fs: fs, before: before} }

// FailNth returns a function for NewFault that fails the nth call with err.
func FailNth(n int, err error) func(Call) error {
	return func(c Call) error {
		if c.N == n {
			return err
		}
		return nil
	}
}

// Calls returns how many calls there were.
func (f *Fault) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

func (f *Fault) call(op, name, to string) error {
	f.mu.Lock()
	f.calls++
	c := Call{f.calls, op, name, to}
	f.mu.Unlock()
	err := f.before(c)
	if to != "" {
		return linkError(op, name, to, err)
	}
	return pathError(op, name, err)
}

func (f *Fault) file(op, name string, open func(string) (File, error)) (File, error) {
	if err := f.call(op, name, ""); err != nil {
		return nil, err
	}
	file, err := open(name)
	if err != nil {
		return nil, err
	}
	return &faultFile{file, f, name}, nil
}

// Open is described at FS, as are the following.
func (f *Fault) Open(name string) (File, error) { return f.file("open", name, f.fs.Open) }

// OpenWrite is described at FS.
func (f *Fault) OpenWrite(name string) (File, error) { return f.file("open", name, f.fs.OpenWrite) }

// Create is described at FS.
func (f *Fault) Create(name string) (File, error) { return f.file("create", name, f.fs.Create) }

func (f *Fault) one(op, name string, do func(string) error) error {
	if err := f.call(op, name, ""); err != nil {
		return err
	}
	return do(name)
}

// Mkdir is described at FS.
func (f *Fault) Mkdir(name string) error { return f.one("mkdir", name, f.fs.Mkdir) }

// Remove is described at FS.
func (f *Fault) Remove(name string) error { return f.one("remove", name, f.fs.Remove) }

// SyncDir is described at FS.
func (f *Fault) SyncDir(name string) error { return f.one("syncdir", name, f.fs.SyncDir) }

func (f *Fault) two(op, from, to string, do func(string, string) error) error {
	if err := f.call(op, from, to); err != nil {
		return err
	}
	return do(from, to)
}

// Rename is described at FS.
func (f *Fault) Rename(from, to string) error { return f.two("rename", from, to, f.fs.Rename) }

// RenameNew is described at FS.
func (f *Fault) RenameNew(from, to string) error { return f.two("rename", from, to, f.fs.RenameNew) }

// Exchange is described at FS.
func (f *Fault) Exchange(a, b string) error { return f.two("exchange", a, b, f.fs.Exchange) }

// Stat is described at FS.
func (f *Fault) Stat(name string) (Info, error) {
	if err := f.call("stat", name, ""); err != nil {
		return Info{}, err
	}
	return f.fs.Stat(name)
}

// List is described at FS.
func (f *Fault) List(name string) ([]Info, error) {
	if err := f.call("list", name, ""); err != nil {
		return nil, err
	}
	return f.fs.List(name)
}

// Free is described at FS.
func (f *Fault) Free() (bytes, files int64, err error) {
	if err := f.call("free", ".", ""); err != nil {
		return 0, 0, err
	}
	return f.fs.Free()
}

// Lock is described at FS.
func (f *Fault) Lock(name, owner string) (io.Closer, error) {
	if err := f.call("lock", name, ""); err != nil {
		return nil, err
	}
	return f.fs.Lock(name, owner)
}

// Close is described at FS.
func (f *Fault) Close() error { return f.fs.Close() }

// faultFile is an open file of a Fault.
type faultFile struct {
	File
	fault *Fault
	name  string
}

func (f *faultFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.fault.call("read", f.name, ""); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.fault.call("write", f.name, ""); err != nil {
		n, _ := f.File.WriteAt(p[:len(p)/2], off)
		return n, err
	}
	return f.File.WriteAt(p, off)
}

func (f *faultFile) Sync() error {
	err := f.fault.call("sync", f.name, "")
	if err == nil {
		return f.File.Sync()
	}
	if m, ok := f.File.(*memFile); ok {
		m.forget()
	}
	return err
}

func (f *faultFile) Truncate(size int64) error {
	if err := f.fault.call("truncate", f.name, ""); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *faultFile) Stat() (Info, error) {
	if err := f.fault.call("stat", f.name, ""); err != nil {
		return Info{}, err
	}
	return f.File.Stat()
}

func (f *faultFile) Removed() (bool, error) {
	if err := f.fault.call("stat", f.name, ""); err != nil {
		return false, err
	}
	return f.File.Removed()
}

func (f *faultFile) CopyOwner(info Info) error {
	if err := f.fault.call("copyowner", f.name, ""); err != nil {
		return err
	}
	return f.File.CopyOwner(info)
}
