package founding

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"

	"github.com/wbic16/sq-go/internal/vfs"
)

const (
	claimsSuffix = ".claims"
	tmpSuffix    = ".tmp"
	private      = 0o600
)

// forOthers reports whether a mode lets others than the owner read or write.
// Windows has no such modes.
func forOthers(mode fs.FileMode) bool { return mode.Perm()&0o077 != 0 && runtime.GOOS != "windows" }

// read returns a whole file.
func (f *files) read(name string) ([]byte, error) {
	text, _, err := f.readWith(name)
	return text, err
}

func (f *files) readWith(name string) (text []byte, info vfs.Info, err error) {
	file, err := f.dir.Open(name)
	if err != nil {
		return nil, info, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, info, err
	}
	text, err = io.ReadAll(io.NewSectionReader(file, 0, info.Identity.Size+1))
	if err == nil && int64(len(text)) != info.Identity.Size {
		err = fmt.Errorf("%q changed while it was read", name)
	}
	return text, info, err
}

// readList reads the list, and remembers what it looked like.
func (f *files) readList() ([]byte, error) {
	text, info, err := f.readWith(f.name)
	f.seen, f.open = info.Identity, forOthers(info.Mode)
	return text, err
}

// replace puts text in place of the file of a suffix. When it returns nil that survives the
// loss of power; after an error there is the old file or the new one, whole.
func (f *files) replace(suffix string, text []byte) error {
	name := f.name + suffix
	tmp := name + tmpSuffix
	if err := f.dir.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := f.write(tmp, text, name); err != nil {
		return err
	}
	if err := f.dir.Rename(tmp, name); err != nil {
		return err
	}
	return f.dir.SyncDir(".")
}

// write makes a file and syncs it. Its owner is that of the file like, where we
// may say so; nobody else may read it.
func (f *files) write(name string, text []byte, like string) error {
	file, err := f.dir.Create(name)
	if err != nil {
		return err
	}
	if info, err := f.dir.Stat(like); err == nil {
		info.Mode = private
		if err := file.CopyOwner(info); err != nil {
			return errors.Join(err, file.Close())
		}
	}
	_, err = file.WriteAt(text, 0)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// writeList replaces the list, unless somebody has edited it meanwhile.
func (f *files) writeList(text []byte) error {
	info, err := f.dir.Stat(f.name)
	if err != nil {
		return err
	}
	if !info.Identity.SameContent(f.seen) {
		return fmt.Errorf("it was edited while the server runs, and is left as it is")
	}
	if err := f.replace("", text); err != nil {
		return err
	}
	info, err = f.dir.Stat(f.name)
	f.seen = info.Identity
	return err
}

func (f *files) close() error { return errors.Join(f.lock.Close(), f.dir.Close()) }
