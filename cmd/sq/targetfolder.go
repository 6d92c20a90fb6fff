package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// folder is the store of --file: a folder of this machine that no server has. To
// read makes nothing in it. At the first write, or where a journal has to be read,
// the engine opens it, which makes .sq there and locks it until the command ends.
type folder struct {
	dir    string
	out    outside
	engine *disk.Engine // nil until it is needed
	served string       // what to do where a server has it
}

var _ sq.Store = (*folder)(nil)

func newFolder(dir string, out outside, served string) *folder {
	const hint = "ask that program: --server URL --phext NAME in place of --file; a daemon from the folder that it was started in"
	return &folder{dir: dir, out: out, served: cmp.Or(served, hint)}
}

// opened returns the engine's store. It is for one goroutine, as commands are.
func (f *folder) opened() sq.Store {
	if f.engine == nil {
		f.engine = disk.New(disk.Options{Logger: newLogger(f.out.stderr, "text", "warn"), Owner: fmt.Sprintf("%s %d", commandOwner, os.Getpid())})
	}
	return f.engine.Store(f.dir)
}

// What stands in the lock of a folder that a command has for a moment.
const (
	commandOwner = "a command, process"
	readerOwner  = "which reads"
)

// commandPatience is how long another command is waited for that has the folder.
const commandPatience = 10 * time.Second

// patiently calls do, again while another command has the folder. A server, which
// keeps it, is not waited for: whose it is, is told, and how to go on.
func (f *folder) patiently(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, commandPatience)
	defer cancel()
	for {
		err := do()
		if sq.ErrorCode(err) != sq.Busy {
			return err
		}
		if !isBrief(err) || !pause(ctx, 10*time.Millisecond) {
			return hinted(err, f.served)
		}
	}
}

// isBrief reports whether who has a folder will soon be done: a command, or somebody
// who has it so newly that there is no name in the lock yet.
func isBrief(err error) bool {
	var locked *vfs.LockedError
	return errors.As(err, &locked) &&
		(locked.Owner == "" || strings.Contains(locked.Owner, commandOwner) || strings.Contains(locked.Owner, readerOwner))
}

// Snapshot is described at sq.Store.
func (f *folder) Snapshot(ctx context.Context, name sq.PhextName) (s sq.Snapshot, err error) {
	err = f.patiently(ctx, func() error {
		s, err = f.peek(ctx, name)
		return err
	})
	return s, err
}

func (f *folder) peek(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	if f.engine == nil {
		s, err := disk.Peek(f.dir, name)
		if !errors.Is(err, disk.ErrJournal) {
			return s, err
		}
	}
	return f.opened().Snapshot(ctx, name)
}

// List is described at sq.Store.
func (f *folder) List(ctx context.Context) (names []sq.PhextName, err error) {
	err = f.patiently(ctx, func() error {
		if f.engine == nil {
			names, err = disk.PeekList(f.dir)
		} else {
			names, err = f.opened().List(ctx)
		}
		return err
	})
	return names, err
}

// Apply is described at sq.Store.
func (f *folder) Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) (results []sq.Result, err error) {
	if err := f.exists(); err != nil {
		return nil, err
	}
	err = f.patiently(ctx, func() error {
		results, err = f.opened().Apply(ctx, name, batch)
		return err
	})
	return results, err
}

// exists says it better than the engine when there is no such folder.
func (f *folder) exists() error {
	info, err := os.Stat(f.dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return hinted(sq.Errorf(sq.NotFound, "there is no folder %q", f.dir), "make it with mkdir")
	case err == nil && !info.IsDir():
		return sq.Errorf(sq.Invalid, "%q is no folder", f.dir)
	}
	return err
}

// Replace is described at sq.Store.
func (f *folder) Replace(ctx context.Context, name sq.PhextName, r io.Reader) error {
	if err := f.exists(); err != nil {
		return err
	}
	return f.opened().Replace(ctx, name, r)
}

// Drop is described at sq.Store.
func (f *folder) Drop(ctx context.Context, name sq.PhextName) error {
	return f.opened().Drop(ctx, name)
}

// Watch is described at sq.Store.
func (f *folder) Watch(ctx context.Context, name sq.PhextName, under phext.Pattern, after sq.Position) iter.Seq2[sq.Change, error] {
	return f.opened().Watch(ctx, name, under, after)
}

// Refresh is described at sq.Store.
func (f *folder) Refresh(ctx context.Context, name sq.PhextName) error {
	if f.engine == nil {
		return nil // what is read is read anew
	}
	return f.opened().Refresh(ctx, name)
}

// Close folds the journal into the file and lets the folder go.
func (f *folder) Close() error {
	if f.engine == nil {
		return nil
	}
	return f.engine.Close(context.Background())
}

// sameFile reports whether two paths lead to one file.
func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	if err1 == nil && err2 == nil {
		return os.SameFile(x, y)
	}
	paths := []string{a, b}
	for i := range paths {
		if full, err := filepath.Abs(paths[i]); err == nil {
			paths[i] = full
		}
	}
	return len(slices.Compact(paths)) == 1
}
