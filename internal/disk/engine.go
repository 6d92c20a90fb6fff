// Package disk is the engine: an sq.Store whose phexts are plain text files.
//
// A tenant's directory holds NAME.phext for each phext, whole at every moment,
// and .sq with what is ours: the lock, and the journal of batches that were
// answered and are not in the file yet. An open phext is a handle. Its committer
// goroutine writes each group of batches to the newest segment of the journal
// with one sync, publishes the new view, and only then answers. A checkpoint
// writes the state beside the file, notes a mark that says what the new file
// holds, exchanges the two, and removes the segments that the file made
// superfluous. Package journal has the bytes.
//
// The committer is the only one who changes a handle. Readers load the current
// view, which never changes, and hold the files that it reads.
package disk

import (
	"context"
	"io"
	"log/slog"
	"sync"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// Options are the engine's. The zero value is ready.
type Options struct {
	Logger *slog.Logger                     // nil: nothing is logged
	Open   func(dir string) (vfs.FS, error) // nil: vfs.Open
}

// Engine serves any number of directories. Goroutines may share it.
type Engine struct {
	log     *slog.Logger
	open    func(dir string) (vfs.FS, error)
	closing chan struct{}

	mu     sync.Mutex
	stores []*Store
}

// New returns an engine.
func New(o Options) *Engine {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Open == nil {
		o.Open = vfs.Open
	}
	return &Engine{log: o.Logger, open: o.Open, closing: make(chan struct{})}
}

// Store returns the store on a directory, which must exist when it is first
// used. Nothing is opened before that.
func (e *Engine) Store(dir string) *Store {
	s := &Store{
		engine: e, dir: dir, handles: map[sq.PhextName]*handle{}, opening: map[sq.PhextName]chan struct{}{},
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stores = append(e.stores, s)
	return s
}

// Close closes every store: journals are folded into their files. Watchers end;
// requests under way must have ended.
func (e *Engine) Close(context.Context) error {
	close(e.closing)
	e.mu.Lock()
	defer e.mu.Unlock()
	var first error
	for _, s := range e.stores {
		if err := s.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func copyFile(dir vfs.FS, from vfs.File, path, parent string) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	return copyReader(dir, io.NewSectionReader(from, 0, info.Identity.Size), path, parent)
}

// copyReader writes a new file, synced together with its name.
func copyReader(dir vfs.FS, from io.Reader, path, parent string) error {
	file, err := dir.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := io.Copy(io.NewOffsetWriter(file, 0), from); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return dir.SyncDir(parent)
}
