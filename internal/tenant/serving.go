package tenant

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/wbic16/sq-go/internal/vfs"
)

// servedSuffix is behind the name of a configuration: the lock of who serves it.
const servedSuffix = ".served"

// serving is a lock that is held, and the folder it is in.
type serving struct{ lock, dir io.Closer }

// Close lets it go.
func (s serving) Close() error { return errors.Join(s.lock.Close(), s.dir.Close()) }

// Serve tells others, until it is closed, that the tenants of the file at path are
// served, and by whom. A server lets a tenant's directory go while nobody uses it, so
// that the directory alone does not tell. The error is that it could not be told, or
// that another process serves them too.
func Serve(path, owner string) (io.Closer, error) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	dir, err := vfs.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	name := filepath.Base(path)
	lock, err := dir.Lock(name+servedSuffix, owner)
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	(&file{name: name, dir: dir}).shareLock(name + servedSuffix)
	return serving{lock, dir}, nil
}

// Served returns who serves the tenants of the file at path, as it told Serve; ""
// when nobody is known to. Nothing is made to find out.
func Served(path string) (owner string, err error) {
	path, err = filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	dir, err := vfs.Open(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	defer dir.Close()
	name := filepath.Base(path) + servedSuffix
	if _, err := dir.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	lock, err := dir.Lock(name, "")
	if held := (*vfs.LockedError)(nil); errors.As(err, &held) {
		return held.Owner, nil
	}
	if err != nil {
		return "", err
	}
	return "", lock.Close()
}
