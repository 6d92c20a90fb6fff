//go:build linux || darwin

package vfs

import (
	"errors"

	"golang.org/x/sys/unix"
)

// supported translates what a system says that does not have a call, or not on
// this file system.
func supported(err error) error {
	if err == unix.ENOSYS || err == unix.EINVAL || err == unix.ENOTSUP || err == unix.EOPNOTSUPP {
		return errors.ErrUnsupported
	}
	return err
}
