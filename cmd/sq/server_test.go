package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what has to come.
const patience = 30 * time.Second

// screen is what a program has written so far. Tests wait for lines on it.
type screen struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed, and replaced, at each write
}

func newScreen() *screen { return &screen{changed: make(chan struct{})} }

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return s.text.Write(p)
}

func (s *screen) look() (text string, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String(), s.changed
}

func (s *screen) String() string {
	text, _ := s.look()
	return text
}

// server is a running sq host, in this process or in one of its own.
type server struct {
	t              testing.TB
	stdout, stderr *screen
	signal         func(os.Signal)
	pid            int           // of the process; 0: this one
	ended          chan struct{} // closed when status is there
	status         int
	client         *http.Client
	address        string // of the listener, as 127.0.0.1:PORT
}

func newServer(t testing.TB) *server {
	s := &server{t: t, stdout: newScreen(), stderr: newScreen(), ended: make(chan struct{}), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}}}
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

// start runs sq host with a port that the system picks, in this process.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	s := begin(t, nil, append([]string{"host", "0"}, args...)...)
	s.listens()
	return s
}

// begin runs a command line in this process, and ends it after the test.
func begin(t *testing.T, environment map[string]string, args ...string) *server {
	return beginWith(t, environment, func(ctx context.Context, out outside) int { return run(ctx, args, out) })
}

// beginWith is begin for what is not a command line.
func beginWith(t *testing.T, environment map[string]string, run func(context.Context, outside) int) *server {
	s := newServer(t)
	received := make(chan os.Signal, 8)
	s.signal = func(sig os.Signal) { received <- sig }
	out := outside{
		stdin: strings.NewReader(""), stdout: s.stdout, stderr: s.stderr,
		lookup:  func(name string) (string, bool) { v, ok := environment[name]; return v, ok },
		signals: func() (<-chan os.Signal, func()) { return received, func() {} },
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(s.ended)
		s.status = run(ctx, out)
	}()
	t.Cleanup(func() { cancel(); <-s.ended })
	return s
}

// launch runs sq host in a process of its own, and kills it after the test. The
// test binary stands in for the program.
func launch(t testing.TB, stdout io.Writer, args ...string) *server {
	t.Helper()
	return launchCommand(t, []string{"sq"}, stdout, args...)
}

// launchCommand is launch of a program, or of one that becomes it.
func launchCommand(t testing.TB, program []string, stdout io.Writer, args ...string) *server {
	t.Helper()
	s := newServer(t)
	command := append(append(slices.Clip(program), "host", "0"), args...)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout = stdout
	s.run(cmd)
	return s
}

// run starts a program that is the server, and kills it after the test.
func (s *server) run(cmd *exec.Cmd) {
	s.t.Helper()
	cmd.Stderr = s.stderr
	if cmd.Stdout == nil {
		cmd.Stdout = s.stdout
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.pid, s.signal = cmd.Process.Pid, func(sig os.Signal) { cmd.Process.Signal(sig) }
	go func() {
		defer close(s.ended)
		cmd.Wait()
		s.status = cmd.ProcessState.ExitCode()
	}()
	s.t.Cleanup(func() { cmd.Process.Kill(); <-s.ended })
}

// program builds sq as it is shipped, and returns its path.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sq")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

var listening = regexp.MustCompile(`istening on port (\d+)`)

// listens waits for the line that tells the port.
func (s *server) listens() {
	s.t.Helper()
	s.address = "127.0.0.1:" + s.await(s.stdout, listening)[1]
}

// await waits until something on a screen matches.
func (s *server) await(on *screen, what *regexp.Regexp) []string {
	s.t.Helper()
	limit := time.After(patience)
	for {
		text, changed := on.look()
		if found := what.FindStringSubmatch(text); found != nil {
			return found
		}
		select {
		case <-changed:
		case <-s.ended:
			s.t.Fatalf("ended with status %d before %v:\n%s%s", s.status, what, s.stdout, s.stderr)
		case <-limit:
			s.t.Fatalf("waited in vain for %v:\n%s%s", what, s.stdout, s.stderr)
		}
	}
}

// port returns the port that the system picked.
func (s *server) port() string { return strings.TrimPrefix(s.address, "127.0.0.1:") }

// ends waits for the end and returns the exit status.
func (s *server) ends() int {
	s.t.Helper()
	select {
	case <-s.ended:
		return s.status
	case <-time.After(patience):
		s.t.Fatalf("does not end:\n%s", s.stderr)
		return 0
	}
}

// stop ends the server as an administrator does.
func (s *server) stop() {
	s.t.Helper()
	// The server waits some seconds for a connection that was made and not used.
	s.client.CloseIdleConnections()
	s.signal(syscall.SIGTERM)
	if status := s.ends(); status != exitOK {
		s.t.Fatalf("exit status %d after SIGTERM:\n%s", status, s.stderr)
	}
}

// call makes a request, such as "select?p=notes", and returns status and text.
func (s *server) call(token, method, what, body string) (int, string) {
	s.t.Helper()
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	return s.callWith(header, method, what, body)
}

// callWith is call with what stands in the header.
func (s *server) callWith(header http.Header, method, what, body string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequest(method, "http://"+s.address+"/api/v2/"+what, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header = header
	reply, err := s.client.Do(req)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, s.stderr)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply.StatusCode, string(text)
}

// want makes a request and holds it to a reply with status 200.
func (s *server) want(token, method, what, body, want string) {
	s.t.Helper()
	if status, got := s.call(token, method, what, body); status != http.StatusOK || got != want {
		s.t.Errorf("%s %s: %d %q, want 200 %q", method, what, status, got, want)
	}
}

const (
	tokenOfAlice = "invented-token-of-alice-1234"
	tokenOfBob   = "invented-token-of-bob-5678"
	first        = "1.1.1/1.1.1/1.1.1"
)

// twoTenants makes a configuration of alice and bob, and returns its path and
// the folder that their folders will be in.
func twoTenants(t *testing.T) (config, dir string) {
	dir = t.TempDir()
	return write(t, "two.json", twoTenantsIn(dir)), dir
}

func twoTenantsIn(dir string) string {
	return fmt.Sprintf(`{"tenants": {
		%q: {"name": "bob", "data_dir": "%s/bob"},
		%q: {"name": "alice", "data_dir": "%s/alice"}
	}}`, tokenOfBob, dir, tokenOfAlice, dir)
}

// at returns the query for a scroll.
func at(phext, coordinate string) string {
	return "?" + url.Values{"p": {phext}, "c": {coordinate}}.Encode()
}

// write makes a file in a new folder and returns its path.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// logs holds standard error to what must stand in it.
func (s *server) logs(wants ...string) {
	s.t.Helper()
	for _, want := range wants {
		if log := s.stderr.String(); !strings.Contains(log, want) {
			s.t.Errorf("standard error lacks %q:\n%s", want, log)
		}
	}
}
