package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// daemonPlace is the current folder, as long as a daemon has it.
type daemonPlace struct {
	dir  vfs.FS
	lock io.Closer
}

// takePlace takes the current folder for a daemon that says who it is. Another one
// that is about to end is waited for.
func takePlace(ctx context.Context, who string) (*daemonPlace, error) {
	dir, err := vfs.Open(here)
	if err != nil {
		return nil, sq.Wrap(err, sq.Internal, "open the current folder")
	}
	p := &daemonPlace{dir: dir}
	if err := p.prepare(ctx, who); err != nil {
		dir.Close()
		return nil, err
	}
	return p, nil
}

func (p *daemonPlace) prepare(ctx context.Context, who string) error {
	if err := checkFolder(p.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := p.dir.Mkdir(daemonDir); err != nil {
		return cannotWrite(err)
	}
	if err := checkOwn(p.dir); err != nil {
		return err
	}
	if err := p.takeLock(ctx, who); err != nil {
		return err
	}
	// Whoever left a socket is gone, since the lock is ours.
	if err := p.dir.Remove(daemonSocket); err != nil && !errors.Is(err, fs.ErrNotExist) {
		p.lock.Close()
		return cannotWrite(err)
	}
	return nil
}

// cannotWrite explains why a folder can have no daemon.
func cannotWrite(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		return hinted(fmt.Errorf("a daemon needs the folder %s in the current one, which cannot be written: %w", daemonDir, err), elsewhere)
	}
	return fmt.Errorf("prepare the folder %s for a daemon: %w", daemonDir, err)
}

// takeLock takes the lock of the folder, in turn with one that is ending, and with
// those who look for a moment whether it is held.
func (p *daemonPlace) takeLock(ctx context.Context, who string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, findPatience)
	defer cancel()
	for {
		p.lock, err = p.dir.Lock(daemonLock, who)
		var locked *vfs.LockedError
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &locked):
			return cannotWrite(err)
		case p.answers(ctx) || !pause(ctx, 10*time.Millisecond):
			return hinted(sq.Errorf(sq.Busy, "this folder has a daemon already (%s)", cmp.Or(locked.Owner, "it does not say which")),
				"use it, or end it with sq shutdown")
		}
	}
}

// answers reports whether the daemon of the folder answers.
func (p *daemonPlace) answers(ctx context.Context) bool {
	socket, err := socketAddress(here)
	if err == nil {
		_, err = askDaemon(ctx, socket)
	}
	return err == nil
}

// listen listens on the socket of the folder, for its user alone.
func (p *daemonPlace) listen(log *slog.Logger) (net.Listener, error) {
	l, err := net.Listen("unix", filepath.FromSlash(daemonSocket)) // short, wherever the folder is
	if err != nil {
		return nil, cannotWrite(err)
	}
	// Until then, and where the system looks at no mode, the listener looks who comes.
	if err := os.Chmod(filepath.FromSlash(daemonSocket), 0o600); err != nil {
		l.Close()
		return nil, cannotWrite(err)
	}
	return ownListener{l, log}, nil
}

// lostEvery is how often a daemon looks whether it can be reached.
const lostEvery = time.Second

// lost returns an error when the socket that is there now was removed, or another is
// in its place: then no command can reach the daemon of file. It returns nil when ctx
// ends.
func (p *daemonPlace) lost(ctx context.Context, file string) error {
	ours, err := p.dir.Stat(daemonSocket)
	for err == nil && pause(ctx, lostEvery) {
		now, err := p.dir.Stat(daemonSocket)
		if errors.Is(err, fs.ErrNotExist) || err == nil && now.Identity.Inode != ours.Identity.Inode {
			return hinted(fmt.Errorf("the folder %s, or the socket in it, was removed, and no command could reach the daemon any more; what it had answered is in %s", daemonDir, file),
				"sq share starts it again")
		}
	}
	return nil
}

// close lets the folder go.
func (p *daemonPlace) close() error { return errors.Join(p.lock.Close(), p.dir.Close()) }

// ownListener turns away who is another user of the machine. The administrator may
// do everything anyway.
type ownListener struct {
	net.Listener
	log *slog.Logger
}

func (l ownListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		user, known, err := peerUser(c)
		if err == nil && (!known || user == os.Geteuid() || user == 0) {
			return c, nil
		}
		l.log.Warn("turned away: another user", "user", user, "error", err)
		c.Close()
	}
}
