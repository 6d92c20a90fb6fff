//go:build unix

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestCommandLineDocuments does what doc/cli.md says, and what others of that kind
// say, doc/cli-*.md and doc/mcp.md: the blocks that look like a terminal, in their
// order, each document in an empty folder. In what is printed "…" stands for whatever differs.
// A command that ends with & runs beside the others to the end, or to the next
// "kill %1"; "export" lasts. The port 1337 is one that is free.
func TestCommandLineDocuments(t *testing.T) {
	documents, err := filepath.Glob(root + "/doc/cli*.md")
	if err != nil || len(documents) == 0 {
		t.Fatalf("%d documents, %v", len(documents), err)
	}
	for _, path := range append(documents, root+"/doc/mcp.md") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			steps := documentSteps(read(t, path))
			if len(steps) < 5 {
				t.Fatalf("%d commands", len(steps))
			}
			r := newReader(t)
			for _, step := range steps {
				r.follow(step)
			}
		})
	}
}

// reader is someone who types what a document says.
type reader struct {
	t           *testing.T
	dir         string
	environment []string
	port        string // that stands in for 1337
	jobs        []*job
}

// job is a command that runs beside the others.
type job struct {
	cmd   *exec.Cmd
	out   *screen
	ended chan struct{}
}

func newReader(t *testing.T) *reader {
	r := &reader{t: t, dir: t.TempDir(), port: "1337", environment: []string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + t.TempDir(), "GORACE=" + os.Getenv("GORACE"), "LC_ALL=C", "HOME=" + t.TempDir(),
	}}
	t.Cleanup(func() {
		for len(r.jobs) > 0 {
			r.end()
		}
	})
	return r
}

// documentPort is the port as documents have it.
var documentPort = regexp.MustCompile(`\b1337\b`)

func (r *reader) follow(s step) {
	r.t.Helper()
	command, beside := strings.CutSuffix(s.command, " &")
	switch {
	case beside:
		r.begin(documentPort.ReplaceAllString(command, "0"), s)
		return
	case command == "kill %1":
		r.end()
		return
	}
	command = documentPort.ReplaceAllString(command, r.port)
	if list, ok := strings.CutPrefix(command, "export "); ok {
		r.environment = append(r.environment, strings.Fields(list)...)
		return
	}
	out, err := r.command(command).CombinedOutput()
	var exit *exec.ExitError // a document shows the status where it matters
	if got := r.seen(string(out)); err != nil && !errors.As(err, &exit) || !looksLike(got, s.reply) {
		r.t.Errorf("$ %s\n%s(%v) but the document says\n%s", s.command, got, err, s.reply)
	}
}

func (r *reader) command(line string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir, cmd.Env = r.dir, r.environment
	return cmd
}

// begin runs a command beside the others, and waits for what it prints.
func (r *reader) begin(command string, s step) {
	r.t.Helper()
	j := &job{cmd: r.command("exec " + command), out: newScreen(), ended: make(chan struct{})}
	j.cmd.Stdout, j.cmd.Stderr = j.out, j.out
	if err := j.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.jobs = append(r.jobs, j)
	go func() {
		defer close(j.ended)
		j.cmd.Wait()
	}()
	for limit := time.After(patience); ; {
		text, changed := j.out.look()
		if port := listening.FindStringSubmatch(text); port != nil {
			r.port = port[1]
		}
		if looksLike(r.seen(text), s.reply) {
			return
		}
		select {
		case <-changed:
		case <-limit:
			r.t.Fatalf("$ %s\n%sbut the document says\n%s", s.command, text, s.reply)
		}
	}
}

// end ends the last command that runs beside the others.
func (r *reader) end() {
	j := r.jobs[len(r.jobs)-1]
	r.jobs = r.jobs[:len(r.jobs)-1]
	j.cmd.Process.Signal(syscall.SIGTERM) // one that has ended hears nothing
	select {
	case <-j.ended:
	case <-time.After(patience):
		j.cmd.Process.Kill()
		<-j.ended
		r.t.Errorf("%s does not end", j.cmd)
	}
}

// seen is what was printed, with the port of the document.
func (r *reader) seen(text string) string {
	if r.port == "1337" {
		return text
	}
	return regexp.MustCompile(`\b`+r.port+`\b`).ReplaceAllString(text, "1337")
}

// looksLike compares what was printed with what a document shows.
func looksLike(got, want string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimRight(want, "\n")), "…", `[^\n]*`)
	return regexp.MustCompile(`\A` + pattern + `\n*\z`).MatchString(got)
}

// TestLooksLike: the comparison can fail.
func TestLooksLike(t *testing.T) {
	for _, c := range []struct {
		got, want string
		like      bool
	}{
		{"a\n", "a\n", true}, {"a", "a\n", true}, {"", "", true}, {"a\n", "", false}, {"", "a\n", false}, {"ab\n", "a\n", false}, {"a\nb\n", "a…\n", false},
		{"a 12 b\n", "a … b\n", true}, {"a b\n", "a … b\n", false}, {"a.b\n", "a.b\n", true}, {"axb\n", "a.b\n", false},
	} {
		if got := looksLike(c.got, c.want); got != c.like {
			t.Errorf("%q like %q: %v", c.got, c.want, got)
		}
	}
}
