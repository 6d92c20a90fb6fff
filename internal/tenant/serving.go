package tenant

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// servedSuffix is behind the name of a configuration: the lock of who serves it.
const servedSuffix = ".served"

// serving is a lock that is held, and the folder it is in.
type serving struct{ lock, dir io.Closer }

// Close lets it go.
func (s serving) Close() error { return errors.Join(s.lock.Close(), s.dir.Close()) }

// servedPatience is how long Serve waits for who has the tenants: Served takes the lock
// for a moment to find out.
const servedPatience = time.Second

// Serve tells others, until it is closed, that the tenants of the file at path are
// served, or restored, and by whom. A server lets a tenant's directory go while nobody uses
// it, so that the directory alone does not tell. Conflict: another process has them, after
// a second still. Other errors are that it could not be told.
func Serve(path, owner string) (io.Closer, error) {
	dir, name, err := servedLock(path)
	if err != nil {
		return nil, err
	}
	lock, err := waitForLock(dir, name, owner, servedPatience)
	if held := (*vfs.LockedError)(nil); errors.As(err, &held) {
		err = sq.Errorf(sq.Conflict, "the tenants of %s are in use (%s)", path, held.Owner)
	}
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return serving{lock, dir}, nil
}

// servedLock returns the lock of a configuration, and the folder it is in.
func servedLock(path string) (dir vfs.FS, name string, err error) {
	if path, err = filepath.EvalSymlinks(path); err == nil {
		dir, err = vfs.Open(filepath.Dir(path))
	}
	return dir, filepath.Base(path) + servedSuffix, err
}

// Served returns who serves the tenants of the file at path, as it told Serve; ""
// when nobody is known to. Nothing is made to find out.
func Served(path string) (owner string, err error) {
	dir, name, err := servedLock(path)
	if err != nil {
		return "", err
	}
	defer dir.Close()
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
