package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

const (
	suffix       = ".phext"
	ownDir       = ".sq"
	journalDir   = ownDir + "/journal"
	tmpDir       = ownDir + "/tmp"
	conflictsDir = ownDir + "/conflicts"
	tailsDir     = ownDir + "/tails"
	trashDir     = ownDir + "/trash"
	lockPath     = ownDir + "/lock"
)

var errNotExist = fs.ErrNotExist

// Store is one tenant's directory. It is cheap until it is used: then the
// directory is opened and locked, and a phext is opened at its first use.
type Store struct {
	engine *Engine
	dir    string

	mu      sync.Mutex
	closed  bool
	fs      vfs.FS // nil until it is used
	lock    io.Closer
	left    map[sq.PhextName][]leftover
	handles map[sq.PhextName]*handle
	opening map[sq.PhextName]chan struct{} // closed when an opening or closing has ended
}

var _ sq.Store = (*Store)(nil)

// startLocked opens and locks the directory when that was not done yet.
func (s *Store) startLocked() error {
	if s.closed {
		return sq.Errorf(sq.Closed, "the store is closed")
	}
	if s.fs != nil {
		return nil
	}
	dir, err := s.engine.open(s.dir)
	if err != nil {
		return sq.Wrap(err, sq.Internal, "open the data directory")
	}
	if err := s.prepare(dir); err != nil {
		dir.Close()
		return err
	}
	s.fs = dir
	return nil
}

func (s *Store) prepare(dir vfs.FS) error {
	for _, name := range []string{ownDir, journalDir, tmpDir, conflictsDir, tailsDir, trashDir} {
		if err := dir.Mkdir(name); err != nil {
			return sq.Wrap(err, sq.Internal, "make %s", name)
		}
	}
	for _, name := range []string{".", ownDir} {
		if err := dir.SyncDir(name); err != nil {
			return sq.Wrap(err, sq.Internal, "sync %s", name)
		}
	}
	lock, err := dir.Lock(lockPath, fmt.Sprintf("process %d", os.Getpid()))
	if err != nil {
		return sq.Wrap(err, sq.Busy, "the data directory is served by another process")
	}
	left, err := findLeft(dir)
	if err != nil {
		lock.Close()
		return sq.Wrap(err, sq.Internal, "list the journal")
	}
	s.lock, s.left = lock, left
	return nil
}

// findLeft lists the segments that an earlier process left, by phext.
func findLeft(dir vfs.FS) (map[sq.PhextName][]leftover, error) {
	infos, err := dir.List(journalDir)
	left := map[sq.PhextName][]leftover{}
	for _, info := range infos {
		dot := strings.LastIndexByte(info.Name, '.')
		if dot < 0 {
			continue
		}
		name, err1 := sq.ParsePhextName(info.Name[:dot])
		number, err2 := strconv.ParseUint(info.Name[dot+1:], 10, 64)
		if err1 == nil && err2 == nil {
			left[name] = append(left[name], leftover{journalDir + "/" + info.Name, number})
		}
	}
	return left, err
}

// pinned returns the open phext, counted as used.
func (s *Store) pinned(ctx context.Context, name sq.PhextName) (*handle, error) {
	for {
		s.mu.Lock()
		if err := s.startLocked(); err != nil {
			s.mu.Unlock()
			return nil, err
		}
		if h := s.handles[name]; h != nil && h.pin() {
			s.mu.Unlock()
			h.used.Store(time.Now().UnixNano())
			return h, nil
		}
		if wait := s.opening[name]; wait != nil {
			s.mu.Unlock()
			select {
			case <-wait:
				continue
			case <-ctx.Done():
				return nil, sq.Wrap(ctx.Err(), sq.Busy, "the request ended while the phext was opened")
			}
		}
		wait := make(chan struct{})
		s.opening[name] = wait
		left := s.left[name]
		s.mu.Unlock()
		if err := s.openPhext(name, left, wait); err != nil {
			return nil, err
		}
	}
}

func (s *Store) openPhext(name sq.PhextName, left []leftover, wait chan struct{}) error {
	h, err := s.open(name, left)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.handles[name] = h
		delete(s.left, name)
	}
	delete(s.opening, name)
	close(wait)
	return err
}

