package vfs

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path"

	"golang.org/x/sys/windows"
)

// openFolder opens a directory below root and nothing else.
func openFolder(root *os.Root, name string) (*os.File, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	return check(f, func(info fs.FileInfo) error {
		if !info.IsDir() {
			return windows.ERROR_DIRECTORY
		}
		return nil
	})
}

// openRegular opens a regular file. There is no flag for it, so what the name is
// is looked at before, and what was opened after: a link that somebody makes in
// between leads to nothing that the name did not stand for.
func (d *dir) openRegular(name string, flag int) (*os.File, error) {
	before, err := d.root.Lstat(name)
	if err == nil && flag&os.O_EXCL == 0 && !before.Mode().IsRegular() {
		return nil, ErrNotRegular
	}
	f, err := d.root.OpenFile(name, flag, fileMode)
	if err != nil {
		return nil, err
	}
	return check(f, func(info fs.FileInfo) error {
		if !info.Mode().IsRegular() || before != nil && !os.SameFile(before, info) {
			return ErrNotRegular
		}
		return nil
	})
}

// check returns an open file when it is what is wanted, and closes it otherwise.
func check(f *os.File, wanted func(fs.FileInfo) error) (*os.File, error) {
	info, err := f.Stat()
	if err == nil {
		err = wanted(info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// stat describes what name is, if it is a link then the link.
func (d *dir) stat(name string) (Info, error) {
	info, err := d.root.Lstat(name)
	if err != nil {
		return Info{}, err
	}
	described := describe(path.Base(name), info)
	if info.Mode().IsRegular() {
		d.identify(name, info, &described)
	}
	return described, nil
}

// statIn is stat of a name in a directory.
func (d *dir) statIn(_ *os.File, folder, base string) (Info, error) {
	return d.stat(path.Join(folder, base))
}

// identify fills in what only an open file tells. A file that cannot be opened
// has no device and no inode.
func (d *dir) identify(name string, info fs.FileInfo, into *Info) {
	f, err := d.root.Open(name)
	if err != nil {
		return
	}
	defer f.Close()
	if opened, err := f.Stat(); err == nil && os.SameFile(info, opened) {
		identifyFile(f, &into.Identity)
	}
}

// linksOf is 1: a file that is open here keeps its name.
// writeBack has nothing to say to this system.
func writeBack(*os.File, int64, int64) {}

func linksOf(*os.File) (uint64, error) { return 1, nil }

func statFile(f *os.File) (Info, error) {
	info, err := f.Stat()
	if err != nil {
		return Info{}, err
	}
	described := describe("", info)
	return described, identifyFile(f, &described.Identity)
}

// identifyFile fills in device and inode. The time of the inode's change is not
// told: Changed is Modified.
func identifyFile(f *os.File, into *Identity) error {
	return withHandle(f, func(h windows.Handle) error {
		var info windows.ByHandleFileInformation
		err := windows.GetFileInformationByHandle(h, &info)
		into.Device = uint64(info.VolumeSerialNumber)
		into.Inode = uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow)
		return err
	})
}

// describe translates. There are no owners here, and of the mode only whether
// the file may be written to.
func describe(name string, info fs.FileInfo) Info {
	modified := info.ModTime()
	return Info{
		Name: name, Mode: info.Mode().Type() | info.Mode().Perm(), UID: -1, GID: -1,
		Identity: Identity{Size: info.Size(), Modified: modified, Changed: modified},
	}
}

// withHandle calls do with f's handle, which stays open meanwhile.
func withHandle(f *os.File, do func(windows.Handle) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	controlErr := conn.Control(func(h uintptr) { err = do(windows.Handle(h)) })
	if controlErr != nil {
		return fs.ErrClosed // which this error does not say it is
	}
	return err
}

func syncFile(f *os.File) error { return f.Sync() }

// syncFolder does nothing: there is no such call for a directory that is open to
// read.
func syncFolder(*os.File) error { return nil }

// exchange cannot be done here in one step.
func (d *dir) exchange(_, _ string) error { return errors.ErrUnsupported }

// renameNew renames without replacing in two steps, between which the file has
// both names.
func (d *dir) renameNew(from, to string) error {
	if err := d.root.Link(from, to); err != nil {
		return err
	}
	err := d.root.Remove(from)
	if err != nil {
		d.root.Remove(to)
	}
	return err
}

// lockAt is a byte that no file reaches: a lock here keeps others from what it
// is on, and they are to read who holds it.
const lockAt = 1 << 30

func lock(f *os.File) error {
	err := withHandle(f, func(h windows.Handle) error {
		at := &windows.Overlapped{OffsetHigh: lockAt}
		return windows.LockFileEx(h, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrLocked
	}
	return err
}

func free(f *os.File) (bytes, files int64, err error) {
	name, err := windows.UTF16PtrFromString(f.Name())
	if err != nil {
		return 0, 0, err
	}
	var room uint64
	err = windows.GetDiskFreeSpaceEx(name, &room, nil, nil)
	return int64(room), math.MaxInt64, err
}
