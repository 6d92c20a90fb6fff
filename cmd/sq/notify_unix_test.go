//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// listenAsManager listens as a service manager does, until the test ends, and
// returns where, and what it is told.
func listenAsManager(t *testing.T) (socket string, told <-chan string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "sq") // since the name of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	messages, ended := make(chan string, 1000), make(chan struct{})
	go func() {
		defer close(ended)
		for p := make([]byte, 4096); ; {
			n, err := c.Read(p)
			if err != nil {
				return
			}
			messages <- string(p[:n])
		}
	}()
	t.Cleanup(func() { c.Close(); <-ended })
	return socket, messages
}

// awaitTold waits for a message that matches, and returns those before it.
func awaitTold(t *testing.T, told <-chan string, pattern string) (before []string) {
	t.Helper()
	limit := time.After(patience)
	for {
		select {
		case m := <-told:
			if regexp.MustCompile(pattern).MatchString(m) {
				return before
			}
			before = append(before, m)
		case <-limit:
			t.Fatalf("not told: %s, but %q", pattern, before)
		}
	}
}

// TestServiceManagerIsTold of the start, of signs of life, of reloads and of the end.
func TestServiceManagerIsTold(t *testing.T) {
	socket, told := listenAsManager(t)
	config, _ := twoTenants(t)
	id := newIdentity(t, t.TempDir())
	for _, more := range [][]string{nil, {"--tls-cert", id.certFile, "--tls-key", id.keyFile}, {"--listen", "127.0.0.1"}} {
		environment := map[string]string{"NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "300000", "WATCHDOG_PID": fmt.Sprint(os.Getpid())}
		s := begin(t, environment, append([]string{"host", "0", "--config", config}, more...)...)
		s.listens()
		awaitTold(t, told, `^READY=1\nSTATUS=Serving on .*:`+s.port()+`$`)
		for range 3 {
			awaitTold(t, told, `^WATCHDOG=1$`)
		}
		s.signal(syscall.SIGHUP)
		awaitTold(t, told, `^RELOADING=1\nMONOTONIC_USEC=\d+$`)
		awaitTold(t, told, `^READY=1\nSTATUS=Serving on [^;]*$`)
		good := read(t, config)
		put(t, config, "{")
		s.signal(syscall.SIGHUP)
		awaitTold(t, told, `^READY=1\nSTATUS=Serving on .*; the configuration was not reloaded, see the log$`)
		put(t, config, good)
		s.stop()
		awaitTold(t, told, `^STOPPING=1\n`)
		if log := s.stderr.String(); strings.Contains(log, "does not answer itself") {
			t.Errorf("%q:\n%s", more, log)
		}
	}

}

// TestServiceManagerOfDaemon: a daemon tells a service manager of itself too, and
// asks itself on its socket whether it lives.
func TestServiceManagerOfDaemon(t *testing.T) {
	socket, told := listenAsManager(t)
	inFolder(t, nil)
	s := begin(t, map[string]string{"NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "300000"}, "share", "notes.phext")
	awaitTold(t, told, `^READY=1\nSTATUS=Serving on .sq/daemon.sock$`)
	for range 3 {
		awaitTold(t, told, `^WATCHDOG=1$`)
	}
	s.stop()
	awaitTold(t, told, `^STOPPING=1\n`)
	if log := s.stderr.String(); log != "" {
		t.Errorf("it says\n%s", log)
	}
}

// TestNobodyToTell: a manager that is gone is no reason to end.
func TestNobodyToTell(t *testing.T) {
	s := begin(t, map[string]string{"NOTIFY_SOCKET": filepath.Join(t.TempDir(), "none")}, "host", "0", "--data-dir", t.TempDir())
	s.listens()
	s.await(s.stderr, regexp.MustCompile(`the service manager cannot be told`))
	s.want("", "GET", "version", "", "0.5.5")
	s.stop()
}

// TestSignsOfLife: one that answers nothing, or something else than HTTP, is not
// alive; one that turns clients away is.
func TestSignsOfLife(t *testing.T) {
	for what, row := range map[string]struct {
		serve func(net.Conn) // nil: nobody accepts
		alive bool
	}{
		"answers":            {func(c net.Conn) { io.WriteString(c, "HTTP/1.1 404 Not Found\r\n\r\n") }, true},
		"turns clients away": {func(net.Conn) {}, true},
		"hangs":              {nil, false},
		"talks of else":      {func(c net.Conn) { io.WriteString(c, "SSH-2.0-x") }, false},
	} {
		t.Run(what, func(t *testing.T) {
			socket, told := listenAsManager(t)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			accepted := make(chan struct{})
			go func() {
				defer close(accepted)
				for row.serve != nil {
					c, err := l.Accept()
					if err != nil {
						return
					}
					row.serve(c)
					c.Close()
				}
			}()
			s := newScreen()
			m := newManager(func(name string) (string, bool) {
				return map[string]string{"NOTIFY_SOCKET": socket, "WATCHDOG_USEC": "150000"}[name], name != "WATCHDOG_PID"
			}, slog.New(slog.NewTextHandler(s, nil)))
			ctx, cancel := context.WithCancel(t.Context())
			guarded := make(chan struct{})
			go func() { defer close(guarded); m.guard(ctx, l) }()
			if row.alive {
				awaitTold(t, told, `^WATCHDOG=1$`)
			} else {
				(&server{t: t, stdout: newScreen(), stderr: s}).await(s, regexp.MustCompile(`(?s)does not answer itself.*does not answer itself`))
			}
			cancel()
			<-guarded
			l.Close()
			<-accepted
			if !row.alive && len(told) > 0 {
				t.Errorf("a sign of life: %q", <-told)
			}
		})
	}
}

// handOn starts sq host with a listener that it inherits, as systemd does.
func handOn(t *testing.T, l *os.File, sockets int, args ...string) *server {
	t.Helper()
	s := newServer(t)
	cmd := exec.Command("sh", append([]string{"-c", fmt.Sprintf(`LISTEN_FDS=%d LISTEN_PID=$$ exec sq host "$@"`, sockets), "sh"}, args...)...)
	cmd.ExtraFiles = []*os.File{l}
	s.run(cmd)
	return s
}

// inheritance is a listener to hand on.
func inheritance(t *testing.T) (l net.Listener, file *os.File) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if file, err = l.(*net.TCPListener).File(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return l, file
}

// TestInheritedListener: who asks while one server ends and the next one starts
// waits, and is answered.
func TestInheritedListener(t *testing.T) {
	l, file := inheritance(t)
	dir := t.TempDir()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s := handOn(t, file, 1, port, "--data-dir", dir)
	s.listens()
	s.want("", "POST", "update"+at("notes", first), "to stay", "Updated 7 bytes")
	s.stop()

	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /api/v2/select%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", at("notes", first))
	s = handOn(t, file, 1, "0", "--data-dir", dir)
	if reply, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(reply), "to stay") {
		t.Errorf("who waited is answered %q, %v", reply, err)
	}
	s.listens()
	if s.address != l.Addr().String() {
		t.Errorf("listens on %s", s.address)
	}
	s.stop()
}

func TestInheritedMistakes(t *testing.T) {
	_, file := inheritance(t)
	other := fmt.Sprint(freePorts(t, 1)[0])
	everywhere, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer everywhere.Close()
	open, err := everywhere.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	plain, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	for what, row := range map[string]struct {
		file *os.File
		n    int
		args []string
		want string
	}{
		"another port":    {file, 1, []string{other}, "port " + other + " was asked for, and the socket that was handed on has port"},
		"another address": {file, 1, []string{"0", "--listen", "192.0.2.1"}, "--listen is 192.0.2.1, and the socket that was handed on has 127.0.0.1"},
		"two":             {file, 2, []string{"0"}, "2 sockets were handed on"},
		"no socket":       {plain, 1, []string{"0"}, "cannot be listened to"},
		"no key":          {open, 1, []string{"0"}, "everyone who can connect there could read and write"},
	} {
		s := handOn(t, row.file, row.n, append(row.args, "--data-dir", t.TempDir())...)
		if status := s.ends(); status != exitFailure || !strings.Contains(s.stderr.String(), row.want) {
			t.Errorf("%s: status %d\n%s", what, status, s.stderr)
		}
	}
}

// TestStrangersInheritance: what was handed on to another process is not ours.
func TestStrangersInheritance(t *testing.T) {
	s := begin(t, map[string]string{"LISTEN_FDS": "1", "LISTEN_PID": "1"}, "host", "0", "--data-dir", t.TempDir())
	s.listens()
	if status, _ := s.call("", http.MethodGet, "version", ""); status != http.StatusOK {
		t.Errorf("%d", status)
	}
	s.stop()
}
