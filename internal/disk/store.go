package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

const (
	suffix     = ".phext"
	partSuffix = ".part" // behind NAME: what a checkpoint writes
	putSuffix  = ".put"  // behind NAME and a random number: what Replace writes

	ownDir       = ".sq"
	journalDir   = ownDir + "/journal"
	tmpDir       = ownDir + "/tmp"
	conflictsDir = ownDir + "/conflicts"
	tailsDir     = ownDir + "/tails"
	trashDir     = ownDir + "/trash"
	lockPath     = ownDir + "/lock"
)

var (
	errNotExist = fs.ErrNotExist
	errClosed   = sq.Errorf(sq.Closed, "the store is closed")
)

// Store is one tenant's directory. It is cheap until it is used: then the
// directory is opened and locked, and a phext is opened at its first use. What
// is not used for a while is closed again.
type Store struct {
	engine *Engine
	dir    string
	recent atomic.Pointer[handle] // of handles that was asked for last; nil at first, and when one was closed

	mu      sync.Mutex // guards what follows, down to account; not held while a phext is opened
	closed  bool
	fs      vfs.FS                         // nil until it is used
	handles map[sq.PhextName]*handle       // open, or closing
	opening map[sq.PhextName]chan struct{} // closed when the opening has ended
	closing chan struct{}                  // closed when closed is set
	lock    io.Closer
	folds   bool                        // names that differ only in case are one
	left    map[sq.PhextName][]leftover // segments of phexts that are not open
	failed  map[sq.PhextName]bool       // an opening failed, and left may not be all
	used    int64                       // as Engine.now: when it was opened or a phext was closed
	high    map[sq.PhextName]map[section]int

	account account
}

var _ sq.Store = (*Store)(nil)

func newStore(e *Engine, dir string) *Store {
	return &Store{
		engine: e, dir: dir, closing: make(chan struct{}), handles: map[sq.PhextName]*handle{},
		opening: map[sq.PhextName]chan struct{}{}, failed: map[sq.PhextName]bool{}, high: map[sq.PhextName]map[section]int{},
	}
}

// startLocked opens and locks the directory when that was not done yet.
func (s *Store) startLocked() error {
	if s.closed {
		return errClosed
	}
	if s.fs != nil {
		return nil
	}
	dir, err := s.engine.open(s.dir)
	if err != nil {
		return sq.Wrap(err, sq.Internal, "open the data directory")
	}
	if err := s.prepareLocked(dir); err != nil {
		dir.Close()
		return err
	}
	s.account.close()
	s.fs, s.used = dir, s.engine.now()
	s.engine.dirs.Add(1)
	s.engine.notices.add(s)
	return nil
}

func (s *Store) prepareLocked(dir vfs.FS) error {
	if err := makeOwn(dir); err != nil {
		return sq.Wrap(err, sq.Internal, "make the folder %s in the data directory", ownDir)
	}
	lock, err := dir.Lock(lockPath, s.engine.owner)
	var locked *vfs.LockedError
	if errors.As(err, &locked) {
		return sq.Wrap(err, sq.Busy, "the data directory is served by another program (%s); stop that first", locked.Owner)
	}
	if err != nil {
		return sq.Wrap(err, sq.Internal, "lock the data directory")
	}
	left, err := findLeft(dir)
	if err == nil {
		err = clearTmp(dir, left)
	}
	if err != nil {
		lock.Close()
		return sq.Wrap(err, sq.Internal, "list the folder %s in the data directory", ownDir)
	}
	s.lock, s.left, s.folds = lock, left, foldsCase(dir)
	return nil
}

// pinned returns the open phext, counted as used. The one that was asked for last
// is found without a lock.
func (s *Store) pinned(ctx context.Context, name sq.PhextName) (*handle, error) {
	if h := s.recent.Load(); h != nil && h.name == name && h.pin() {
		return h, nil
	}
	for {
		h, wait, err := s.pinOrWait(name)
		if h != nil || err != nil {
			return h, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, sq.Wrap(ctx.Err(), sq.Busy, "the request ended while the phext was opened")
		}
	}
}

