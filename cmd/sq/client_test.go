package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// said is what a command has printed, and how it ended.
type said struct {
	status         int
	stdout, stderr string
}

// commandLine runs a command in this process.
func commandLine(t *testing.T, environment map[string]string, stdin string, args ...string) said {
	t.Helper()
	var stdout, stderr bytes.Buffer
	out := outside{
		stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr,
		lookup:  func(name string) (string, bool) { v, ok := environment[name]; return v, ok },
		signals: func() (<-chan os.Signal, func()) { return nil, func() {} },
	}
	status := run(context.Background(), args, out)
	return said{status, stdout.String(), stderr.String()}
}

// session is commands and what they print, wherever the phext is. In what they
// print @ stands for the coordinate that a daemon puts in front.
var session = []struct {
	args  string // split at spaces; _ stands for one
	stdin string
	want  string
}{
	{"insert 1.1.1/1.1.1/1.1.1 Hello", "", "@1.1.1/1.1.1/1.1.1 Inserted 5 bytes\n"},
	{"insert 1.1.1/1.1.1/1.1.1 -", ",_world\n", "@1.1.1/1.1.1/1.1.1 Inserted 8 bytes\n"},
	{"update 1.1.1/1.1.1/2.1.1 --_text", "", "@1.1.1/1.1.1/2.1.1 Updated 7 bytes\n"},
	{"select 1.1.1/1.1.1/2.1.1 --json", "", `{"exists":true,"coord":"1.1.1/1.1.1/2.1.1","text":"-- text","checksum":"35aeb24dcc1c9e877b28f3aff8b23214"}` + "\n"},
	{"select 1.1.1/1.1.1/9.1.1 --json", "", `{"exists":false,"coord":"1.1.1/1.1.1/9.1.1","text":""}` + "\n"},
	{"toc", "", "* 1.1.1/1.1.1/1.1.1: Hello, world...\n* 1.1.1/1.1.1/2.1.1: -- text\n"},
	{"get", "", "Hello, world\n\x19-- text"},
	{"status --json", "", `{"phext":"notes","exists":true,"connection":#,"bytes":21,"scrolls":2}` + "\n"},
	{"list", "", "notes\n"},
	{"list --json", "", `{"name":"notes","bytes":21,"scrolls":2,"modified":"#"}` + "\n"},
	{"json-export", "", `[{"coord":"1.1.1/1.1.1/1.1.1","scroll":"Hello, world\n"},{"coord":"1.1.1/1.1.1/2.1.1","scroll":"-- text"}]` + "\n"},
	{"delta -", "1.1.1/1.1.1/2.1.1:_35aeb24dcc1c9e877b28f3aff8b23214\n1.1.1/1.1.1/3.1.1:_35aeb24dcc1c9e877b28f3aff8b23214\n", "Hello, world\n\x19\x19---sq:Scroll-Missing---"},
	{"delta - --json", "1.1.1/1.1.1/1.1.1:_35aeb24dcc1c9e877b28f3aff8b23214\n1.1.1/1.1.1/2.1.1:_35aeb24dcc1c9e877b28f3aff8b23214\n1.1.1/1.1.1/3.1.1:_35aeb24dcc1c9e877b28f3aff8b23214\n",
		`{"coord":"1.1.1/1.1.1/1.1.1","text":"Hello, world\n","checksum":"#"}` + "\n" + `{"coord":"1.1.1/1.1.1/3.1.1","missing":true}` + "\n"},
	{"diff -", "Hello\x19-- text", "~ 1.1.1/1.1.1/1.1.1: Hello\n"},
	{"save SCRATCH/copy.phext", "", "Wrote 21 bytes to SCRATCH/copy.phext\n"},
	{"pull 1.1.1/1.1.1/2.1.1 SCRATCH/text", "", "@1.1.1/1.1.1/2.1.1 Exported scroll at 1.1.1/1.1.1/2.1.1 to SCRATCH/text.\n"},
	{"push 1.1.1/1.1.1/4.1.1 SCRATCH/text", "", "@1.1.1/1.1.1/4.1.1 Updated 7 bytes\n"},
	{"slurp 2.1.1/1.1.1/1.1.1 FOLDER", "", "@2.1.1/1.1.1/1.1.1 Slurped 3 files, 6 bytes, from FOLDER\n"},
	{"slurp 2.1.1/1.1.1/1.1.1 FOLDER", "", "@2.1.1/1.1.1/1.1.1 Slurped 3 files, 6 bytes, from FOLDER\n"},
	{"export 2.1.1/1.1.1/1.1.1 SCRATCH/folder", "", "@2.1.1/1.1.1/1.1.1 Exported 3 files, 6 bytes, to SCRATCH/folder\n"},
	{"delete 1.1.1/1.1.1/4.1.1", "", "@1.1.1/1.1.1/4.1.1 Removed 7 bytes\n"},
	{"delete 1.1.1/1.1.1/4.1.1 --json", "", `{"coord":"1.1.1/1.1.1/4.1.1","bytes":0,"before":0,"after":0}` + "\n"},
	{"update 1.1.1/1.1.1/1.1.1 ", "", "@1.1.1/1.1.1/1.1.1 Updated 0 bytes\n"},
	{"checksum", "", "#\n"},
}