// List returns the phexts there are: files, and those that only the journal has
// yet.
func (s *Store) List(context.Context) ([]sq.PhextName, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.startLocked(); err != nil {
		return nil, err
	}
	infos, err := s.fs.List(".")
	if err != nil {
		return nil, sq.Wrap(err, sq.Internal, "list the data directory")
	}
	var names []sq.PhextName
	for _, info := range infos {
		stem, ok := strings.CutSuffix(info.Name, suffix)
		if name, err := sq.ParsePhextName(stem); ok && err == nil && info.Mode.IsRegular() {
			names = append(names, name)
		}
	}
	for name := range s.left {
		names = append(names, name)
	}
	for name, h := range s.handles {
		if h.current.Load().exists {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Snapshot is described at sq.Store.
func (s *Store) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	h, err := s.pinned(ctx, name)
	if err != nil {
		return nil, err
	}
	if time.Now().UnixNano()-h.look.Load() > int64(lookEvery) {
		h.do(func() { h.lookAtFile(false) })
	}
	return h.snapshot(), nil
}

// Apply is described at sq.Store.
func (s *Store) Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) ([]sq.Result, error) {
	for _, op := range batch {
		if err := op.Check(); err != nil {
			return nil, err
		}
	}
	h, err := s.pinned(ctx, name)
	if err != nil {
		return nil, err
	}
	defer h.unpin()
	return h.apply(ctx, batch)
}

// Refresh is described at sq.Store.
func (s *Store) Refresh(ctx context.Context, name sq.PhextName) error {
	h, err := s.pinned(ctx, name)
	if err != nil {
		return err
	}
	defer h.unpin()
	h.do(func() { h.lookAtFile(true) })
	return nil
}

// Watch is described at sq.Store.
func (s *Store) Watch(ctx context.Context, name sq.PhextName, under phext.Pattern, after sq.Position) iter.Seq2[sq.Change, error] {
	return func(yield func(sq.Change, error) bool) {
		h, err := s.pinned(ctx, name)
		if err != nil {
			yield(sq.Change{}, err)
			return
		}
		defer h.unpin()
		h.watch(ctx, under, after, yield)
	}
}

func (h *handle) watch(ctx context.Context, under phext.Pattern, after sq.Position, yield func(sq.Change, error) bool) {
	now := sq.Position{Epoch: h.epoch, Sequence: h.current.Load().sequence}
	if after == (sq.Position{}) {
		after = now
	} else if after.Epoch != h.epoch || after.Sequence > now.Sequence {
		if after = now; !yield(sq.Change{Position: now, Kind: sq.Reset}, nil) {
			return
		}
	}
	for {
		found, whole, next := h.log.after(after.Sequence)
		if !whole {
			found = []sq.Change{{Position: sq.Position{Epoch: h.epoch, Sequence: h.current.Load().sequence}, Kind: sq.Reset}}
		}
		for _, c := range found {
			after = c.Position
			if (c.Kind == sq.Reset || under.Matches(c.Coordinate)) && !yield(c, nil) {
				return
			}
		}
		if len(found) > 0 {
			continue
		}
		select {
		case <-next:
		case <-ctx.Done():
			return
		case <-h.store.engine.closing:
			return
		}
	}
}

// Replace is described at sq.Store.
func (s *Store) Replace(ctx context.Context, name sq.PhextName, r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return sq.Wrap(err, sq.Invalid, "read the phext")
	}
	batch, err := replacement(text)
	if err != nil {
		return err
	}
	snapshot, err := s.Snapshot(ctx, name)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	if err := snapshot.Err(); err != nil {
		return err
	}
	keep := map[phext.Coordinate]bool{}
	for _, op := range batch {
		keep[op.Coordinate] = true
	}
	for scroll, err := range snapshot.Scan(phext.Coordinate{}, phext.Last) {
		if err != nil {
			return err
		}
		if !keep[scroll.Coordinate] {
			batch = append(batch, sq.Op{Kind: sq.Delete, Coordinate: scroll.Coordinate})
		}
	}
	_, err = s.Apply(ctx, name, batch)
	return err
}

func replacement(text []byte) (sq.Batch, error) {
	var batch sq.Batch
	scan := phext.NewScanner(text)
	for scan.Next() {
		batch = append(batch, sq.Op{Kind: sq.Put, Coordinate: scan.Coordinate(), Text: scan.Text()})
	}
	if err := scan.Err(); err != nil {
		return nil, sq.Errorf(sq.Invalid, "phext: %v", err)
	}
	return batch, nil
}

// Drop is described at sq.Store.
func (s *Store) Drop(ctx context.Context, name sq.PhextName) error {
	h, err := s.pinned(ctx, name)
	if err != nil {
		return err
	}
	defer h.unpin()
	if !h.current.Load().exists {
		return sq.Errorf(sq.NotFound, "there is no phext %q", name)
	}
	if err := h.checkpoint(true); err != nil {
		return err
	}
	h.do(func() { err = h.drop() })
	return err
}

// drop moves a phext that is at rest to the trash.
func (h *handle) drop() error {
	if h.segment != nil || len(h.older) > 0 {
		return sq.Errorf(sq.Busy, "the phext is being written to, try again")
	}
	to := fmt.Sprintf("%s/%s.%d%s", trashDir, h.name, time.Now().UnixNano(), suffix)
	if err := h.store.fs.Rename(h.filePath(), to); err != nil {
		return sq.Wrap(err, sq.Internal, "move the phext to the trash")
	}
	if err := errors.Join(h.store.fs.SyncDir(trashDir), h.store.fs.SyncDir(".")); err != nil {
		return h.fail(err, "drop a phext")
	}
	h.lookAtFile(true)
	return nil
}

// Close folds every journal into its file and lets the directory go.
func (s *Store) Close() error { return s.close(true) }

func (s *Store) close(fold bool) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	handles := s.handles
	s.handles = map[sq.PhextName]*handle{}
	s.mu.Unlock()
	var errs []error
	for name, h := range handles {
		for !h.pins.CompareAndSwap(0, -1<<40) {
			time.Sleep(time.Millisecond) // those who hold it are finishing
		}
		if err := h.close(fold); err != nil {
			errs = append(errs, fmt.Errorf("fold %q: %w", name, err))
		}
	}
	if s.fs != nil {
		errs = append(errs, s.lock.Close(), s.fs.Close())
	}
	return errors.Join(errs...)
}

// room refuses batches before the room that a checkpoint needs is gone.
func (h *handle) room() error {
	free, err := h.store.fs.Free()
	if err != nil {
		return nil // unknown: the write itself will tell
	}
	need := h.info.Identity.Size + h.journalBytes() + reserve
	if free < need {
		return sq.Errorf(sq.Full, "the disk is nearly full: %d bytes are free and a checkpoint needs %d; nothing was written", free, need)
	}
	return nil
}

const reserve = 4 << 20
