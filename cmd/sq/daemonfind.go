package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// What a daemon has in its folder. The lock says whether there is one, since it
// goes with the process, however that ends; the socket is how it is reached, and
// may be left over.
const (
	daemonDir    = ".sq"
	daemonLock   = daemonDir + "/daemon.lock"
	daemonSocket = daemonDir + "/daemon.sock"
)

// The paths of a daemon beside those of the API. They are answered on its socket
// alone.
const (
	daemonPath   = "/daemon"
	shutdownPath = "/daemon/shutdown"
)

// findPatience is how long a daemon is waited for that starts, ends, or does not
// answer.
const findPatience = 5 * time.Second

// daemonFound is the daemon of a folder.
type daemonFound struct {
	// Socket is a path that leads to its socket while the program stays in its
	// current folder: absolute where there is room, and short enough for connect(2).
	Socket string
	// Phext is what is meant where a command names none.
	Phext sq.PhextName
	daemonAbout
}

// daemonAbout is what a daemon says of itself.
type daemonAbout struct {
	Process int       `json:"pid"`
	Name    string    `json:"phext"`
	File    string    `json:"file"` // its path
	Version string    `json:"version"`
	Started time.Time `json:"started"`
	Web     string    `json:"web,omitempty"` // where its pages are
}

// findDaemon asks the daemon of a folder what it serves; nil when there is none,
// whatever one that was killed has left. One that is starting or ending is waited
// for, until ctx ends. It costs a few system calls where there is no daemon, and a
// request where there is one.
func findDaemon(ctx context.Context, folder string) (*daemonFound, error) {
	place, err := lookForDaemon(folder)
	if place == nil || err != nil {
		return nil, err
	}
	defer place.Close()
	socket, err := socketAddress(folder)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, findPatience)
	defer cancel()
	search := daemonSearch{place: place, socket: socket}
	for {
		found, done, err := search.try(ctx)
		if done || !pause(ctx, 10*time.Millisecond) {
			return found, err
		}
	}
}

// daemonSearch looks for the daemon of a folder.
type daemonSearch struct {
	place   vfs.FS
	socket  string
	strange int // how often something answered that is no daemon
}

// try asks once. What it returns stands when it is done; until then one that starts
// or ends may give another answer.
func (s *daemonSearch) try(ctx context.Context) (found *daemonFound, done bool, err error) {
	about, err := askDaemon(ctx, s.socket)
	if err == nil {
		found, err = about.at(s.socket)
		return found, true, err
	}
	owner, held, lockErr := lockHeld(s.place)
	var unreachable *net.OpError
	switch {
	case lockErr != nil:
		return nil, true, lockErr
	case held:
		return nil, false, sq.Wrap(err, sq.Busy, "the daemon of this folder (%s) does not answer", owner)
	case errors.As(err, &unreachable) && unreachable.Op == "dial":
		return nil, true, nil
	}
	s.strange++ // the first one may have been a daemon that has just ended
	return nil, s.strange > 1, sq.Wrap(err, sq.Conflict, "what listens on %s is no daemon of SQ", daemonSocket)
}

// at returns a daemon that was found at a socket.
func (a daemonAbout) at(socket string) (*daemonFound, error) {
	name, err := sq.ParsePhextName(a.Name)
	if err != nil {
		return nil, sq.Wrap(err, sq.Internal, "what listens on %s is no daemon of SQ", socket)
	}
	return &daemonFound{Socket: socket, Phext: name, daemonAbout: a}, nil
}

// lookForDaemon opens a folder that may have a daemon; nil when it has none. What
// somebody else put there is refused: they would get to read what is written.
func lookForDaemon(folder string) (vfs.FS, error) {
	place, err := vfs.Open(folder)
	if err != nil {
		return nil, sq.Wrap(err, sq.Internal, "look for a daemon")
	}
	there, err := hasDaemon(place)
	if err == nil && there {
		err = checkOwn(place)
	}
	if err != nil || !there {
		return nil, errors.Join(err, place.Close())
	}
	return place, nil
}

// hasDaemon reports whether a folder has, or had, a daemon.
func hasDaemon(place vfs.FS) (bool, error) {
	if err := checkFolder(place); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	_, lockErr := place.Stat(daemonLock)
	_, err := place.Stat(daemonSocket)
	if errors.Is(err, fs.ErrNotExist) && errors.Is(lockErr, fs.ErrNotExist) {
		return false, nil
	}
	return true, nil
}

