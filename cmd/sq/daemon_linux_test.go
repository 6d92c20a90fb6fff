package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// stranger is a user of the machine who has nothing to do with ours.
const stranger = 54321

// needsRoot skips a test that changes users.
func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") == "" {
		t.Skip("needs root, to be another user for a moment")
	}
	t.Fatal("needs root, to be another user for a moment")
}

// asStranger runs a program of scripts as the stranger, and returns what it printed
// and how it ended.
func asStranger(dir string, args ...string) (text string, err error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args, cmd.Dir = args, dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestDaemonForItsUser: another user of the machine gets nothing from a daemon, not
// even where the rights of its folder and its socket were opened.
func TestDaemonForItsUser(t *testing.T) {
	needsRoot(t)
	dir := inFolder(t, map[string]string{"notes.phext": "secret"})
	os.Chmod(dir, 0o755)
	os.Chmod(filepath.Dir(dir), 0o755)
	s := share(t, "share", "notes.phext")
	info, err := os.Lstat(daemonSocket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info, err)
	}
	os.Chmod(daemonDir, 0o777)
	os.Chmod(daemonSocket, 0o777)
	text, err := asStranger(dir, "askd", "GET", "get?p=notes")
	if err == nil || strings.Contains(text, "secret") || !strings.HasPrefix(text, "askd: Get ") {
		t.Errorf("a stranger gets %q, %v", text, err)
	}
	s.logs(`turned away: another user`, "user=54321")
	os.Chmod(daemonDir, 0o755)
	text, err = asStranger(dir, "sq", "shutdown")
	if err == nil || !strings.Contains(text, "sq: the folder .sq belongs to another user (0)") {
		t.Errorf("sq shutdown of a stranger: %q, %v", text, err)
	}
	s.stop()
}

// TestDaemonOfStrangers: a folder that somebody else has prepared is no place for a
// daemon, and theirs is not talked to.
func TestDaemonOfStrangers(t *testing.T) {
	needsRoot(t)
	inFolder(t, map[string]string{"notes.phext": "one"})
	s := share(t, "share", "notes.phext")
	os.Lchown(daemonSocket, stranger, stranger)
	if _, err := findDaemon(t.Context(), here); err == nil || !strings.Contains(err.Error(), "the socket .sq/daemon.sock belongs to another user (54321)") {
		t.Errorf("the socket of a stranger: %v", err)
	}
	os.Lchown(daemonDir, stranger, stranger)
	if _, err := findDaemon(t.Context(), here); err == nil || !strings.Contains(err.Error(), "the folder .sq belongs to another user (54321)") {
		t.Errorf("the folder of a stranger: %v", err)
	}
	os.Lchown(daemonDir, 0, 0)
	s.stop()
	os.Lchown(daemonDir, stranger, stranger)
	refused := begin(t, nil, "share", "notes.phext")
	if status := refused.ends(); status != exitFailure {
		t.Errorf("status %d", status)
	}
	refused.logs("sq: the folder .sq belongs to another user (54321)", "sq: hint: go to a folder of your own")
}

// TestDaemonWhereNothingIsWritten: a folder that cannot be written has no daemon, and
// a look for one finds none.
func TestDaemonWhereNothingIsWritten(t *testing.T) {
	disk := tmpfs(t, "size=1m")
	file := write(t, "notes.phext", "one")
	// What one that was killed has left.
	os.Mkdir(filepath.Join(disk, daemonDir), 0o700)
	put(t, filepath.Join(disk, daemonLock), "process 1")
	if err := unix.Mount("", disk, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	t.Chdir(disk)
	if f, err := findDaemon(t.Context(), here); f != nil || err != nil {
		t.Errorf("it finds %+v, %v", f, err)
	}
	s := begin(t, nil, "share", file)
	if status := s.ends(); status != exitFailure {
		t.Errorf("status %d", status)
	}
	s.logs("sq: a daemon needs the folder .sq in the current one, which cannot be written: ", "read-only file system",
		"sq: hint: go to a folder of your own; FILE may be anywhere, as in sq share /path/to/notes.phext")
}