// pinOrWait returns the open phext, or opens it, or tells what to wait for while
// another opens or closes it.
func (s *Store) pinOrWait(name sq.PhextName) (*handle, <-chan struct{}, error) {
	s.mu.Lock()
	if err := s.startLocked(); err != nil {
		s.mu.Unlock()
		return nil, nil, err
	}
	if h := s.handles[name]; h != nil {
		s.recent.Store(h)
		s.mu.Unlock()
		if h.pin() {
			return h, nil, nil
		}
		return nil, h.gone, nil
	}
	if wait := s.opening[name]; wait != nil {
		s.mu.Unlock()
		return nil, wait, nil
	}
	wait := make(chan struct{})
	s.opening[name] = wait
	dir, left, failed := s.fs, s.left[name], s.failed[name]
	s.mu.Unlock()
	h, err := s.openAgain(dir, name, left, failed)
	s.opened(name, h, err, wait)
	if err == nil {
		s.engine.trim()
	}
	return h, nil, err
}

// openAgain opens a phext. When that failed before, a segment may have been made
// on the way, so what is left is looked at anew.
func (s *Store) openAgain(dir vfs.FS, name sq.PhextName, left []leftover, failed bool) (*handle, error) {
	if failed {
		var err error
		if left, err = leftOf(dir, name); err != nil {
			return nil, err
		}
	}
	return s.openPhext(dir, name, left)
}

// opened enters a phext that was opened, pinned once for who opened it.
func (s *Store) opened(name sq.PhextName, h *handle, err error, wait chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		h.pin()
		s.handles[name] = h
		h.entered.Store(true)
		s.account.tell(h)
		delete(s.left, name)
		delete(s.failed, name)
		s.engine.enter(h)
	} else {
		s.failed[name] = true
	}
	delete(s.opening, name)
	close(wait)
}

// forget removes a phext that was closed, and remembers what is left of it.
func (s *Store) forget(h *handle, left []leftover) {
	s.engine.leave(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.handles, h.name)
	s.recent.Store(nil)
	if len(left) > 0 {
		s.left[h.name] = left
	}
	if h.damaged {
		s.failed[h.name] = true // there are segments that the handle did not hold
	}
	if len(h.high) > 0 {
		s.high[h.name] = h.high
	}
	s.used = s.engine.now()
	close(h.gone)
}

// takeHigh returns what append-next gave before the phext was closed.
func (s *Store) takeHigh(name sq.PhextName) map[section]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if high := s.high[name]; high != nil {
		delete(s.high, name)
		return high
	}
	return map[section]int{}
}

// List returns the phexts there are: files, and those that only the journal has
// yet.
func (s *Store) List(context.Context) ([]sq.PhextName, error) {
	defer s.engine.trim()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.startLocked(); err != nil {
		return nil, err
	}
	names, err := phextsIn(s.fs)
	if err != nil {
		return nil, err
	}
	for name := range s.left {
		names = append(names, name)
	}
	for name, h := range s.handles {
		if v := h.current.Load(); v != nil && v.exists {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// phextsIn returns the phexts that have a file.
func phextsIn(dir vfs.FS) (names []sq.PhextName, err error) {
	infos, err := dir.List(".")
	if err != nil {
		return nil, sq.Wrap(err, sq.Internal, "list the data directory")
	}
	for _, info := range infos {
		stem, ok := strings.CutSuffix(info.Name, suffix)
		if name, err := sq.ParsePhextName(stem); ok && err == nil && info.Mode.IsRegular() {
			names = append(names, name)
		}
	}
	return names, nil
}

// Snapshot is described at sq.Store.
func (s *Store) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	h, err := s.pinned(ctx, name)
	if err != nil {
		return nil, err
	}
	h.freshen(false)
	return h.snapshot(), nil
}

// Apply is described at sq.Store.
func (s *Store) Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) ([]sq.Result, error) {
	return s.apply(ctx, name, batch, 0)
}

// apply is Apply with the sync put off for as long as within.
func (s *Store) apply(ctx context.Context, name sq.PhextName, batch sq.Batch, within time.Duration) ([]sq.Result, error) {
	if err := checkBatch(batch); err != nil {
		return nil, err
	}
	h, err := s.pinned(ctx, name)
	if err != nil {
		return nil, err
	}
	defer h.unpin()
	if err := s.reckon(ctx); err != nil {
		return nil, err
	}
	results, err := h.apply(ctx, batch, within)
	for try := 0; s.giveWay(h.fs, err, try); try++ {
		results, err = h.apply(ctx, batch, within)
	}
	return results, err
}

// checkBatch refuses a batch that makes no sense, or fits into no record.
func checkBatch(batch sq.Batch) error {
	size := int64(0)
	for i, op := range batch {
		if err := op.Check(); err != nil {
			return opError(batch, i, err)
		}
		size += int64(len(op.Text))
	}
	if size > maxScroll {
		return sq.Errorf(sq.TooLarge, "the batch has %d bytes of text, at most %d are allowed; nothing was written", size, maxScroll)
	}
	return nil
}

// opError says which operation of a batch failed, where there are several.
func opError(batch sq.Batch, i int, err error) error {
	if len(batch) == 1 {
		return err
	}
	return &sq.OpError{Index: i, Err: err}
}

// Refresh is described at sq.Store.
func (s *Store) Refresh(ctx context.Context, name sq.PhextName) error {
	h, err := s.pinned(ctx, name)
	if err != nil {
		return err
	}
	defer h.unpin()
	h.freshen(true)
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
		w := &watcher{h: h, under: under, after: after, yield: yield}
		w.watch(ctx)
	}
}

