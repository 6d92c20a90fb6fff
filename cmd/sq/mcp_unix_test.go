//go:build unix

package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
)

// TestAgentSignals: a signal ends sq mcp well, while its input is open.
func TestAgentSignals(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt, syscall.SIGHUP} {
		a := newAgent(t, t.TempDir(), nil, "--file", "notes.phext")
		a.says(`"bytes_after":1`, "sq_append", map[string]any{"coordinate": "1.1.1/1.1.1/1.1.1", "text": "x"})
		if err := a.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		a.session.Wait()
		a.session.Close() // waits for the process
		if got := a.stderr.String(); a.cmd.ProcessState.ExitCode() != 0 || got != "" {
			t.Errorf("%v: %v, standard error %q", signal, a.cmd.ProcessState, got)
		}
	}
}

// TestAgentKilled: what was answered is there when sq mcp is killed.
func TestAgentKilled(t *testing.T) {
	dir := t.TempDir()
	a := newAgent(t, dir, nil, "--file", "notes.phext")
	for range 20 {
		a.says(`"bytes_after"`, "sq_append", map[string]any{"coordinate": "1.1.1/1.1.1/1.1.1", "text": "x"})
	}
	a.cmd.Process.Kill()
	a.session.Close()
	if got := commandLine(t, nil, "", "select", "--file", dir+"/notes.phext", "1.1.1/1.1.1/1.1.1"); got.stdout != strings.Repeat("x", 20) {
		t.Errorf("%+v", got)
	}
}