// TestSameEverywhere: the commands print the same over a file, a server, a socket
// and a daemon, but for what a daemon puts in front.
func TestSameEverywhere(t *testing.T) {
	places := map[string]func(t *testing.T) (flags []string, environment map[string]string){
		"file":   func(t *testing.T) ([]string, map[string]string) { return []string{"--file", "notes.phext"}, nil },
		"server": onServer,
		"environment": func(t *testing.T) ([]string, map[string]string) {
			flags, _ := onServer(t)
			return nil, map[string]string{"SQ_SERVER": flags[1], "SQ_TOKEN": flags[3], "SQ_PHEXT": flags[5]}
		},
		"daemon": func(t *testing.T) ([]string, map[string]string) { onDaemon(t); return nil, nil },
		"file-of-a-daemon": func(t *testing.T) ([]string, map[string]string) {
			onDaemon(t)
			return []string{"--file", "./notes.phext"}, nil
		},
	}
	for place, prepare := range places {
		t.Run(place, func(t *testing.T) {
			t.Chdir(t.TempDir())
			flags, environment := prepare(t)
			follow(t, flags, environment, strings.Contains(place, "daemon"))
		})
	}
}

func onServer(t *testing.T) ([]string, map[string]string) {
	s := begin(t, map[string]string{"SQ_KEY": "invented-token"}, "host", "0", "--data-dir", t.TempDir(), "--listen", "127.0.0.1")
	s.listens()
	return []string{"--server", "http://" + s.address, "--token", "invented-token", "--phext", "notes"}, nil
}

func onDaemon(t *testing.T) {
	s := begin(t, nil, "share", "notes.phext")
	s.await(s.stdout, regexp.MustCompile(`Serving \d+ scroll`))
}

// follow does the session.
func follow(t *testing.T, flags []string, environment map[string]string, daemon bool) {
	scratch, folder := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{"a": "one", "b": "two", "empty": ""} {
		if err := os.WriteFile(folder+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put := strings.NewReplacer("SCRATCH", scratch, "FOLDER", folder)
	for _, c := range session {
		args := strings.Split(put.Replace(c.args), " ")
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "_", " ")
		}
		got := commandLine(t, environment, strings.ReplaceAll(c.stdin, "_", " "), append(args, flags...)...)
		want := put.Replace(c.want)
		if rest, ok := strings.CutPrefix(want, "@"); ok {
			at, line, _ := strings.Cut(rest, " ")
			want = line
			if daemon {
				want = at + ": " + line
			}
		}
		if !matchesNumber(got.stdout, want) || got.status != 0 || got.stderr != "" {
			t.Errorf("sq %s\n%+v\nand not %q", c.args, got, want)
		}
	}
}

// matchesNumber compares with a text in which # stands for a number, a checksum or a
// time.
func matchesNumber(got, want string) bool {
	before, after, ok := strings.Cut(want, "#")
	if !ok {
		return got == want
	}
	middle, ok := strings.CutPrefix(got, before)
	middle, ok2 := strings.CutSuffix(middle, after)
	return ok && ok2 && middle != "" && strings.Trim(middle, "0123456789abcdef-:.TZ") == ""
}

