package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/wbic16/sq-go/phext"
)

// root is the project's folder, seen from this package.
const root = "../.."

// step is a command of the README and what it is said to print.
type step struct{ command, reply string }

// TestReadme does what the README says, in a copy of the example.
func TestReadme(t *testing.T) {
	readme := read(t, root+"/README.md")
	t.Chdir(exampleIn(t))
	s := begin(t, nil, startCommand(t, readme)...)
	s.listens()
	s.announcesAs(readme)
	steps := consoleSteps(readme)
	if len(steps) < 8 {
		t.Fatalf("the README has %d commands with replies", len(steps))
	}
	assigned := ""
	for _, step := range steps {
		if assignment.MatchString(step.command) {
			assigned += step.command + "\n"
			continue
		}
		s.does(assigned, step)
	}
	s.stop()
}

var assignment = regexp.MustCompile(`^\w+='[^']*'$`)

// startCommand returns the arguments of the command that starts the server, with
// a port that the system picks.
func startCommand(t *testing.T, readme string) []string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^go run \./cmd/sq host 1337 (--config \S+) `).FindStringSubmatch(readme)
	if found == nil {
		t.Fatal("the README does not say how to start the server")
	}
	return append([]string{"host", "0"}, strings.Fields(found[1])...)
}

// announcesAs holds standard output to the block that the README shows.
func (s *server) announcesAs(readme string) {
	s.t.Helper()
	here, err := os.Getwd()
	if err != nil {
		s.t.Fatal(err)
	}
	lines := strings.NewReplacer(here, "/home/you/sq-go", "port "+s.port(), "port 1337").Replace(s.stdout.String())
	if !strings.Contains(readme, "```text\n"+lines+"```\n") {
		s.t.Errorf("the README does not show what the server prints:\n%s", lines)
	}
}

// consoleSteps returns the commands in the blocks that look like a terminal.
func consoleSteps(readme string) (steps []step) {
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```\n").FindAllStringSubmatch(readme, -1) {
		for line := range strings.Lines(block[1]) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				steps = append(steps, step{command: strings.TrimSpace(command)})
			} else {
				steps[len(steps)-1].reply += line
			}
		}
	}
	return steps
}

// does runs a command as a shell would. What looks at a file is tried again for
// a while, since the server writes it when there is a pause.
func (s *server) does(assigned string, step step) {
	s.t.Helper()
	looksAtFile := !strings.HasPrefix(step.command, "curl")
	want := strings.TrimRight(step.reply, "\n")
	for began := time.Now(); ; {
		got := s.shell(assigned + step.command)
		if got == want {
			return
		}
		if !looksAtFile || time.Since(began) > patience {
			s.t.Errorf("$ %s\n%s\nbut the README says\n%s", step.command, got, want)
			return
		}
	}
}

func (s *server) shell(script string) string {
	s.t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = append(os.Environ(), "SQ_TEST_ADDRESS="+s.address)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Errorf("%s: %v", script, err)
	}
	return strings.TrimRight(string(out), "\n")
}

// TestHandbook does what the handbook says, which it serves itself.
func TestHandbook(t *testing.T) {
	dir := exampleIn(t)
	handbook := read(t, dir+"/examples/data/alice/handbook.phext")
	t.Chdir(dir)
	s := start(t, "--config", "examples/tenants.json")
	commands := regexp.MustCompile(`(?m)^  curl (.*\\\n)*.*$`).FindAllString(handbook, -1)
	replies := []string{"Reading a scroll\n", "Updated 21 bytes", "Inserted 5 bytes", ""}
	if len(commands) != len(replies) {
		t.Fatalf("the handbook has %d commands: %q", len(commands), commands)
	}
	for i, want := range replies {
		if got := s.shell(commands[i]); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s\n%s\nand not %q", commands[i], got, want)
		}
	}
	if backup := read(t, "handbook.phext"); backup != handbook+", you" {
		t.Error("the copy that get makes is another text")
	}
	s.stop()
}

// exampleIn copies the example to a new folder, as it was before anyone followed
// the README.
func exampleIn(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir+"/examples", os.DirFS(root+"/examples")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"alice", "bob"} {
		if err := os.RemoveAll(dir + "/examples/data/" + name + "/.sq"); err != nil {
			t.Fatal(err)
		}
	}
	resetGuestBook(t, dir+"/examples/data/alice/handbook.phext")
	return dir
}

// resetGuestBook takes away what was added by someone who followed the README.
func resetGuestBook(t *testing.T, path string) {
	t.Helper()
	text := []byte(read(t, path))
	last := bytes.LastIndex(text, []byte("Who was here: "))
	if last < 0 {
		t.Fatalf("%s has no guest book", path)
	}
	if err := os.WriteFile(path, append(text[:last], "Who was here: alice, bob"...), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestExamplesAreInNormalForm: they can be compared byte by byte with what the
// server writes.
func TestExamplesAreInNormalForm(t *testing.T) {
	paths, err := filepath.Glob(root + "/examples/data/*/*.phext")
	if err != nil || len(paths) < 3 {
		t.Fatalf("%d examples, %v", len(paths), err)
	}
	for _, path := range paths {
		text := []byte(read(t, path))
		if !phext.ValidUTF8(text) {
			t.Errorf("%s is not UTF-8", path)
		}
		if normal, err := phext.Normalize(text); err != nil || !bytes.Equal(normal, text) {
			t.Errorf("%s is not in normal form, %v", path, err)
		}
	}
}

// TestHandbookHasTitles: each scroll begins with a title that its line in the
// toc has room for, and each chapter has its line in the first scroll.
func TestHandbookHasTitles(t *testing.T) {
	text := []byte(read(t, root+"/examples/data/alice/handbook.phext"))
	var contents string
	for s := phext.NewScanner(text); s.Next(); {
		title, body, _ := strings.Cut(string(s.Text()), "\n\n")
		if len(title) > 32 || strings.Contains(title, "\n") || body == "" {
			t.Errorf("%v: the first line is no title: %q", s.Coordinate(), title)
		}
		if contents == "" {
			contents = body
		}
		if chapter := fmt.Sprintf("  chapter %d  ", s.Coordinate().Component(6)); !strings.Contains(contents, chapter) {
			t.Errorf("%v: the first scroll has no line for chapter %d", s.Coordinate(), s.Coordinate().Component(6))
		}
	}
}