// checkFolder refuses what is no folder.
func checkFolder(place vfs.FS) error {
	info, err := place.Stat(daemonDir)
	if err == nil && !info.Mode.IsDir() {
		return hinted(sq.Errorf(sq.Conflict, "%s in this folder is no folder but %s", daemonDir, kindOf(info.Mode)), elsewhere)
	}
	return err
}

// elsewhere is what to do where a folder can have no daemon.
const elsewhere = "go to a folder of your own; FILE may be anywhere, as in sq share /path/to/notes.phext"

// checkOwn refuses a place for a daemon that is not its user's own, or may be
// changed by others.
func checkOwn(place vfs.FS) error {
	info, err := place.Stat(daemonDir)
	switch {
	case err != nil:
		return sq.Wrap(err, sq.Internal, "look at the folder %s", daemonDir)
	case info.UID != os.Geteuid():
		return hinted(sq.Errorf(sq.Forbidden, "the folder %s belongs to another user (%d)", daemonDir, info.UID), elsewhere)
	case info.UID >= 0 && info.Mode.Perm()&0o022 != 0:
		return hinted(sq.Errorf(sq.Forbidden, "others may write to the folder %s (mode %04o)", daemonDir, info.Mode.Perm()), "chmod go-w "+daemonDir)
	}
	info, err = place.Stat(daemonSocket)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return sq.Wrap(err, sq.Internal, "look at the socket %s", daemonSocket)
	case info.Mode&(fs.ModeSocket|fs.ModeIrregular) == 0:
		return hinted(sq.Errorf(sq.Conflict, "%s is no socket but %s", daemonSocket, kindOf(info.Mode)), "move it away")
	case info.UID != os.Geteuid():
		return hinted(sq.Errorf(sq.Forbidden, "the socket %s belongs to another user (%d)", daemonSocket, info.UID), elsewhere)
	}
	return nil
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode.IsDir():
		return "a folder"
	case mode.IsRegular():
		return "a file"
	}
	return "something else"
}

// mostSocketPath is how long the path of a socket may be, in bytes: 107 on Linux,
// 103 on macOS.
const mostSocketPath = 103

// ourFolder is a name of the current folder that is absolute and short, on Linux.
const ourFolder = "/proc/self/cwd"

// socketAddress returns a path that leads to the socket of a folder. Where the
// absolute one is too long, it is one from the current folder on.
func socketAddress(folder string) (string, error) {
	path, err := filepath.Abs(filepath.Join(folder, daemonSocket))
	if err != nil {
		return "", sq.Wrap(err, sq.Internal, "find the current folder")
	}
	if len(path) <= mostSocketPath {
		return path, nil
	}
	current, err := os.Getwd()
	if err == nil {
		path, err = filepath.Rel(current, path)
	}
	if err != nil || len(ourFolder)+1+len(path) > mostSocketPath {
		return "", hinted(sq.Errorf(sq.Invalid, "the path of the socket is longer than a system takes (%d bytes)", mostSocketPath), "go to the folder with cd")
	}
	if _, err := os.Stat(ourFolder); err == nil {
		path = ourFolder + "/" + path
	}
	return path, nil
}

// askDaemon asks what listens on a socket what it serves.
func askDaemon(ctx context.Context, socket string) (about daemonAbout, err error) {
	reply, err := requestDaemon(ctx, socket, http.MethodGet, daemonPath)
	if err != nil {
		return about, err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(io.LimitReader(reply.Body, 64<<10))
	if err == nil {
		err = json.Unmarshal(text, &about)
	}
	return about, err
}

// requestDaemon makes a request to a daemon. Its answer is one with status 200.
func requestDaemon(ctx context.Context, socket, method, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}
	reply, err := client.Do(request)
	if err == nil && reply.StatusCode != http.StatusOK {
		reply.Body.Close()
		err = fmt.Errorf("it answers %s", reply.Status)
	}
	return reply, err
}

// lockHeld reports whether a daemon has a folder, and which. For a moment the
// lock is taken, which a daemon that starts just then has to allow for.
func lockHeld(place vfs.FS) (owner string, held bool, err error) {
	if _, err := place.Stat(daemonLock); errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	lock, err := place.Lock(daemonLock, "")
	var locked *vfs.LockedError
	switch {
	case errors.As(err, &locked):
		return locked.Owner, true, nil
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		return "", false, nil // where nothing is written there is no daemon
	case err != nil:
		return "", false, sq.Wrap(err, sq.Internal, "ask for the lock of the daemon")
	}
	return "", false, lock.Close()
}

// pause lets a moment pass; false when ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
