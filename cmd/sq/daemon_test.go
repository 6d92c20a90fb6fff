package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// inFolder makes a new folder with files the current one.
func inFolder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		put(t, filepath.Join(dir, name), text)
	}
	t.Chdir(dir)
	return dir
}

// share runs a daemon in this process, for the current folder.
func share(t *testing.T, command ...string) *server {
	t.Helper()
	s := begin(t, nil, command...)
	s.await(s.stdout, serves)
	return s
}

// found is what findDaemon says of the current folder.
func found(t *testing.T) *daemonFound {
	t.Helper()
	f, err := findDaemon(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestFindDaemon: whoever looks in the folder of a daemon is told what it serves,
// and in any other folder that there is none.
func TestFindDaemon(t *testing.T) {
	dir := inFolder(t, map[string]string{"notes.phext": "one"})
	if f := found(t); f != nil {
		t.Errorf("before it starts: %+v", f)
	}
	s := share(t, "share", "notes.phext")
	f := found(t)
	if f == nil || f.Phext != "notes" || f.File != filepath.Join(dir, "notes.phext") || f.Process != os.Getpid() || f.Version != sq.Version || f.Web != "" {
		t.Fatalf("it says %+v", f)
	}
	if !filepath.IsAbs(f.Socket) || len(f.Socket) > mostSocketPath {
		t.Errorf("the socket is %q", f.Socket)
	}
	if other, err := findDaemon(t.Context(), t.TempDir()); other != nil || err != nil {
		t.Errorf("in another folder: %+v, %v", other, err)
	}
	if status := run(t.Context(), []string{"shutdown"}, outside{stdout: io.Discard, stderr: s.stderr}); status != exitOK {
		t.Errorf("shutdown: status %d\n%s", status, s.stderr)
	}
	if status := s.ends(); status != exitOK {
		t.Errorf("the daemon: status %d\n%s", status, s.stderr)
	}
	if f := found(t); f != nil {
		t.Errorf("after its end: %+v", f)
	}
}

// TestFindDaemonAmongOthers: what is no daemon of SQ is not taken for one, and what
// holds the lock and does not answer is told of.
func TestFindDaemonAmongOthers(t *testing.T) {
	inFolder(t, nil)
	os.Mkdir(daemonDir, 0o700)
	l, err := net.Listen("unix", filepath.FromSlash(daemonSocket))
	if err != nil {
		t.Fatal(err)
	}
	other := &http.Server{Handler: http.NotFoundHandler()}
	var work sync.WaitGroup
	work.Go(func() { other.Serve(l) })
	defer work.Wait()
	defer other.Close()
	if f, err := findDaemon(t.Context(), here); f != nil || sq.ErrorCode(err) != sq.Conflict || !strings.Contains(err.Error(), "404") {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestStoppedDaemon: one that does not answer is waited for as long as the context
// lasts, which for what a shell completes is not long.
func TestStoppedDaemon(t *testing.T) {
	inFolder(t, nil)
	os.Mkdir(daemonDir, 0o700)
	dir, err := vfs.Open(here)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	lock, err := dir.Lock(daemonLock, "a daemon that was stopped")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	l, err := net.Listen("unix", filepath.FromSlash(daemonSocket))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		cancel()
		if err == nil {
			_, err = io.Copy(io.Discard, c) // until it is not waited for
			c.Close()
		}
		asked <- err
	}()
	found, err := (&targetFlags{}).open(ctx, outside{}, true)
	if found != nil || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "the daemon of this folder (a daemon that was stopped) does not answer") {
		t.Errorf("%+v, %v", found, err)
	}
	if err := <-asked; err != nil {
		t.Error(err)
	}
}

// begun is what sq shutdown says first.
var begun = regexp.MustCompile(`^Shutdown Initiated\.\n$`)

// beginUpdate makes a request to the daemon of the current folder, which is at work
// until three bytes of a text have come.
func beginUpdate(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("unix", found(t).Socket)
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(c, "POST /api/v2/update?p=notes&c="+first+" HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
	replies := bufio.NewReader(c)
	reply, err := http.ReadResponse(replies, nil)
	if err != nil || reply.StatusCode != http.StatusContinue {
		t.Fatalf("%v, %v", reply, err)
	}
	return c, replies
}

// TestShutdownFinishes: a request under way is finished before the daemon ends, and
// what it wrote is in the file when sq shutdown returns.
func TestShutdownFinishes(t *testing.T) {
	inFolder(t, nil)
	s := share(t, "share", "notes.phext")
	c, replies := beginUpdate(t)
	defer c.Close()
	ending := begin(t, nil, "shutdown")
	ending.await(ending.stdout, begun)
	select {
	case <-ending.ended:
		t.Error("it did not wait for the request")
	case <-s.ended:
		t.Error("the daemon did not wait for the request")
	default:
	}
	io.WriteString(c, "abc")
	reply, err := http.ReadResponse(replies, nil)
	if err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", reply, err)
	}
	reply.Body.Close()
	if status := ending.ends(); status != exitOK {
		t.Errorf("sq shutdown: status %d\n%s", status, ending.stderr)
	}
	if text := read(t, "notes.phext"); text != "abc" {
		t.Errorf("the file has %q", text)
	}
	if status := s.ends(); status != exitOK {
		t.Errorf("the daemon: status %d\n%s", status, s.stderr)
	}
}

// TestShutdownTells: a daemon that leaves at once tells those who wait for its end
// that it did not end well.
func TestShutdownTells(t *testing.T) {
	dir := inFolder(t, nil)
	s := startDaemon(t, dir)
	c, _ := beginUpdate(t)
	defer c.Close()
	ending := begin(t, nil, "shutdown")
	ending.await(ending.stdout, begun)
	// The daemon may hear of the first one before it hears of the request.
	s.signal(os.Interrupt)
	s.signal(syscall.SIGTERM)
	if status := ending.ends(); status != exitFailure {
		t.Errorf("sq shutdown: status %d", status)
	}
	ending.logs("sq: left at once after a second signal (")
	if status := s.ends(); status != exitFailure {
		t.Errorf("the daemon: status %d", status)
	}
}

// TestShutdownOfKilled: a daemon that is killed while it ends is none that has ended
// well.
func TestShutdownOfKilled(t *testing.T) {
	dir := inFolder(t, nil)
	s := startDaemon(t, dir)
	c, _ := beginUpdate(t)
	defer c.Close()
	ending := begin(t, nil, "shutdown")
	ending.await(ending.stdout, begun)
	s.signal(os.Kill)
	if status := ending.ends(); status != exitFailure {
		t.Errorf("sq shutdown: status %d", status)
	}
	ending.logs("ended without a word; nothing that was answered is lost")
}

// TestManyStart: of many daemons that start at once, where a killed one has left its
// socket, one serves, and the others say who does.
func TestManyStart(t *testing.T) {
	dir := inFolder(t, map[string]string{"notes.phext": "one"})
	killed := startDaemon(t, dir)
	killed.signal(os.Kill)
	killed.ends()
	if _, err := os.Lstat(daemonSocket); err != nil {
		t.Fatalf("nothing is left over: %v", err)
	}
	all := make([]*server, 8)
	for i := range all {
		all[i] = newServer(t)
		all[i].run(shareCommand(dir))
	}
	serving, refused := 0, 0
	for _, s := range all {
		if servesOrEnds(s) {
			serving++
			continue
		}
		refused++
		s.logs("sq: this folder has a daemon already (process ")
	}
	if serving != 1 || refused != len(all)-1 {
		t.Errorf("%d serve, and %d are refused", serving, refused)
	}
	f := found(t)
	if f == nil {
		t.Fatal("and none is found")
	}
	if status := run(t.Context(), []string{"shutdown"}, outside{stdout: io.Discard, stderr: io.Discard}); status != exitOK {
		t.Errorf("shutdown: status %d", status)
	}
}

// servesOrEnds waits until a daemon serves; false when it ends instead.
func servesOrEnds(s *server) bool {
	s.t.Helper()
	limit := time.After(patience)
	for {
		text, changed := s.stdout.look()
		if serves.MatchString(text) {
			return true
		}
		select {
		case <-changed:
		case <-s.ended:
			return false
		case <-limit:
			s.t.Fatalf("neither serves nor ends:\n%s%s", s.stdout, s.stderr)
		}
	}
}

func shareCommand(dir string) *exec.Cmd {
	cmd := exec.Command("sq", "share", "notes.phext")
	cmd.Dir = dir
	return cmd
}

// startDaemon starts a daemon in a process of its own.
func startDaemon(t *testing.T, dir string) *server {
	t.Helper()
	s := newServer(t)
	s.run(shareCommand(dir))
	s.await(s.stdout, serves)
	return s
}

// TestDaemonSees: what a program writes to the file under a daemon its clients see.
func TestDaemonSees(t *testing.T) {
	inFolder(t, map[string]string{"notes.phext": "one"})
	s := share(t, "share", "notes.phext")
	put(t, "notes.phext", "one\x17by hand")
	if status, got := askFound(t, http.MethodGet, "load?p=notes"); status != http.StatusOK {
		t.Errorf("load: %d %s", status, got)
	}
	if _, got := askFound(t, http.MethodGet, "select"+at("notes", "1.1.1/1.1.1/1.1.2")); got != "by hand" {
		t.Errorf("it reads %q", got)
	}
	s.stop()
}

// askFound makes a request to the daemon of the current folder.
func askFound(t *testing.T, method, what string) (int, string) {
	t.Helper()
	reply, err := requestDaemon(t.Context(), found(t).Socket, method, "/api/v2/"+what)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply.StatusCode, string(text)
}
