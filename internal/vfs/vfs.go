// Package vfs is the few file operations that the engine uses, inside one
// directory that no path can leave.
//
// There are three kinds of FS: Open gives the real one; NewMem one in memory
// that can lose power (Mem.Crash) with the strictest reading of what survives;
// and Fault wraps another and makes chosen calls fail. Paths are relative, with
// forward slashes, and a path that leads out of the directory fails, through
// symbolic links too.
package vfs

import (
	"io"
	"io/fs"
	"time"
)

// FS is a directory. Goroutines may share it. Errors are those of package os
// (fs.ErrNotExist, fs.ErrExist, syscall.ENOSPC, …, in a *fs.PathError, or an
// *os.LinkError when there are two names).
type FS interface {
	// Open opens a file for reading. A symbolic link in the last place, or what
	// is no regular file, is an error.
	Open(name string) (File, error)
	// Create makes a new file for reading and writing, mode 0o600 before the
	// umask; fs.ErrExist when there is one.
	Create(name string) (File, error)
	// OpenWrite opens an existing file for reading and writing, as Open does.
	OpenWrite(name string) (File, error)
	// Mkdir makes a directory, mode 0o700 before the umask. One that exists is no
	// error.
	Mkdir(name string) error
	// Remove removes a file.
	Remove(name string) error
	// Rename gives a file another name in the same FS, replacing what has it. Of
	// two names of one file it does nothing: both stay.
	Rename(from, to string) error
	// RenameNew is Rename to a name that nothing has: fs.ErrExist when something
	// has it, even when that is the same file. Nothing is ever replaced.
	RenameNew(from, to string) error
	// Exchange swaps two files in one step. errors.ErrUnsupported where the
	// system cannot.
	Exchange(a, b string) error
	// Stat describes a file; a symbolic link is not followed.
	Stat(name string) (Info, error)
	// List returns what a directory holds, sorted by name. "." is the FS itself.
	List(name string) ([]Info, error)
	// SyncDir makes the names in a directory survive the loss of power.
	SyncDir(name string) error
	// Free returns the bytes that are free for us on the file system, and how many
	// files can still be made, math.MaxInt64 where that has no limit.
	Free() (bytes, files int64, err error)
	// Lock takes the lock that a file stands for, making the file where there is
	// none, until the Closer is closed or the process dies. When another holds
	// it the error is ErrLocked. The file's content is set to owner, which tells
	// others who holds it.
	Lock(name, owner string) (io.Closer, error)
	// Close lets the directory go. Files stay open.
	Close() error
}

// File is an open file. Reads may run beside everything else; writes, Sync and
// Truncate are for one goroutine at a time.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes the content and the length survive the loss of power.
	Sync() error
	// WriteBack has the system begin to write a part to the disk, where it can be told
	// to, so that the next Sync finds less to do. It makes nothing durable.
	WriteBack(offset, bytes int64)
	Truncate(size int64) error
	Stat() (Info, error)
	// Removed reports whether the file has no name any more, as far as the system
	// tells: Windows does not. It costs the next Sync nothing, which Stat may.
	Removed() (bool, error)
	// CopyOwner gives the file the mode, and where we may the owner and group,
	// that info tells of.
	CopyOwner(info Info) error
}

// Info describes a file.
type Info struct {
	Name     string // the last element of the path; empty from File.Stat
	Mode     fs.FileMode
	UID, GID int
	Identity Identity
}

// Identity tells one content of one file from another without reading it, as
// far as a file system can.
type Identity struct {
	Device, Inode uint64
	Size          int64
	Modified      time.Time
	Changed       time.Time // of the inode: a rename sets it too
}

// SameContent reports whether two identities can be of the same content: all
// but the time of the inode's change agree.
func (i Identity) SameContent(j Identity) bool {
	return i.Device == j.Device && i.Inode == j.Inode && i.Size == j.Size && i.Modified.Equal(j.Modified)
}

// Equal reports whether nothing about two identities differs.
func (i Identity) Equal(j Identity) bool { return i.SameContent(j) && i.Changed.Equal(j.Changed) }
