//go:build unix

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOperatorsDay has scripts/operators-day live through its day, with sq as it is
// shipped and the curl of the machine.
func TestOperatorsDay(t *testing.T) {
	withoutStandIns(t)
	bash := tool(t, "bash")
	tool(t, "curl")
	sq, scratch := program(t), t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, bash, filepath.Join(root, "scripts/operators-day"), sq)
	// Asked to end and not killed: what it started and made is its own to remove.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = patience
	cmd.Env = append(os.Environ(), "TMPDIR="+scratch)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "\nAll is as it should be.\n") {
		t.Errorf("%v\n%s", err, out)
	}
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v behind, %v", left, err)
	}
}

// withoutStandIns takes the programs out of the path that the test binary stands in for.
func withoutStandIns(t *testing.T) {
	t.Helper()
	sq, err := exec.LookPath("sq")
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		if folder != filepath.Dir(sq) {
			kept = append(kept, folder)
		}
	}
	t.Setenv("PATH", strings.Join(kept, string(filepath.ListSeparator)))
}
