package vfs

import (
	"errors"
	"io/fs"
	"strings"
)

var (
	// ErrNotRegular is the error, in a *fs.PathError, of an operation on files
	// that met a symbolic link, a directory, a device, a pipe or a socket.
	ErrNotRegular = errors.New("not a regular file")

	// ErrLocked is what every *LockedError is.
	ErrLocked = errors.New("locked by another")
)

// LockedError is the error, in a *fs.PathError, of a lock that another holds.
type LockedError struct {
	Owner string // what the lock's file says; empty when it says nothing (yet)
}

// Error names the owner.
func (e *LockedError) Error() string {
	if e.Owner == "" {
		return ErrLocked.Error()
	}
	return "locked by " + e.Owner
}

// Is makes errors.Is(err, ErrLocked) true.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// checkName says whether name can be a path here: elements between slashes, none
// of them empty, "." or "..", nothing in them that ends a string in C. What is
// more than text, such as a symbolic link that leads out, is os.Root's to refuse.
func checkName(op, name string) error {
	for element := range strings.SplitSeq(name, "/") {
		if element == "" || element == "." || element == ".." {
			return pathError(op, name, fs.ErrInvalid)
		}
	}
	if strings.IndexByte(name, 0) >= 0 {
		return pathError(op, name, fs.ErrInvalid)
	}
	return nil
}

// checkFolder is checkName for directories, of which "." is one.
func checkFolder(op, name string) error {
	if name == "." {
		return nil
	}
	return checkName(op, name)
}

// pathError says what was done to what. It takes the place of a *fs.PathError
// that err may be already, whose operation and path are those of a system call.
func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	var inner *fs.PathError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}