// Close folds every journal into its file and lets the directory go. Requests
// under way are waited for.
func (s *Store) Close() error { return s.close(context.Background()) }

func (s *Store) close(ctx context.Context) error {
	s.openLeft(ctx)
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.closing)
	if s.fs != nil {
		// Where somebody has removed our folders, what is answered is folded with
		// their help. Where the directory is gone too, folding says so.
		_ = makeOwn(s.fs)
	}
	s.mu.Unlock()
	var errs []error
	for _, h := range s.all() {
		if h.refuseUsers(false) {
			h.awaitOthers(ctx)
			errs = append(errs, h.close(ctx))
		}
		awaits(ctx, h.gone)
	}
	s.engine.remove(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.handles) > 0 {
		return errors.Join(append(errs, errors.New("some phexts are still in use"))...)
	}
	return errors.Join(append(errs, s.letGoLocked())...)
}

// openLeft opens the phexts of which an earlier process, or an opening that was
// closed in the midst of an edit, left a journal, so that closing folds them.
func (s *Store) openLeft(ctx context.Context) {
	s.mu.Lock()
	var names []sq.PhextName
	for name := range s.left {
		if !s.closed && !s.failed[name] { // that was told when it was opened
			names = append(names, name)
		}
	}
	s.mu.Unlock()
	for _, name := range names {
		if ctx.Err() != nil {
			return
		}
		h, err := s.pinned(ctx, name)
		if err != nil {
			s.engine.log.Warn("a journal could not be folded, it stays for the next start", "dir", s.dir, "phext", string(name), "error", err)
			continue
		}
		h.unpin()
	}
}

// all returns the open phexts, after those that are being opened are.
func (s *Store) all() []*handle {
	for {
		s.mu.Lock()
		wait, open := openingIn(s.opening), slices.Collect(maps.Values(s.handles))
		s.mu.Unlock()
		if wait == nil {
			return open
		}
		<-wait
	}
}

func openingIn(opening map[sq.PhextName]chan struct{}) <-chan struct{} {
	for _, wait := range opening {
		return wait
	}
	return nil
}

// letGoLocked unlocks and closes the directory, if it is open.
func (s *Store) letGoLocked() error {
	if s.fs == nil {
		return nil
	}
	s.engine.notices.remove(s)
	if bytes, known := s.account.used(); known {
		s.engine.keepWalk(s.dir, bytes)
	}
	err := errors.Join(s.lock.Close(), s.fs.Close())
	s.fs, s.lock = nil, nil
	s.engine.dirs.Add(-1)
	if err != nil {
		return fmt.Errorf("let go of the data directory: %w", err)
	}
	return nil
}

// restNow closes what is open in the directory and lets it go, when nobody uses
// any of it.
func (s *Store) restNow() {
	if !s.mu.TryLock() {
		return
	}
	open, used := slices.Collect(maps.Values(s.handles)), len(s.opening) > 0
	s.mu.Unlock()
	for _, h := range open {
		used = used || h.pins.Load() != 0
	}
	if used {
		return
	}
	for _, h := range open {
		h.closeIfIdle()
	}
	s.rest(s.engine.now())
}

// rest lets the directory go when nothing in it was used since a moment.
func (s *Store) rest(since int64) {
	if !s.mu.TryLock() {
		return // it is used, or its disk stands still: others do not wait for that
	}
	defer s.mu.Unlock()
	if s.fs == nil || len(s.handles) > 0 || len(s.opening) > 0 || s.used > since {
		return
	}
	if err := s.letGoLocked(); err != nil {
		s.engine.log.Warn("an idle data directory", "dir", s.dir, "error", err)
	}
}
