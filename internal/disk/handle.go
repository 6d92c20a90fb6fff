package disk

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/internal/vfs"
)

// handle is an open phext. Its committer goroutine is the only one that changes
// it; everyone else loads the current view.
type handle struct {
	// What each read needs stands together.
	store   *Store
	name    sq.PhextName
	epoch   uint64
	pins    atomic.Int64 // users; far below 0 when closing
	used    atomic.Int64 // when it was used last, as Engine.now
	looked  atomic.Int64 // when the file was looked at last, as Engine.now
	current atomic.Pointer[view]

	fs      vfs.FS
	log     changes
	known   atomic.Pointer[vfs.Identity] // of the file that the view is based on; nil without one
	doubted atomic.Bool                  // the file is to be read again, even if it looks the same
	rotten  atomic.Bool                  // the journal has not what was written to it
	entered atomic.Bool                  // the store has it: its size counts
	drained chan struct{}                // closed when the last user of a closing handle is gone

	queue   chan *request
	control chan func()
	kick    chan struct{}  // the file may have changed
	stopped chan struct{}  // closed when the committer has ended
	gone    chan struct{}  // closed when the store has forgotten the handle
	closers sync.WaitGroup // close files that no view has any more

	journaled atomic.Int64 // bytes in the journal, for Stats

	committer // what belongs to the committer's goroutine
}

// committer is the state that only the committer's goroutine reads and writes.
type committer struct {
	info      vfs.Info         // of the file as we know it
	content   journal.Mark     // what the file holds
	segment   *segment         // where batches go; nil before the first one
	older     []*segment       // what a checkpoint will make superfluous
	orphans   []*segment       // never finished, and could not be removed
	number    uint64           // of the newest segment that there was
	sequence  uint64           // of the newest record, answered or failed
	failed    error            // why batches are refused until a checkpoint succeeds
	folding   chan folded      // the checkpoint under way; nil when there is none
	pace      *pace            // of that
	unsettled *folded          // it was put in the file's place, or not: see settle
	overtaken bool             // the checkpoint under way is of a file that is not there any more
	frozen    frozenState      // what a file that others have edited has of the frozen layer
	confirm   bool             // the next batch repeats the mark of the file: see headless
	unsynced  bool             // segments were removed, and may come back after a crash
	ours      bool             // the file was written by a checkpoint, and no copy of it was kept
	kept      journal.Identity // of the edit of which a copy was kept last
	damaged   bool             // the journal is damaged: nothing is written or removed any more
	full      error            // there was no room to open it whole: as damaged, until it is opened again
	roomy     time.Time        // when there was plenty of room on the disk
	waiters   []func(error)    // of the checkpoint under way
	foreign   time.Time        // of the last change by someone else
	wrote     time.Time        // of the last batch
	begun     time.Time        // of the last checkpoint
	retry     time.Duration    // until a failed checkpoint is tried again
	timer     *time.Timer      // the next tick
	turn      *turn            // of a checkpoint that has begun or will; nil: none is waited for
	hasCome   bool             // the turn
	due       *time.Timer      // when what was answered before its sync is synced; see Relaxed
	high      map[section]int  // the highest scroll that append-next gave
	group     group            // of batches, one after the other
	decided   []*request       // those of the group before, as long as they wait for their answers
	synced    time.Time        // when the last sync ended
	took      time.Duration    // that sync
	ending    bool

	dropping bool // the file is gone because it was dropped
}

// request is a batch that waits for the committer.
type request struct {
	batch   sq.Batch
	within  time.Duration // how long the sync may be put off
	results []sq.Result
	err     error
	depends bool          // on what others in its group do
	done    chan struct{} // holds one answer: a request is used again
}

func newRequest() *request { return &request{done: make(chan struct{}, 1)} }

const (
	queueLength = 128
	handleBytes = 16 << 10 // of memory for an open phext, however little it holds
	closing     = -1 << 40 // added to pins
)

func newHandle(s *Store, dir vfs.FS, name sq.PhextName) *handle {
	h := &handle{
		store: s, fs: dir, name: name, epoch: random(),
		drained: make(chan struct{}), stopped: make(chan struct{}), gone: make(chan struct{}),
		queue: make(chan *request, queueLength), control: make(chan func()), kick: make(chan struct{}, 1),
	}
	h.timer, h.due = stopped(), stopped()
	h.begun = time.Now()
	h.used.Store(h.now())
	h.looked.Store(h.now())
	return h
}

// stopped returns a timer that is not set.
func stopped() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

func (h *handle) now() int64 { return h.store.engine.now() }

func random() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:]) | 1
}

// logger tells whose phext a line is about.
func (h *handle) logger() *slog.Logger {
	return h.store.engine.log.With("dir", h.store.dir, "phext", string(h.name))
}

// pin counts a user, by whom it is used now; false when the handle is closing.
func (h *handle) pin() bool {
	for {
		n := h.pins.Load()
		if n < 0 {
			return false
		}
		if h.pins.CompareAndSwap(n, n+1) {
			h.used.Store(h.now())
			return true
		}
	}
}

func (h *handle) unpin() {
	if h.pins.Add(-1) == closing {
		close(h.drained)
	}
}

// refuseUsers makes pin fail from now on, and drained tells when the last user
// is gone. With idle it does so only when there are none. It is false when the
// handle is closing already, or has users.
func (h *handle) refuseUsers(idle bool) bool {
	for {
		n := h.pins.Load()
		if n < 0 || idle && n > 0 {
			return false
		}
		if h.pins.CompareAndSwap(n, n+closing) {
			if n == 0 {
				close(h.drained)
			}
			return true
		}
	}
}

