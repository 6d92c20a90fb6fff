package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// traced are the system calls that change a file system, make that durable, or
// send to a client.
const traced = "trace=openat,write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,ftruncate,fchmod,sendto"

// launchTraced is launch under strace, which writes down the system calls. They
// are all there when the server has ended. Where tracing is not possible the test
// is skipped, but not in continuous integration.
func launchTraced(t *testing.T, args ...string) (s *server, trace string) {
	t.Helper()
	if out, err := exec.Command("strace", "-f", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		if os.Getenv("CI") == "" {
			t.Skipf("needs strace, and the right to trace: %v %s", err, out)
		}
		t.Fatalf("strace: %v %s", err, out)
	}
	trace = filepath.Join(t.TempDir(), "trace")
	// With -D the server is the process that is started, and strace a child of it.
	return launchCommand(t, []string{"strace", "-D", "-f", "-y", "-qq", "-s", "65536", "-e", "signal=none", "-e", traced, "-o", trace, "sq"}, nil, args...), trace
}

// systemCall is one system call of some thread.
type systemCall struct {
	name, args, result string
	began, ended       int // lines of the trace
}

func (c systemCall) failed() bool {
	return strings.HasPrefix(c.result, "-1 ") || strings.HasPrefix(c.result, "?")
}

var (
	noCall     = regexp.MustCompile(`^\d+ +(\+\+\+ .*|--- .*|.*<detached \.\.\.>)$`) // a thread or a signal
	traceLine  = regexp.MustCompile(`^(\d+) +(.*)$`)
	unfinished = regexp.MustCompile(`^(.*) <unfinished \.\.\.>$`)
	resumed    = regexp.MustCompile(`^<\.\.\. \w+ resumed>(.*)$`)
	finished   = regexp.MustCompile(`^(\w+)\((.*)\) += (.*)$`)
)

// parseTrace reads what strace wrote, in the order in which the calls began. A
// call that another thread's interrupts is in two lines.
func parseTrace(t *testing.T, trace string) (calls []systemCall) {
	t.Helper()
	type half struct {
		text  string
		index int
	}
	halves := map[string]half{}
	lines := bufio.NewScanner(strings.NewReader(trace))
	lines.Buffer(nil, 1<<24)
	for n := 0; lines.Scan(); n++ {
		if noCall.MatchString(lines.Text()) {
			continue
		}
		line := traceLine.FindStringSubmatch(lines.Text())
		if line == nil {
			t.Fatalf("line %d of the trace: %q", n, lines.Text())
		}
		thread, text := line[1], line[2]
		if part := unfinished.FindStringSubmatch(text); part != nil {
			halves[thread] = half{part[1], len(calls)}
			calls = append(calls, systemCall{began: n})
			continue
		}
		index := len(calls)
		if part := resumed.FindStringSubmatch(text); part != nil {
			index, text = halves[thread].index, halves[thread].text+part[1]
		} else {
			calls = append(calls, systemCall{began: n})
		}
		call := finished.FindStringSubmatch(text)
		if call == nil {
			t.Fatalf("line %d of the trace: %q", n, text)
		}
		calls[index] = systemCall{call[1], call[2], call[3], calls[index].began, n}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return calls
}

// TestParseTrace: calls of two threads that overlap.
func TestParseTrace(t *testing.T) {
	calls := parseTrace(t, `7 openat(5</d>, "a", O_RDWR <unfinished ...>
8 fdatasync(6</d/b>)          = 0
7 <... openat resumed>) = -1 ENOENT (No such file or directory)
8 --- SIGURG {si_signo=SIGURG} ---
9 write(3<socket:[1]>, "f(x) = 1", 8 <unfinished ...>
9 ???( <detached ...>
8 +++ exited with 0 +++
`)
	want := []systemCall{
		{"openat", `5</d>, "a", O_RDWR`, "-1 ENOENT (No such file or directory)", 0, 2},
		{"fdatasync", "6</d/b>", "0", 1, 1},
		{began: 4},
	}
	for i, c := range calls {
		if len(calls) != len(want) || c != want[i] {
			t.Errorf("call %d is %+v", i, c)
		}
	}
	if !calls[0].failed() || calls[1].failed() {
		t.Error("a call that failed did not, or the other way round")
	}
}

// tracedCall is a system call in the words of the engine's own traces.
type tracedCall struct {
	systemCall
	text string
}

var (
	onFile  = regexp.MustCompile(`^\d+<([^>]*)>`)
	onName  = regexp.MustCompile(`^\w+<([^>]*)>, "([^"]*)", (.*)$`)
	onNames = regexp.MustCompile(`^\w+<([^>]*)>, "([^"]*)", \w+<([^>]*)>, "([^"]*)"(.*)$`)
)

// deeds returns what was done in a directory, and the replies that were sent.
func deeds(calls []systemCall, dir string) (all []tracedCall) {
	for _, c := range calls {
		if c.failed() {
			continue
		}
		if text := c.inWords(dir); text != "" {
			all = append(all, tracedCall{c, text})
		}
	}
	return all
}

func (d tracedCall) String() string { return d.text + "\n" }

// inWords returns what the call did, or nothing when that was elsewhere.
func (c systemCall) inWords(dir string) string {
	path := func(parts ...string) string {
		name := filepath.Join(parts...)
		if name == dir {
			return "."
		}
		name, ok := strings.CutPrefix(name, dir+"/")
		if !ok {
			return ""
		}
		return name
	}
	say := func(what string, names ...string) string {
		for _, name := range names {
			if name == "" {
				return ""
			}
		}
		return what + " " + strings.Join(names, " ")
	}
	file, name, names := onFile.FindStringSubmatch(c.args), onName.FindStringSubmatch(c.args), onNames.FindStringSubmatch(c.args)
	switch c.name {
	case "openat":
		if name != nil && strings.Contains(name[3], "O_CREAT") {
			return say("create", path(name[1], name[2]))
		}
		return ""
	case "unlinkat":
		return say("remove", path(name[1], name[2]))
	case "renameat", "renameat2":
		what := "rename"
		if strings.Contains(names[5], "RENAME_EXCHANGE") {
			what = "exchange"
		}
		return say(what, path(names[1], names[2]), path(names[3], names[4]))
	}
	switch {
	case file == nil:
		return ""
	case strings.HasPrefix(file[1], "socket:") || strings.HasPrefix(file[1], "TCP"):
		if strings.Contains(c.args, `"HTTP/1.1 `) {
			return "reply"
		}
		return ""
	}
	what := map[string]string{"write": "write", "pwrite64": "write", "writev": "write", "fdatasync": "sync", "fsync": "syncdir", "ftruncate": "truncate", "fchmod": "copyowner"}[c.name]
	return say(what, path(file[1]))
}
