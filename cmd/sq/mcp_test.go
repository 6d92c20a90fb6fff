package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// agent is a client of the SDK that drives sq mcp in a process of its own.
type agent struct {
	t       *testing.T
	cmd     *exec.Cmd
	session *mcp.ClientSession
	stderr  *screen
}

// newAgent starts sq mcp in a folder. The test binary stands in for the program.
func newAgent(t *testing.T, dir string, environment []string, args ...string) *agent {
	t.Helper()
	a := &agent{t: t, stderr: newScreen(), cmd: exec.Command("sq", append([]string{"mcp"}, args...)...)}
	a.cmd.Dir, a.cmd.Stderr, a.cmd.Env = dir, a.stderr, append(os.Environ(), environment...)
	var err error
	a.session, err = mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).
		Connect(context.Background(), &mcp.CommandTransport{Command: a.cmd, TerminateDuration: patience}, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, a.stderr)
	}
	t.Cleanup(func() {
		a.session.Close()
		a.cmd.Process.Kill() // one that has ended hears nothing
	})
	return a
}

// call calls a tool, and returns the text of its reply.
func (a *agent) call(tool string, arguments map[string]any) (text string, failed bool) {
	a.t.Helper()
	reply, err := a.session.CallTool(context.Background(), &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		a.t.Fatalf("%s %v: %v\n%s", tool, arguments, err, a.stderr)
	}
	return reply.Content[0].(*mcp.TextContent).Text, reply.IsError
}

// says calls a tool whose reply has to have this in it.
func (a *agent) says(want, tool string, arguments map[string]any) {
	a.t.Helper()
	if got, failed := a.call(tool, arguments); failed || !strings.Contains(got, want) {
		a.t.Errorf("%s %v: failed %v, %s\nwant %s", tool, arguments, failed, got, want)
	}
}

// TestAgentEverywhere: an agent reads and writes wherever a command finds the phext.
func TestAgentEverywhere(t *testing.T) {
	at := func(c string) map[string]any { return map[string]any{"coordinate": c} }
	for place, prepare := range map[string]func(t *testing.T) (flags []string, environment []string){
		"file":   func(*testing.T) ([]string, []string) { return []string{"--file", "notes.phext"}, nil },
		"daemon": func(t *testing.T) ([]string, []string) { onDaemon(t); return nil, nil },
		"server": func(t *testing.T) ([]string, []string) {
			flags, _ := onServer(t)
			return []string{"--server", flags[1], "--phext", "notes"}, []string{"SQ_TOKEN=" + flags[3]}
		},
	} {
		t.Run(place, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			flags, environment := prepare(t)
			a := newAgent(t, dir, environment, flags...)
			a.says(`"exists":false`, "sq_info", nil)
			write := at("1.1.1/1.1.1/2.1.1")
			write["text"] = "Chapter two\n"
			a.says(`"bytes_after":12`, "sq_write", write)
			a.says(`"text":"Chapter two\n"`, "sq_read", at("1.1.1/1.1.1/2.1.1"))
			a.says(`"phexts":["notes"],"default":"notes"`, "sq_list", nil)
			a.says(`"first_line":"Chapter two…"`, "sq_list", map[string]any{"phext": "notes"})
			a.says(`"children":[{"division":"chapter"`, "sq_navigate", at("1.1.1/1.1.1/1.1.1"))
			a.says(`"excerpt":"Chapter two\n"`, "sq_search", map[string]any{"query": "CHAPTER"})
			if got := commandLine(t, nil, "", append([]string{"toc"}, append(flags, tokenFlag(environment)...)...)...); got.stdout != "* 1.1.1/1.1.1/2.1.1: Chapter two...\n" {
				t.Errorf("the commands see %+v", got)
			}
			write["if_match"] = strings.Repeat("0", 32)
			if got, failed := a.call("sq_write", write); !failed || !strings.Contains(got, "nothing was written") {
				t.Errorf("failed %v: %s", failed, got)
			}
			a.says(`"bytes_before":12`, "sq_delete", at("1.1.1/1.1.1/2.1.1"))
			a.ends("")
		})
	}
}

func tokenFlag(environment []string) []string {
	if len(environment) == 0 {
		return nil
	}
	return []string{"--token", strings.TrimPrefix(environment[0], "SQ_TOKEN=")}
}

// ends closes the input, and expects the program to end well and to have said this on
// standard error.
func (a *agent) ends(stderr string) {
	a.t.Helper()
	if err := a.session.Close(); err != nil {
		a.t.Errorf("the end: %v", err)
	}
	if got := a.stderr.String(); a.cmd.ProcessState.ExitCode() != 0 || got != stderr {
		a.t.Errorf("exit status %d, standard error %q", a.cmd.ProcessState.ExitCode(), got)
	}
}

// TestAgentsShareAFile: two agents have one file, each a process of its own, and a
// command has it in between.
func TestAgentsShareAFile(t *testing.T) {
	dir := t.TempDir()
	one, two := newAgent(t, dir, nil, "--file", "notes.phext"), newAgent(t, dir, nil, "--file", filepath.Join(dir, "notes.phext"))
	for _, a := range []*agent{one, two, one} {
		a.says(`"bytes_after"`, "sq_append", map[string]any{"coordinate": "1.1.1/1.1.1/1.1.1", "text": "x"})
		if got := commandLine(t, nil, "", "insert", "--file", dir+"/notes.phext", "1.1.1/1.1.1/1.1.1", "y"); got.status != 0 {
			t.Errorf("%+v", got)
		}
	}
	two.says(`"text":"xyxyxy"`, "sq_read", map[string]any{"coordinate": "1.1.1/1.1.1/1.1.1"})
	if got := read(t, dir+"/notes.phext"); got != "xyxyxy" {
		t.Errorf("the file is %q", got)
	}
	one.ends("")
	two.ends("")
}

