package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestHTTPDocument does what doc/http.md says, in an empty folder.
func TestHTTPDocument(t *testing.T) {
	text := read(t, root+"/doc/http.md")
	start := regexp.MustCompile(`(?m)^mkdir (\S+) && sq host 1337 (.*)$`).FindStringSubmatch(text)
	if start == nil {
		t.Fatal("the document does not say how to start the server")
	}
	t.Chdir(t.TempDir())
	if err := os.Mkdir(start[1], 0o700); err != nil {
		t.Fatal(err)
	}
	s := begin(t, nil, append([]string{"host", "0"}, strings.Fields(start[2])...)...)
	s.listens()
	steps := documentSteps(text)
	if len(steps) < 9 {
		t.Fatalf("the document has %d commands", len(steps))
	}
	for _, step := range steps {
		if got, want := s.shell(step.command), strings.TrimRight(step.reply, "\n"); got != want {
			t.Errorf("$ %s\n%s\nbut the document says\n%s", step.command, got, want)
		}
	}
	s.stop()
}

// documentSteps is consoleSteps, where a command may have a text up to a line END.
func documentSteps(text string) (steps []step) {
	for _, step := range consoleSteps(text) {
		if document, reply, ok := strings.Cut(step.reply, "END\n"); ok && strings.HasSuffix(step.command, "<< END") {
			step.command, step.reply = step.command+"\n"+document+"END", reply
		}
		steps = append(steps, step)
	}
	return steps
}