// TestDaemonsReply: a scroll is printed with its coordinate, as in v0.5.5.
func TestDaemonsReply(t *testing.T) {
	t.Chdir(t.TempDir())
	onDaemon(t)
	commandLine(t, nil, "", "insert", "1.1.1/1.1.1/1.1.1", "Hello")
	if got := commandLine(t, nil, "", "select", "1.1.1/1.1.1/1.1.1"); got != (said{0, "1.1.1/1.1.1/1.1.1: Hello\n", ""}) {
		t.Errorf("%+v", got)
	}
	if got := commandLine(t, nil, "", "save", "notes.phext"); got.status != 0 || got.stdout != "notes.phext is the phext itself, and up to date\n" {
		t.Errorf("%+v", got)
	}
}

// TestServedFolder: a file that a server has open is not opened beside it, and the
// error says by whom.
func TestServedFolder(t *testing.T) {
	dir := t.TempDir()
	start(t, "--data-dir", dir)
	for _, args := range [][]string{{"toc"}, {"insert", "1.1.1/1.1.1/1.1.1", "x"}, {"list"}} {
		got := commandLine(t, nil, "", append(args, "--file", dir+"/notes.phext")...)
		if got.status != 1 || !strings.Contains(got.stderr, fmt.Sprintf("process %d", os.Getpid())) || !strings.Contains(got.stderr, "sq: hint: ask that program: --server URL --phext NAME") {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

// TestWrongServer: what is no server, or none that takes the token, is told.
func TestWrongServer(t *testing.T) {
	t.Chdir(t.TempDir())
	flags, _ := onServer(t)
	for want, args := range map[string][]string{
		"Unauthorized":    {"--server", flags[1], "--token", "guessed", "--phext", "notes"},
		"ftp":             {"--server", "ftp://localhost", "--phext", "notes"},
		"begins with a d": {"--server", flags[1], "--phext", ".notes"},
	} {
		got := commandLine(t, nil, "", append([]string{"toc"}, args...)...)
		if got.status == 0 || !strings.Contains(got.stderr, want) || strings.Contains(got.stderr, "guessed") || got.stdout != "" {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

// TestCompletion: names and coordinates come from the phext, with the beginning
// of its text, and what cannot be found completes nothing, and says nothing.
func TestCompletion(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	text := "one\x17two\x18three\x19four\x1afive\x01six"
	if err := os.WriteFile("notes.phext", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server, _ := onServer(t)
	if got := commandLine(t, nil, "", append([]string{"insert", "1.1.1/1.1.1/1.1.1", "x"}, server...)...); got.status != 0 {
		t.Fatalf("%+v", got)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"select", "--file", "notes.phext", "1.1.1/1.1.1/"}, "1.1.1/1.1.1/1.1.1\tone\n1.1.1/1.1.1/1.1.2\ttwo\n1.1.1/1.1.1/1.2.1\tthree\n1.1.1/1.1.1/2.1.1\tfour\n:4\n"},
		{[]string{"select", "--file", "notes.phext", "1.1.1/1.1.1/1.1"}, "1.1.1/1.1.1/1.1.1\tone\n1.1.1/1.1.1/1.1.2\ttwo\n:4\n"},
		{[]string{"update", "--file", "notes.phext", "2"}, "2.1.1/1.1.1/1.1.1\tsix\n:4\n"},
		{[]string{"select", "--file", "notes.phext", "x"}, ":4\n"},
		{[]string{"select", "--file", "notes.phext", "1.1.1/1.1.1/1.1.1", ""}, ":4\n"},
		{[]string{"update", "--file", "notes.phext", "1.1.1/1.1.1/1.1.1", ""}, ":4\n"},
		{[]string{"pull", "--file", "notes.phext", "1.1.1/1.1.1/1.1.1", ""}, ":0\n"},
		{[]string{"select", "--file", "nowhere.phext", ""}, ":4\n"},
		{[]string{"select", ""}, ":4\n"},
		{append([]string{"toc"}, append(server[:4:4], "--phext", "")...), "notes\n:4\n"},
		{append([]string{"toc"}, append(server[:4:4], "--phext", "x")...), ":4\n"},
		{append(append([]string{"select"}, server...), "1."), "1.1.1/1.1.1/1.1.1\tx\n:4\n"},
	} {
		got := commandLine(t, nil, "", append([]string{"__complete"}, c.args...)...)
		if got.status != 0 || got.stdout != c.want {
			t.Errorf("%q: %q, want %q", c.args, got.stdout, c.want)
		}
	}
}

// TestCommandsHaveExamples: every command explains itself, with an example, and
// has its manual page.
func TestCommandsHaveExamples(t *testing.T) {
	dir := t.TempDir()
	got := commandLine(t, nil, "", "man", dir)
	if got.status != 0 {
		t.Fatalf("%+v", got)
	}
	pages := 0
	root := newRoot(outside{})
	completion, _, err := root.Find([]string{"completion"})
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range completion.Commands() {
		if _, ours := shells[cmd.Name()]; !ours || cmd.Example == "" || strings.Contains(cmd.Long, "autocompletion") {
			t.Errorf("%s has no help of ours", cmd.CommandPath())
		}
	}
	for _, cmd := range append(root.Commands(), root) {
		if cmd.HasParent() && cmd.GroupID == "" && cmd.Runnable() {
			t.Errorf("%s is in no group", cmd.CommandPath())
		}
		if cmd.Long == "" || cmd.Example == "" && !strings.Contains(cmd.Long, "\nExamples:\n") || cmd.Short == "" {
			t.Errorf("%s has no help or no example", cmd.CommandPath())
		}
		page := read(t, dir+"/"+manualName(cmd)+".1")
		if !strings.Contains(page, ".SH DESCRIPTION") || !strings.Contains(page, ".SH EXAMPLES") && !strings.Contains(page, "\nExamples:\n") {
			t.Errorf("the manual page of %s:\n%s", cmd.CommandPath(), page)
		}
		pages++
	}
	if pages < 25 {
		t.Errorf("%d pages", pages)
	}
}

// TestCommandsAtOnce: commands that write to one file wait for each other, and none
// is lost.
func TestCommandsAtOnce(t *testing.T) {
	t.Chdir(t.TempDir())
	const commands = 12
	var all sync.WaitGroup
	for range commands {
		all.Go(func() {
			if got := commandLine(t, nil, "", "insert", "--file", "notes.phext", "1.1.1/1.1.1/1.1.1", "x"); got.status != 0 {
				t.Errorf("%+v", got)
			}
			if got := commandLine(t, nil, "", "select", "--file", "notes.phext", "1.1.1/1.1.1/1.1.1"); got.status != 0 || got.stdout == "" {
				t.Errorf("%+v", got)
			}
		})
	}
	all.Wait()
	if got := commandLine(t, nil, "", "select", "--file", "notes.phext", "1.1.1/1.1.1/1.1.1"); got.stdout != strings.Repeat("x", commands) {
		t.Errorf("%+v", got)
	}
}

// TestSlurpManyFiles: after scroll 999 the files go on in the next section, in more
// batches than one, and come back.
func TestSlurpManyFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	const files = batchOps + 100
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range files {
		if err := os.WriteFile(fmt.Sprintf("folder/%05d", i), fmt.Appendf(nil, "file %d", i), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"slurp", "--file", "notes.phext", "1.1.1/1.1.1/1.1.1", "folder"},
		{"export", "--file", "notes.phext", "copy"},
	} {
		if got := commandLine(t, nil, "", args...); got.status != 0 || !strings.Contains(got.stdout, fmt.Sprintf(" %d files, ", files)) {
			t.Fatalf("%+v", got)
		}
	}
	for at, want := range map[string]string{"1.1.1/1.1.1/1.1.999": "file 997", "1.1.1/1.1.1/1.2.1": "file 998", "1.1.1/1.1.1/1.5.201": fmt.Sprintf("file %d", files-1)} {
		if got := commandLine(t, nil, "", "select", "--file", "notes.phext", at); got.stdout != want {
			t.Errorf("%s: %+v, want %q", at, got, want)
		}
	}
	if got, want := tree(t, "copy"), tree(t, "folder"); !maps.Equal(got, want) {
		t.Errorf("%d files are not the %d there were", len(got), len(want))
	}
}
