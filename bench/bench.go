package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// bench is one run.
type bench struct {
	options
	ctx  context.Context
	data string // a folder that is gone at the end
	logs string
	self string // this program
}

func newBench(ctx context.Context, o options) (*bench, error) {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, ctx: ctx, data: filepath.Join(dir, "data"), logs: filepath.Join(dir, "log")}
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(b.data); err != nil {
		return nil, err
	}
	for _, d := range []string{b.data, b.logs} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	if b.program == "" {
		return b, b.build(filepath.Join(dir, "sq"))
	}
	b.program, err = filepath.Abs(b.program)
	return b, err
}

func (b *bench) build(path string) error {
	out, err := exec.CommandContext(b.ctx, "go", "build", "-o", path, "./cmd/sq").CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	b.program = path
	return nil
}

func (b *bench) close() { os.RemoveAll(b.data) }

// scaled returns a number of scrolls or tenants at the scale of the run.
func (b *bench) scaled(n int) int { return max(int(float64(n)*b.scale), min(n, 1000)) }

// emptyFolder makes a folder in the data, without what was there before.
func (b *bench) emptyFolder(name string) (string, error) {
	dir := filepath.Join(b.data, name)
	return dir, errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755))
}

// suite is rows that share servers and data.
type suite struct {
	rows []row
	// measure measures those of the rows that are asked for.
	measure func(b *bench, want []row) ([]figure, error)
}

// measure measures the rows of a suite that are wanted.
func (b *bench) measure(s suite, t *table) error {
	var want []row
	for _, r := range s.rows {
		if b.only.MatchString(r.name) {
			want = append(want, r)
		}
	}
	if len(want) == 0 {
		return nil
	}
	if _, err := b.emptyFolder(""); err != nil {
		return err
	}
	// What was removed still has to be written, by the one before.
	exec.CommandContext(b.ctx, "sync").Run()
	figures, err := s.measure(b, want)
	if err != nil {
		return fmt.Errorf("%s: %w", want[0].name, err)
	}
	for _, f := range figures {
		b.say("%-20s %s  %s  %s", f.name, f.value(), f.verdict(), f.note)
	}
	t.lines = append(t.lines, figures...)
	return b.ctx.Err()
}

// say tells whoever watches how far the run is.
func (b *bench) say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// await calls ready until it says yes.
func (b *bench) await(what string, most time.Duration, ready func() bool) error {
	for limit := time.Now().Add(most); !ready(); time.Sleep(2 * time.Millisecond) {
		if b.ctx.Err() != nil {
			return b.ctx.Err()
		}
		if time.Now().After(limit) {
			return errors.New("waited in vain: " + what)
		}
	}
	return nil
}
