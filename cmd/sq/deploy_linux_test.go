package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

var units = []string{"sq.service", "sq.socket", "sq-backup.service", "sq-backup.timer"}

// TestUnits: systemd finds nothing to complain about in what is installed, and
// little that the services could do beside their work.
func TestUnits(t *testing.T) {
	analyze := tool(t, "systemd-analyze")
	root := t.TempDir()
	if out, err := install(t, root, "--binary", pretender(t, "sq")); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := filepath.Join(root, "etc/systemd/system")
	for _, name := range units { // the programs are not where they will be
		text := read(t, filepath.Join(dir, name))
		put(t, filepath.Join(dir, name), strings.NewReplacer("=/usr/local/", "="+root+"/usr/local/", "Documentation=https://github.com/wbic16/sq-go", "").Replace(text))
		text, err := output(analyze, "verify", "--man=no", filepath.Join(dir, name))
		if err != nil || text != "" {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
	}
	for _, row := range []struct {
		name string
		most string // exposure, of 100
		more string
	}{{"sq.service", "20", ""}, {"sq-backup.service", "20", ""}, {"sq.service", "25", "privileged-port.conf"}} {
		if row.more != "" {
			put(t, filepath.Join(dir, row.name), read(t, filepath.Join(dir, row.name))+read(t, filepath.Join(deploy, "systemd/sq.service.d", row.more)))
		}
		if text, err := output(analyze, "security", "--offline=true", "--threshold="+row.most, filepath.Join(dir, row.name)); err != nil {
			t.Errorf("%s %s: %v\n%s", row.name, row.more, err, text)
		}
	}
}

func output(program string, args ...string) (string, error) {
	text, err := exec.Command(program, args...).CombinedOutput()
	return string(text), err
}

// TestSystemCallsAreAllowed: all that the server asks of the system is in what the
// unit lets it ask.
func TestSystemCallsAreAllowed(t *testing.T) {
	strace, allowed := tool(t, "strace"), allowedCalls(t, tool(t, "systemd-analyze"))
	trace := filepath.Join(t.TempDir(), "trace")
	config, _ := twoTenants(t)
	s := launchCommand(t, []string{strace, "-f", "-qq", "-o", trace, program(t)}, nil, "--config", config)
	s.listens()
	for range 20 {
		s.want(tokenOfAlice, "POST", "insert"+at("notes", first), "x", "Inserted 1 bytes")
		s.want(tokenOfAlice, "GET", "load?p=notes", "", "Loaded notes.phext")
	}
	s.client.CloseIdleConnections()
	// strace does not pass signals on.
	pid, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", s.pid, s.pid))
	if err != nil {
		t.Fatal(err)
	}
	var child int
	fmt.Sscan(string(pid), &child)
	if err := syscall.Kill(child, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.ends()
	called := regexp.MustCompile(`(?m)^\d+ +([a-z]\w+)\(`).FindAllStringSubmatch(read(t, trace), -1)
	seen := map[string]bool{}
	for _, m := range called {
		if name := m[1]; !seen[name] && !allowed[name] && name != "execve" {
			t.Errorf("the unit does not allow %s", name)
		}
		seen[m[1]] = true
	}
	for _, name := range []string{"fdatasync", "renameat2", "accept4"} {
		if !seen[name] {
			t.Errorf("%s was not called: this proves nothing", name)
		}
	}
}

// allowedCalls returns the system calls that the unit of the server allows: each
// line of SystemCallFilter adds to those before it, or takes from them.
func allowedCalls(t *testing.T, analyze string) map[string]bool {
	t.Helper()
	allowed := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^SystemCallFilter=(~?)(.*)$`).FindAllStringSubmatch(read(t, filepath.Join(deploy, "systemd/sq.service")), -1) {
		for _, group := range strings.Fields(m[2]) {
			for _, name := range callsOf(t, analyze, group) {
				allowed[name] = m[1] == ""
			}
		}
	}
	return allowed
}

// callsOf returns the system calls of a group, with those of groups in it.
func callsOf(t *testing.T, analyze, group string) (names []string) {
	t.Helper()
	text, err := output(analyze, "syscall-filter", "--no-pager", group)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		switch name := strings.TrimSpace(lines.Text()); {
		case name == group || name == "" || strings.HasPrefix(name, "#"):
		case strings.HasPrefix(name, "@"):
			names = append(names, callsOf(t, analyze, name)...)
		default:
			names = append(names, name)
		}
	}
	return names
}

// runInEmptyRoot runs a program as the image does: nothing is there but the program
// and a folder for data, and the user is nobody in particular.
func runInEmptyRoot(t *testing.T, program string) {
	t.Helper()
	if os.Getuid() != 0 {
		if os.Getenv("CI") == "" {
			t.Skip("needs root, to run the program in an empty root")
		}
		t.Fatal("needs root")
	}
	const user = 65532
	root := t.TempDir()
	for _, dir := range []string{"data", "tmp"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(filepath.Join(root, dir), user, user); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{root, filepath.Dir(root)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(program, filepath.Join(root, "sq")); err != nil {
		t.Fatal(err)
	}
	inside := func(args ...string) *exec.Cmd {
		cmd := exec.Command("/sq", args...)
		cmd.Dir, cmd.Env = "/data", []string{}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: user, Gid: user}}
		return cmd
	}
	s := newServer(t)
	s.run(inside("host", "0", "--data-dir", "/data"))
	s.listens()
	s.want("", "POST", "update"+at("notes", first), "kept", "Updated 4 bytes")
	if text, err := inside("health", "http://"+s.address).CombinedOutput(); err != nil || string(text) != "ready\n" {
		t.Errorf("sq health: %v %q", err, text)
	}
	s.stop()
	if text, err := inside("health", "http://"+s.address).CombinedOutput(); err == nil {
		t.Errorf("sq health of a server that has ended: %q", text)
	}
	if got := read(t, filepath.Join(root, "data/notes.phext")); got != "kept" {
		t.Errorf("the file holds %q", got)
	}
}
