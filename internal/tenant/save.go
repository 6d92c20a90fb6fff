package tenant

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/configfile"
	"github.com/wbic16/sq-go/internal/vfs"
)

// How long a change waits for another process that is changing the file, and how
// often it looks.
const (
	lockPatience = 10 * time.Second
	lockEvery    = 5 * time.Millisecond
)

// file is a configuration file that only we change, of those who ask for the
// lock. A symbolic link stays one: what it leads to is changed.
type file struct {
	path string // without symbolic links
	name string // in dir
	dir  vfs.FS
	lock interface{ Close() error }
}

// openFile takes the lock of the file at path: a file of its name with .lock
// behind, which stays.
func openFile(path string) (*file, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, unreadable(err)
	}
	dir, err := vfs.Open(filepath.Dir(real))
	if err != nil {
		return nil, sq.Wrap(err, sq.Internal, "cannot open the folder of the configuration, check the rights on it")
	}
	f := &file{path: real, name: filepath.Base(real), dir: dir}
	if err := f.takeLock(); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return f, nil
}

func (f *file) close() { _, _ = f.lock.Close(), f.dir.Close() }

func (f *file) takeLock() error {
	name := f.name + ".lock"
	lock, err := waitForLock(f.dir, name, fmt.Sprintf("process %d", os.Getpid()), lockPatience)
	switch {
	case errors.Is(err, vfs.ErrLocked):
		return sq.Wrap(err, sq.Busy, "another process has been changing the configuration for %v, try again later", lockPatience)
	case err != nil:
		return sq.Wrap(err, sq.Internal, "cannot lock the configuration, check the rights on its folder and on %s", name)
	}
	f.lock = lock
	return nil
}

// waitForLock takes a lock, and waits so long for whoever has it.
func waitForLock(dir vfs.FS, name, owner string, patience time.Duration) (io.Closer, error) {
	_, absent := dir.Stat(name)
	for began := time.Now(); ; time.Sleep(lockEvery) {
		lock, err := dir.Lock(name, owner)
		if err == nil && absent != nil {
			shareLock(dir, name)
		}
		if !errors.Is(err, vfs.ErrLocked) || time.Since(began) > patience {
			return lock, err
		}
	}
}

// shareLock lets those take a lock who may change the files beside it: root and the
// server's user, who owns the folder, or the group that may write there. Nobody else
// may hold them up. Where it cannot be given to them, they are told.
func shareLock(dir vfs.FS, name string) {
	const group = 0o060
	folder, err := dir.Stat(".")
	if err != nil {
		return
	}
	lock, err := dir.OpenWrite(name)
	if err != nil {
		return
	}
	defer lock.Close()
	shared := folder.Mode&0o020 != 0
	if folder.Mode = 0o600; shared {
		folder.Mode |= group
	}
	_ = lock.CopyOwner(folder)
}

// read returns the content, and what the file looked like just before.
func (f *file) read() ([]byte, fs.FileInfo, error) {
	data, info, err := configfile.Read(f.path, room)
	if err != nil {
		return nil, nil, unreadable(err)
	}
	return data, info, nil
}

// write puts data in the place of a content that was read as info. Once it
// returns nil that survives the loss of power; at every moment one or the other
// is there, whole, with its mode and owner. Conflict: somebody changed the file
// since, and it stays as it is. Uncertain: it is in place and may not stay there.
func (f *file) write(data []byte, was fs.FileInfo) (fs.FileInfo, error) {
	temp := f.temp()
	if err := f.dir.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, notWritten(err)
	}
	info, err := f.writeTemp(temp, data)
	if err == nil {
		err = f.unchanged(was)
	}
	if err == nil {
		err = notWritten(f.dir.Rename(temp, f.name))
	}
	if err != nil {
		_ = f.dir.Remove(temp) // or the next one does
		return nil, err
	}
	if err := f.dir.SyncDir("."); err != nil {
		return info, sq.Wrap(err, sq.Uncertain, "the configuration was changed, and may not survive the loss of power; check the disk")
	}
	return info, nil
}

// temp is the name of the part. Only a crash leaves one, for the next to remove.
func (f *file) temp() string { return "." + f.name + ".sq-part" }

func (f *file) writeTemp(temp string, data []byte) (fs.FileInfo, error) {
	config, err := f.dir.Stat(f.name)
	if err != nil {
		return nil, notWritten(err)
	}
	out, err := f.dir.Create(temp)
	if err != nil {
		return nil, notWritten(err)
	}
	_, err = out.WriteAt(data, 0)
	if err == nil {
		err = out.CopyOwner(config)
	}
	if err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return nil, notWritten(err)
	}
	// Before it has its name, under which somebody may put another one.
	info, err := os.Stat(filepath.Join(filepath.Dir(f.path), temp))
	return info, notWritten(err)
}

// unchanged looks a last time. An editor does not ask for the lock.
func (f *file) unchanged(was fs.FileInfo) error {
	info, err := os.Stat(f.path)
	if err == nil && configfile.Same(info, was) {
		return nil
	}
	return errChanged
}

var errChanged = sq.Errorf(sq.Conflict, "the configuration file was changed by others since it was loaded; look at it, reload it, and try again")

func notWritten(err error) error {
	if err == nil {
		return nil
	}
	return sq.Wrap(err, sq.Internal, "cannot write the configuration, nothing was changed; check the disk and the rights on its folder")
}

// WriteFile writes a file that has secrets: whole or not at all, mode 0600 before
// the umask, and once it returns nil it survives the loss of power. A file that is
// there is replaced only when that is asked for; otherwise the error is Conflict.
func WriteFile(path string, data []byte, replace bool) error {
	dir, err := vfs.Open(filepath.Dir(path))
	if err != nil {
		return sq.Wrap(err, sq.Internal, "cannot open the folder of %q", path)
	}
	defer dir.Close()
	name := filepath.Base(path)
	temp := "." + name + "." + rand.Text() + ".new" // one that a crash leaves is in nobody's way
	out, err := dir.Create(temp)
	if err != nil {
		return sq.Wrap(err, sq.Internal, "cannot write %q", path)
	}
	_, err = out.WriteAt(data, 0)
	if err == nil {
		err = out.Sync()
	}
	place := dir.RenameNew
	if replace {
		place = dir.Rename
	}
	if err = errors.Join(err, out.Close()); err == nil {
		err = place(temp, name)
	}
	if err == nil {
		err = dir.SyncDir(".")
	} else {
		_ = dir.Remove(temp)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return sq.Errorf(sq.Conflict, "there is a file %q already", path)
	case err != nil:
		return sq.Wrap(err, sq.Internal, "cannot write %q", path)
	}
	return nil
}
