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
//
// Where to read:
//
//	engine.go store.go own.go directories and phexts, opened when used, closed when idle
//	handle.go                 an open phext: its users and its committer
//	commit.go decide.go relaxed.go    batches into the journal
//	segment.go                the journal's files
//	checkpoint.go turns.go pace.go exchange.go build.go    the journal into the file
//	adopt.go replace.go       the file changed by others, replaced, dropped
//	recover.go chain.go       opening after whatever happened
//	view.go merge.go index.go layer.go source.go load.go    what is in memory
//	snapshot.go changes.go    what readers and watchers see
//	notice.go room.go         the folder's watch, room on the disk
//	account.go quota.go       what a tenant uses, and may use
//	stats.go                  what operators are told
//	check.go repair.go        what is wrong in a directory, and mending it
//	place.go                  whole files put into a directory that nobody serves
//	peek.go                   a file read in a directory that nobody serves
package disk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// Options are the engine's. The zero value is ready.
type Options struct {
	// Logger gets what an operator must know; nil: nothing is logged.
	Logger *slog.Logger
	// Open opens a directory; nil: vfs.Open.
	Open func(dir string) (vfs.FS, error)
	// Owner is what another process is told of who serves a directory; "":
	// "process PID".
	Owner string
	// Memory is how many bytes the open phexts may take before the least
	// recently used ones are closed; 0: 1 GiB.
	Memory int64
	// Phexts is how many phexts may be open before the least recently used ones
	// are closed; each takes up to four file descriptors. Half as many directories
	// may be open, of three descriptors each. 0: a twelfth of the descriptors that
	// the process may have.
	Phexts int
	// Idle is how long a phext or a directory stays open without being used; 0: 5
	// minutes.
	Idle time.Duration
}

// Engine serves any number of directories. Goroutines may share it.
type Engine struct {
	log     *slog.Logger
	open    func(dir string) (vfs.FS, error)
	owner   string
	most    int64 // bytes
	phexts  int
	idle    time.Duration
	started time.Time
	dirs    atomic.Int64 // directories that are open
	memory  atomic.Int64 // that open phexts take, in bytes
	notices *notices
	turns   *turns
	stats   stats

	requests sync.Pool // that nobody waits for

	closing chan struct{}
	once    sync.Once
	worker  sync.WaitGroup

	mu     sync.Mutex // guards what follows
	stores map[string]*Store
	opened map[*handle]struct{}
	walks  map[string]walked // of directories at rest, as Used found them
}

// New returns an engine. Close ends it.
func New(o Options) *Engine {
	e := &Engine{
		log: o.Logger, open: o.Open, owner: cmp.Or(o.Owner, fmt.Sprintf("process %d", os.Getpid())),
		most: cmp.Or(o.Memory, 1<<30), phexts: cmp.Or(o.Phexts, max(vfs.MaxOpenFiles()/12, 64)), idle: cmp.Or(o.Idle, 5*time.Minute),
		stats: newStats(), started: time.Now(), closing: make(chan struct{}), stores: map[string]*Store{}, opened: map[*handle]struct{}{}, walks: map[string]walked{},
	}
	e.requests.New = func() any { return newRequest() }
	e.turns = newTurns(func() uint64 { return e.stats.groups.Counts().All })
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.notices = (&notices{}); e.open == nil {
		e.open = vfs.Open
		e.notices = newNotices(e)
	}
	e.worker.Go(e.tidy)
	return e
}

// Store returns the store on a directory, which must exist when it is first
// used. Nothing is opened before that. Equal paths have the same store, until
// it is closed.
func (e *Engine) Store(dir string) sq.Store { return e.store(dir) }

func (e *Engine) store(dir string) *Store {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stores[dir]
	if s == nil {
		s = newStore(e, dir)
		e.stores[dir] = s
	}
	return s
}

// remove forgets a store that was closed.
func (e *Engine) remove(s *Store) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.stores, s.dir)
}

// enter and leave count the open phexts.
func (e *Engine) enter(h *handle) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.opened[h] = struct{}{}
	e.memory.Add(handleBytes)
}

func (e *Engine) leave(h *handle) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.opened, h)
	e.memory.Add(-handleBytes)
}

// now is a time in nanoseconds, far above 0, that goes on when somebody sets the
// clock.
func (e *Engine) now() int64 { return int64(time.Since(e.started) + 1000*time.Hour) }

// tidy closes what is idle, until the engine closes.
func (e *Engine) tidy() {
	ticker := time.NewTicker(e.idle / 4)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			e.closeIdle(e.now() - int64(e.idle))
		case <-e.closing:
			return
		}
	}
}

// closeIdle closes the phexts and directories that were not used since a moment.
func (e *Engine) closeIdle(since int64) {
	for _, h := range e.leastUsed() {
		if h.used.Load() > since {
			break
		}
		h.closeIfIdle()
	}
	e.restAll(since)
}

