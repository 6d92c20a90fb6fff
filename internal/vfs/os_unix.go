//go:build linux || darwin || freebsd

package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// openFolder opens a directory below root and nothing else: with O_DIRECTORY a
// pipe of that name is refused rather than waited for.
func openFolder(root *os.Root, name string) (*os.File, error) {
	return root.OpenFile(name, os.O_RDONLY|unix.O_DIRECTORY, 0)
}

// in calls do with the directory that holds name. os.Root finds the directory,
// so that no link leads out; what do makes of the last element of the path is
// its own, since os.Root follows a link there even when told not to.
func (d *dir) in(name string, do func(folder int, base string) error) error {
	folder, base := path.Split(name)
	if folder == "" {
		return withDescriptor(d.top, func(fd int) error { return do(fd, base) })
	}
	f, err := openFolder(d.root, path.Clean(folder))
	if err != nil {
		return err
	}
	defer f.Close()
	return withDescriptor(f, func(fd int) error { return do(fd, base) })
}

// withDescriptor calls do with f's descriptor, which stays open meanwhile, again
// as long as a signal interrupts it.
func withDescriptor(f *os.File, do func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	controlErr := conn.Control(func(fd uintptr) {
		for err = do(int(fd)); err == unix.EINTR; {
			err = do(int(fd))
		}
	})
	if controlErr != nil {
		return fs.ErrClosed // which this error does not say it is
	}
	return err
}

// openRegular opens a regular file.
func (d *dir) openRegular(name string, flag int) (*os.File, error) {
	var fd int
	err := d.in(name, func(folder int, base string) (err error) {
		// O_NONBLOCK: opening a pipe would wait for whoever writes to it.
		fd, err = unix.Openat(folder, base, flag|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, fileMode)
		return err
	})
	switch {
	case err == nil:
		return regular(fd, name)
	case isIrregular(err):
		return nil, ErrNotRegular
	}
	return nil, err
}

// isIrregular reports whether err is what open says of a link (ELOOP; EMLINK on
// FreeBSD), a directory to write to, or a socket.
func isIrregular(err error) bool {
	return errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EMLINK) ||
		errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENXIO) || errors.Is(err, unix.EOPNOTSUPP)
}

// regular makes a file of a descriptor, if it is of a regular file, and closes
// it otherwise.
func regular(fd int, name string) (*os.File, error) {
	var stat unix.Stat_t
	err := unix.Fstat(fd, &stat)
	if err == nil && stat.Mode&unix.S_IFMT != unix.S_IFREG {
		err = ErrNotRegular
	}
	if err == nil {
		err = unix.SetNonblock(fd, false) // or os would try to wait for it with epoll
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// stat describes what name is, if it is a link then the link.
func (d *dir) stat(name string) (info Info, err error) {
	if name == "." {
		info, err = statFile(d.top)
		info.Name = name
		return info, err
	}
	err = d.in(name, func(folder int, base string) error {
		info, err = statAt(folder, base)
		return err
	})
	return info, err
}

// statIn is stat of a name in an open directory.
func (d *dir) statIn(folder *os.File, _, base string) (info Info, err error) {
	err = withDescriptor(folder, func(fd int) error {
		info, err = statAt(fd, base)
		return err
	})
	return info, err
}

func statAt(folder int, base string) (Info, error) {
	var stat unix.Stat_t
	if err := unix.Fstatat(folder, base, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return Info{}, err
	}
	return describe(base, &stat), nil
}

func statFile(f *os.File) (Info, error) {
	var stat unix.Stat_t
	err := withDescriptor(f, func(fd int) error { return unix.Fstat(fd, &stat) })
	if err != nil {
		return Info{}, err
	}
	return describe("", &stat), nil
}

// statLinks returns how many names a file has.
func statLinks(f *os.File) (n uint64, err error) {
	var stat unix.Stat_t
	err = withDescriptor(f, func(fd int) error { return unix.Fstat(fd, &stat) })
	return uint64(stat.Nlink), err
}

// describe translates, since the fields' types differ between systems.
func describe(name string, stat *unix.Stat_t) Info {
	return Info{
		Name: name,
		Mode: mode(uint32(stat.Mode)),
		UID:  int(stat.Uid),
		GID:  int(stat.Gid),

		Identity: Identity{
			Device:   uint64(stat.Dev),
			Inode:    uint64(stat.Ino),
			Size:     stat.Size,
			Modified: time.Unix(stat.Mtim.Unix()),
			Changed:  time.Unix(stat.Ctim.Unix()),
		},
	}
}

// types are the kinds of file that are not regular.
var types = map[uint32]fs.FileMode{
	unix.S_IFDIR:  fs.ModeDir,
	unix.S_IFLNK:  fs.ModeSymlink,
	unix.S_IFIFO:  fs.ModeNamedPipe,
	unix.S_IFSOCK: fs.ModeSocket,
	unix.S_IFBLK:  fs.ModeDevice,
	unix.S_IFCHR:  fs.ModeDevice | fs.ModeCharDevice,
}

func mode(bits uint32) fs.FileMode {
	return fs.FileMode(bits&0o777) | types[bits&unix.S_IFMT]
}

// syncFolder makes the names in a directory durable. A file system that has no
// such call (EINVAL; some that go over a network) leaves nothing better to do.
func syncFolder(f *os.File) error {
	err := f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

func lock(f *os.File) error {
	err := withDescriptor(f, func(fd int) error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
	if err == unix.EWOULDBLOCK {
		return ErrLocked
	}
	return err
}

// exchange swaps two names by the system's call for it.
func (d *dir) exchange(a, b string) error { return d.inBoth(a, b, swap) }

// renameNew renames without replacing by the system's call for it, or else in
// two steps, between which the file has both names.
func (d *dir) renameNew(from, to string) error {
	err := d.inBoth(from, to, move)
	if errors.Is(err, errors.ErrUnsupported) {
		err = d.inBoth(from, to, linkAndRemove)
	}
	return err
}

// linkAndRemove leaves the file with the name that it had, and with no other,
// when it cannot take it away.
func linkAndRemove(folderA int, a string, folderB int, b string) error {
	if err := unix.Linkat(folderA, a, folderB, b, 0); err != nil {
		return err
	}
	err := unix.Unlinkat(folderA, a, 0)
	if err != nil {
		unix.Unlinkat(folderB, b, 0)
	}
	return err
}

// inBoth is in for a call on two names.
func (d *dir) inBoth(a, b string, do func(folderA int, a string, folderB int, b string) error) error {
	return d.in(a, func(folderA int, baseA string) error {
		return d.in(b, func(folderB int, baseB string) error {
			return do(folderA, baseA, folderB, baseB)
		})
	})
}
