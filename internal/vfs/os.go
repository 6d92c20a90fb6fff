package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

const (
	fileMode = 0o600
	dirMode  = 0o700

	// maxOwner bounds what is read from a lock's file, which anybody could have
	// written.
	maxOwner = 4096
)

// dir is a directory of the system's.
type dir struct {
	root *os.Root
	top  *os.File // the same directory, for calls that os.Root does not have
}

var (
	_ FS   = (*dir)(nil)
	_ File = (*file)(nil)
)

// Open opens a directory that exists. Whatever the names, links or races below
// it, no operation of the FS leads out of it. It costs two file descriptors
// until it is closed.
//
// A file is opened, and its content and its names are made durable, with the
// calls that the system has for it: on Linux fdatasync and renameat2. Where two
// names cannot be swapped, as on FreeBSD and Windows, Exchange is
// errors.ErrUnsupported, and RenameNew is a link and a removal, between which the
// file has both names.
//
// Windows cannot sync a directory, so SyncDir does nothing there; it has no owners
// and no time of an inode's change (Changed is Modified), and may refuse to
// replace or remove a file that somebody has open.
func Open(dirname string) (FS, error) {
	root, err := os.OpenRoot(dirname)
	if err != nil {
		return nil, err
	}
	top, err := openFolder(root, ".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &dir{root, top}, nil
}

func (d *dir) Close() error { return errors.Join(d.top.Close(), d.root.Close()) }

func (d *dir) Open(name string) (File, error) { return d.file("open", name, os.O_RDONLY) }

func (d *dir) OpenWrite(name string) (File, error) { return d.file("open", name, os.O_RDWR) }

func (d *dir) Create(name string) (File, error) {
	return d.file("create", name, os.O_RDWR|os.O_CREATE|os.O_EXCL)
}

// file opens a regular file.
func (d *dir) file(op, name string, flag int) (File, error) {
	f, err := d.open(op, name, flag)
	if err != nil {
		return nil, err
	}
	made := &file{File: f, name: name}
	made.cached.of(f)
	return made, nil
}

// open is file for what needs the *os.File.
func (d *dir) open(op, name string, flag int) (*os.File, error) {
	if err := checkName(op, name); err != nil {
		return nil, err
	}
	f, err := d.openRegular(name, flag)
	return f, pathError(op, name, err)
}

func (d *dir) Mkdir(name string) error {
	if err := checkName("mkdir", name); err != nil {
		return err
	}
	err := d.root.Mkdir(name, dirMode)
	if errors.Is(err, fs.ErrExist) {
		if info, statErr := d.root.Stat(name); statErr == nil && info.IsDir() {
			return nil
		}
	}
	return pathError("mkdir", name, err)
}

func (d *dir) Remove(name string) error {
	if err := d.notFolder("remove", name); err != nil {
		return err
	}
	return pathError("remove", name, d.root.Remove(name))
}

func (d *dir) Rename(from, to string) error {
	if err := d.notFolders("rename", from, to); err != nil {
		return err
	}
	err := d.root.Rename(from, to)
	return linkError("rename", from, to, err)
}

func (d *dir) RenameNew(from, to string) error {
	if err := checkName("rename", to); err != nil {
		return err
	}
	if err := d.notFolder("rename", from); err != nil {
		return err
	}
	return linkError("rename", from, to, d.renameNew(from, to))
}

func (d *dir) Exchange(a, b string) error {
	if err := d.notFolders("exchange", a, b); err != nil {
		return err
	}
	return linkError("exchange", a, b, d.exchange(a, b))
}

// notFolders is notFolder of two names, of which the second may be missing.
func (d *dir) notFolders(op, from, to string) error {
	if err := checkName(op, to); err != nil {
		return err
	}
	if err := d.notFolder(op, from); err != nil {
		return err
	}
	if err := d.notFolder(op, to); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// notFolder keeps what is meant for files from directories, for which the
// systems' calls differ. Nobody is kept from making one just after: this is not
// for safety.
func (d *dir) notFolder(op, name string) error {
	if err := checkName(op, name); err != nil {
		return err
	}
	info, err := d.stat(name)
	if err == nil && info.Mode.IsDir() {
		err = ErrNotRegular
	}
	return pathError(op, name, err)
}

// linkError is pathError for operations on two names.
func linkError(op, from, to string, err error) error {
	if err == nil {
		return nil
	}
	var inner *os.LinkError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return &os.LinkError{Op: op, Old: from, New: to, Err: err}
}

func (d *dir) Stat(name string) (Info, error) {
	if err := checkFolder("stat", name); err != nil {
		return Info{}, err
	}
	info, err := d.stat(name)
	return info, pathError("stat", name, err)
}

func (d *dir) List(name string) ([]Info, error) {
	if err := checkFolder("list", name); err != nil {
		return nil, err
	}
	infos, err := d.list(name)
	if err != nil {
		return nil, pathError("list", name, err)
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

// list returns what a directory holds, in no order. What is removed meanwhile is
// left out.
func (d *dir) list(name string) ([]Info, error) {
	folder, err := openFolder(d.root, name)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	infos := make([]Info, 0, len(names))
	for _, base := range names {
		info, err := d.statIn(folder, name, base)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

func (d *dir) SyncDir(name string) error {
	if err := checkFolder("syncdir", name); err != nil {
		return err
	}
	folder, err := openFolder(d.root, name)
	if err != nil {
		return pathError("syncdir", name, err)
	}
	defer folder.Close()
	return pathError("syncdir", name, syncFolder(folder))
}

func (d *dir) Free() (bytes, files int64, err error) {
	bytes, files, err = free(d.top)
	return bytes, files, pathError("free", ".", err)
}

func (d *dir) Lock(name, owner string) (io.Closer, error) {
	f, err := d.open("lock", name, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		if errors.Is(err, ErrLocked) {
			err = &LockedError{Owner: readOwner(f)}
		}
		f.Close()
		return nil, pathError("lock", name, err)
	}
	writeOwner(f, owner)
	return f, nil // closing it unlocks; the file stays, or two could hold two locks of one name
}

// readOwner returns what the holder of a lock wrote into its file.
func readOwner(f io.ReaderAt) string {
	text := make([]byte, maxOwner)
	n, _ := f.ReadAt(text, 0)
	return strings.TrimSpace(string(text[:n]))
}

// writeOwner tells others who holds the lock. That it cannot be told, for one on
// a full disk, is no reason not to serve what is there; but then better nothing
// than the name of the last owner.
func writeOwner(f *os.File, owner string) {
	f.Truncate(0)
	if _, err := f.WriteAt([]byte(owner), 0); err != nil {
		f.Truncate(0)
	}
}

// file is a regular file of the system's. WriteAt is os.File's.
type file struct {
	*os.File
	name   string
	cached cached
}

func (f *file) Close() error {
	f.cached.close()
	return f.File.Close()
}

func (f *file) ReadAt(p []byte, offset int64) (int, error) {
	if f.cached.read(p, offset) {
		return len(p), nil
	}
	return f.File.ReadAt(p, offset)
}

func (f *file) Sync() error { return pathError("sync", f.name, syncFile(f.File)) }

func (f *file) WriteBack(offset, bytes int64) { writeBack(f.File, offset, bytes) }

func (f *file) Truncate(size int64) error {
	return pathError("truncate", f.name, f.File.Truncate(size))
}

func (f *file) Stat() (Info, error) {
	info, err := statFile(f.File)
	return info, pathError("stat", f.name, err)
}

func (f *file) Removed() (bool, error) {
	links, err := linksOf(f.File)
	return err == nil && links == 0, pathError("stat", f.name, err)
}

func (f *file) CopyOwner(info Info) error {
	if err := f.File.Chmod(info.Mode.Perm()); err != nil {
		return pathError("copyowner", f.name, err)
	}
	own, err := statFile(f.File)
	if err != nil {
		return pathError("copyowner", f.name, err)
	}
	if own.UID == info.UID && own.GID == info.GID {
		return nil
	}
	return pathError("copyowner", f.name, f.giveAway(info))
}

// giveAway makes the owner and group those of info, or only the group, or
// neither, as far as we are permitted to.
func (f *file) giveAway(info Info) error {
	err := f.File.Chown(info.UID, info.GID)
	if errors.Is(err, fs.ErrPermission) {
		err = f.File.Chown(-1, info.GID)
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}