// leastUsed returns the open phexts, the least recently used first.
func (e *Engine) leastUsed() []*handle {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]*handle, 0, len(e.opened))
	for h := range e.opened {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b *handle) int { return cmp.Compare(a.used.Load(), b.used.Load()) })
	return all
}

// over reports whether more is open than there may be.
func (e *Engine) over() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.opened) > e.phexts || len(e.opened) > 1 && e.memory.Load() > e.most
}

// crowded reports whether more directories are open than there may be.
func (e *Engine) crowded() bool { return e.dirs.Load() > int64(e.phexts/2) }

// trim closes the least recently used phexts and directories while there are too
// many. Those in use stay. Whoever opened one too many pays for it.
func (e *Engine) trim() {
	if !e.over() && !e.crowded() {
		return
	}
	if e.crowded() {
		e.restAll(e.now())
	}
	for _, h := range e.leastUsed() {
		switch {
		case e.over():
			h.closeIfIdle()
		case e.crowded():
			h.store.restNow()
		default:
			return
		}
	}
}

// restAll lets the directories go in which nothing is open, and was not since a
// moment.
func (e *Engine) restAll(since int64) {
	for _, s := range e.all() {
		s.rest(since)
	}
}

// all returns the stores there are.
func (e *Engine) all() []*Store {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Collect(maps.Values(e.stores))
}

// closeIfIdle closes a phext that nobody uses.
func (h *handle) closeIfIdle() {
	if !h.refuseUsers(true) {
		return
	}
	if err := h.close(context.Background()); err != nil {
		h.logger().Warn("closed an idle phext whose journal could not be folded; nothing is lost", "error", err)
	}
}

// close waits for the users of a handle, folds its journal and stops its
// committer. When ctx ends it does not fold any more: the journal stays for the
// next opening. When ctx ends before the last user is gone the handle is left as
// it is. The handle must refuse users.
func (h *handle) close(ctx context.Context) error {
	if !awaits(ctx, h.drained) {
		return ctx.Err()
	}
	err := h.checkpoint(ctx)
	h.do(func() {
		if unsynced := h.sync(); err == nil {
			err = unsynced
		}
		if h.damaged {
			err = nil // that was told, and is told again by the next opening
		}
		h.ending = true
	})
	<-h.stopped
	var left []leftover
	for _, s := range h.onDisk() {
		left = append(left, leftover{s.path, s.number})
	}
	h.forget()
	h.store.forget(h, left)
	return err
}

// awaits waits for a channel to be closed; false when ctx ends before.
func awaits(ctx context.Context, closed <-chan struct{}) bool {
	select {
	case <-closed:
		return true
	default:
	}
	select {
	case <-closed:
		return true
	case <-ctx.Done():
		return false
	}
}

// checkpoint folds the journal into the file and removes it, unless someone else
// is at the file, or ctx ends.
func (h *handle) checkpoint(ctx context.Context) error {
	const tries = 4
	for try := 1; ; try++ {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if h.othersAtWork() > 0 {
			return errAtWork
		}
		answer := make(chan error, 1)
		h.do(func() {
			h.startCheckpoint(func(err error) { answer <- err })
			if h.folding != nil {
				h.hurry()
			}
		})
		select {
		case err := <-answer:
			if err == nil {
				h.do(func() { err = h.rest() })
			}
			if !errors.Is(err, errChanged) || try == tries {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var errAtWork = errors.New("someone else is writing to the file; the journal stays")

// othersAtWork returns for how long someone else may be half done with the file,
// when there is something to fold into it.
func (h *handle) othersAtWork() (wait time.Duration) {
	h.do(func() {
		if h.current.Load().pending() {
			wait = foreignPause - time.Since(h.foreign)
		}
	})
	return wait
}

// awaitOthers waits while someone else may be half done with the file.
func (h *handle) awaitOthers(ctx context.Context) {
	if wait := h.othersAtWork(); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// Close closes every store: journals are folded into their files. Watchers end.
// Requests under way are waited for. When ctx ends Close leaves the journals as
// they are, for the next start: nothing is lost.
func (e *Engine) Close(ctx context.Context) error {
	e.once.Do(func() { close(e.closing) })
	e.worker.Wait()
	e.notices.close()
	e.mu.Lock()
	work := make(chan *Store, len(e.stores))
	for _, s := range e.stores {
		work <- s
	}
	close(work)
	e.mu.Unlock()
	var mu sync.Mutex
	var errs []error
	var closers sync.WaitGroup
	for range 16 { // most of the time is spent waiting for the disk
		closers.Go(func() {
			for s := range work {
				if err := s.close(ctx); err != nil {
					mu.Lock()
					errs = append(errs, fmt.Errorf("close %s: %w", s.dir, err))
					mu.Unlock()
				}
			}
		})
	}
	closers.Wait()
	return errors.Join(errs...)
}