// snapshot holds the current view. The handle must be pinned, and the snapshot
// takes the pin over.
func (h *handle) snapshot() *snapshot {
	for {
		if v := h.current.Load(); v.files.acquire() {
			return &snapshot{view: v, handle: h}
		}
	}
}

// apply hands a batch to the committer and waits for its answer.
func (h *handle) apply(ctx context.Context, batch sq.Batch, within time.Duration) ([]sq.Result, error) {
	requests := &h.store.engine.requests
	r := requests.Get().(*request)
	r.batch, r.within = batch, within
	defer func() {
		*r = request{done: r.done}
		requests.Put(r)
	}()
	select {
	case h.queue <- r:
	case <-ctx.Done():
		return nil, sq.Wrap(ctx.Err(), sq.Busy, "the request ended before its batch began")
	}
	<-r.done
	return r.results, r.err
}

// do runs f on the committer and waits for it. The handle must be pinned, or
// closing.
func (h *handle) do(f func()) {
	done := make(chan struct{})
	h.control <- func() { f(); close(done) }
	<-done
}

// run is the committer.
func (h *handle) run() {
	defer close(h.stopped)
	defer h.timer.Stop()
	defer h.due.Stop()
	defer h.leaveTurn()
	for !h.ending {
		if len(h.queue) == 0 {
			h.answer()
		}
		var do func()
		select {
		case r := <-h.queue:
			h.commit(r)
			continue
		case f := <-h.control:
			do = f
		case f := <-h.folding:
			do = func() { h.finish(f) }
		case <-h.kick:
			do = h.kicked
		case <-h.timer.C:
			do = h.tick
		case <-h.turnComes():
			do = func() { h.hasCome = true; h.tick() }
		case <-h.due.C:
			do = func() { h.sync() } // a failure is told, and refuses writes
		}
		h.answer()
		do()
	}
	if h.folding != nil {
		f := h.folds()
		f.content.close()
	}
}

// publish makes v what readers see from now on.
func (h *handle) publish(v *view) {
	v.sum, v.frozen, v.active = &checksum{}, v.frozen.published(), v.active.published()
	old := h.current.Swap(v)
	h.store.account.tell(h)
	if old == nil {
		h.store.engine.memory.Add(v.memory())
		return
	}
	h.store.engine.memory.Add(v.memory() - old.memory())
	if old.files != v.files {
		h.release(old.files)
	}
}

// release lets go of the files of a view. To close the last descriptor of a large file that
// was removed takes a system a millisecond for each few MB, for which nobody waits but
// forget.
func (h *handle) release(g *generation) {
	if g.release() {
		h.closers.Go(g.close)
	}
}

// forget lets the current view go, after which there is none, nor an open file. Its
// users must be gone.
func (h *handle) forget() {
	if v := h.current.Swap(nil); v != nil {
		h.store.engine.memory.Add(-v.memory())
		h.release(v.files)
	}
	h.closers.Wait()
}

// regroup gives v the files that it reads: that of the phext and the segments.
// v must be published then.
func (h *handle) regroup(v *view) {
	var sources []*source
	if v.file != nil {
		sources = append(sources, v.file)
	}
	for _, s := range h.segments() {
		sources = append(sources, s.source)
	}
	v.files = newGeneration(sources...)
}

// segments returns the segments on disk, oldest first.
func (h *handle) segments() []*segment {
	all := append([]*segment(nil), h.older...)
	if h.segment != nil {
		all = append(all, h.segment)
	}
	return all
}

// setKnown remembers the file that the view is based on.
func (h *handle) setKnown(info vfs.Info) {
	h.info = info
	if info == (vfs.Info{}) {
		h.known.Store(nil)
		return
	}
	h.known.Store(&info.Identity)
}

const (
	lookEvery    = 2 * time.Second // the file is trusted for so long, unless its folder's watch speaks
	foreignPause = 2 * time.Second // after a change by others: they may be half done
)

// doubt has the file read again at the next look, whatever it looks like.
func (h *handle) doubt() {
	h.doubted.Store(true)
	h.looked.Store(0)
}

// suspect says what follows from bytes that are not those that were there: the
// file is read again, or the journal is damaged. Any goroutine may call it.
func (h *handle) suspect(err error) {
	switch err {
	case errChanged:
		h.doubt()
	case errRotten:
		h.rotten.Store(true)
	}
}

// freshen sees to it that the current view is that of the file, with force as of
// now. It asks the committer only when the file is another one. The handle was pinned
// a moment ago.
func (h *handle) freshen(force bool) {
	now := h.used.Load()
	if !force && now-h.looked.Load() < int64(lookEvery) {
		return
	}
	h.looked.Store(now)
	if force && h.justModified() {
		h.doubted.Store(true)
	}
	if h.doubted.Load() || !h.looksKnown() {
		h.do(func() { h.look() })
	}
}

// looksKnown reports whether the file looks as it did when it was read.
func (h *handle) looksKnown() bool {
	info, err := h.fs.Stat(h.filePath())
	known := h.known.Load()
	if known == nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return err == nil && info.Identity.Equal(*known)
}

// justModified reports whether the file may have been written twice within what
// the file system takes for one moment, so that it can have changed and look the
// same.
func (h *handle) justModified() bool {
	known := h.known.Load()
	return known != nil && time.Since(known.Modified) < foreignPause
}

// minds reports whether a change by others is to be seen though nobody asks: someone
// waits for changes, or the size counts.
func (h *handle) minds() bool { return h.log.watched() || h.store.account.limit() > 0 }

// kicked looks at the file when a change matters now; otherwise who comes next
// looks. Looks are a second apart while someone goes on writing.
func (h *handle) kicked() {
	h.looked.Store(0)
	if !h.minds() {
		return
	}
	if wait := time.Second - time.Since(h.foreign); wait > 0 {
		h.timer.Reset(wait)
		return
	}
	h.look()
}