// TestAgentAndDaemons: a daemon may come and go under an agent, and one of another
// folder is not taken for it.
func TestAgentAndDaemons(t *testing.T) {
	t.Chdir(t.TempDir())
	there := t.TempDir()
	a := newAgent(t, ".", nil, "--file", "notes.phext")
	b := begin(t, nil, "share", "notes.phext")
	b.await(b.stdout, serves)
	a.says(`"bytes_after":1`, "sq_append", map[string]any{"coordinate": "1.1.1/1.1.1/1.1.1", "text": "x"})
	other := newAgent(t, ".", nil)
	other.says(`"text":"x"`, "sq_read", map[string]any{"coordinate": "1.1.1/1.1.1/1.1.1"})
	commandLine(t, nil, "", "shutdown")
	<-b.ended
	a.says(`"text":"x"`, "sq_read", map[string]any{"coordinate": "1.1.1/1.1.1/1.1.1"})
	if got, failed := other.call("sq_info", nil); !failed || !strings.Contains(got, "this folder has no daemon") {
		t.Errorf("failed %v: %s", failed, got)
	}
	b = begin(t, nil, "share", filepath.Join(there, "notes.phext"))
	b.await(b.stdout, serves)
	if got, failed := other.call("sq_append", map[string]any{"coordinate": "1.1.1/1.1.1/1.1.1", "text": "y"}); !failed || !strings.Contains(got, "start it again") {
		t.Errorf("failed %v: %s", failed, got)
	}
	a.says(`"text":"x"`, "sq_read", map[string]any{"coordinate": "1.1.1/1.1.1/1.1.1"})
}

// TestAgentOnServedFolder: an agent is told by whom a file is held, and how to go on.
func TestAgentOnServedFolder(t *testing.T) {
	dir := t.TempDir()
	a := newAgent(t, dir, nil, "--file", "notes.phext")
	start(t, "--data-dir", dir)
	for _, tool := range []string{"sq_append", "sq_read"} {
		in := map[string]any{"coordinate": "1.1.1/1.1.1/1.1.1"}
		if tool == "sq_append" {
			in["text"] = "x"
		}
		if got, failed := a.call(tool, in); !failed || !strings.Contains(got, "process ") || !strings.Contains(got, "--server URL --phext NAME") {
			t.Errorf("%s: failed %v: %s", tool, failed, got)
		}
	}
}

// TestAgentReadOnly: there are no tools that write, and reading makes nothing.
func TestAgentReadOnly(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "notes.phext"), "text")
	a := newAgent(t, dir, nil, "--file", "notes.phext", "--read-only")
	a.says(`"read_only":true`, "sq_info", nil)
	a.says(`"text":"text"`, "sq_read", map[string]any{"coordinate": "1.1.1/1.1.1/1.1.1"})
	if _, err := a.session.CallTool(t.Context(), &mcp.CallToolParams{Name: "sq_write", Arguments: map[string]any{"coordinate": "1.1.1/1.1.1/1.1.1", "text": "x"}}); err == nil {
		t.Error("it writes")
	}
	a.ends("")
	if entries, err := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

// TestAgentConfiguration: what doc/mcp.md has clients read is JSON, and its command lines
// are of sq mcp.
func TestAgentConfiguration(t *testing.T) {
	_, block, _ := strings.Cut(read(t, root+"/doc/mcp.md"), "```json\n")
	block, _, _ = strings.Cut(block, "```")
	var file struct {
		Servers map[string]struct {
			Command string
			Args    []string
		} `json:"mcpServers"`
	}
	if err := json.Unmarshal([]byte(block), &file); err != nil || len(file.Servers) < 2 {
		t.Fatalf("%d servers, %v", len(file.Servers), err)
	}
	for name, s := range file.Servers {
		cmd, flags, err := newRoot(outside{}).Find(s.Args)
		if err != nil || s.Command+" "+cmd.Name() != "sq mcp" || cmd.ParseFlags(flags) != nil {
			t.Errorf("%s: %v", name, s)
		}
	}
}

// TestAgentReadsAJournal: what a killed server has left in its journal is read, and the
// folder is let go after it.
func TestAgentReadsAJournal(t *testing.T) {
	dir := t.TempDir()
	a := newAgent(t, dir, nil, "--file", "notes.phext")
	for left := 0; left == 0; { // it may be folded before the kill
		s := launch(t, nil, "--data-dir", dir)
		s.listens()
		s.want("", "POST", "update"+at("notes", first), "text", "Updated 4 bytes")
		s.signal(os.Kill)
		<-s.ended
		segments, err := os.ReadDir(filepath.Join(dir, ".sq/journal"))
		if left = len(segments); err != nil {
			t.Fatal(err)
		}
	}
	a.says(`"text":"text"`, "sq_read", map[string]any{"coordinate": first})
	if got := commandLine(t, nil, "", "insert", "--file", dir+"/notes.phext", first, "!"); got.status != 0 {
		t.Errorf("%+v", got)
	}
	a.says(`"text":"text!"`, "sq_read", map[string]any{"coordinate": first})
}
