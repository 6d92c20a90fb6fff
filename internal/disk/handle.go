package disk

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/internal/vfs"
)

// handle is an open phext. Its committer goroutine is the only one that changes
// it; everyone else loads the current view.
type handle struct {
	store *Store
	name  sq.PhextName
	epoch uint64

	current atomic.Pointer[view]
	pins    atomic.Int64 // users; closing when below 0
	look    atomic.Int64 // unix nanoseconds of the last look at the file
	used    atomic.Int64 // unix nanoseconds of the last use
	rawSize atomic.Int64 // bytes of the file, for one that is no phext
	queue   chan *request
	control chan func()
	stopped chan struct{} // closed when the committer has ended
	log     changes

	// What follows belongs to the committer.

	info     vfs.Info        // of the file as we know it
	content  journal.Mark    // what the file holds
	segment  *segment        // where batches go; nil at rest
	older    []*segment      // what a checkpoint will make superfluous
	number   uint64          // of the newest segment that there was
	sequence uint64          // of the newest batch, answered or failed
	failed   error           // why batches are refused until a checkpoint succeeds
	folding  chan folded     // the checkpoint under way; nil when there is none
	foreign  time.Time       // of the last change by someone else
	wrote    time.Time       // of the last batch
	begun    time.Time       // of the last checkpoint
	timer    *time.Timer     // the next look at whether a checkpoint is due
	high     map[section]int // the highest scroll that append-next gave
	buf      []byte          // records of a group
	ending   bool
	waiters  []func(error) // of the checkpoint under way
}

// request is a batch that waits for the committer.
type request struct {
	batch   sq.Batch
	results []sq.Result
	err     error
	done    chan struct{}
}

// segment is an open segment of the journal.
type segment struct {
	header journal.Header
	path   string
	source *source
	encode journal.Encoder
	end    int64 // bytes that count: what was answered
}

func random() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.LittleEndian.Uint64(b[:]) | 1
}

// pin counts a user; false when the handle is closing.
func (h *handle) pin() bool {
	for {
		n := h.pins.Load()
		if n < 0 {
			return false
		}
		if h.pins.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (h *handle) unpin() { h.pins.Add(-1) }

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
func (h *handle) apply(ctx context.Context, batch sq.Batch) ([]sq.Result, error) {
	r := &request{batch: batch, done: make(chan struct{})}
	select {
	case h.queue <- r:
	case <-ctx.Done():
		return nil, sq.Wrap(ctx.Err(), sq.Busy, "the request ended before its batch began")
	}
	<-r.done
	return r.results, r.err
}

// do runs f on the committer and waits for it.
func (h *handle) do(f func()) {
	done := make(chan struct{})
	h.control <- func() { f(); close(done) }
	<-done
}

// run is the committer.
func (h *handle) run() {
	defer close(h.stopped)
	h.timer = time.NewTimer(time.Hour)
	h.timer.Stop()
	defer h.timer.Stop()
	if h.segment != nil || len(h.older) > 0 {
		h.timer.Reset(pauseLeast)
	}
	for !h.ending {
		select {
		case r := <-h.queue:
			h.commit(r)
		case f := <-h.control:
			f()
		case result := <-h.folding:
			h.finishCheckpoint(result)
		case <-h.timer.C:
			h.maybeCheckpoint()
		}
	}
}

// publish makes v what readers see from now on.
func (h *handle) publish(v *view) {
	old := h.current.Swap(v)
	if old != nil && old.files != v.files {
		old.files.release()
	}
}

// regroup gives v the files that it reads: that of the phext and the segments.
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

// close folds the journal when fold says so and stops the committer. The handle
// must have no users.
func (h *handle) close(fold bool) error {
	var err error
	if fold {
		err = h.checkpoint(true)
	}
	h.do(func() { h.ending = true })
	<-h.stopped
	h.current.Load().files.release()
	return err
}

// checkpoint folds the journal into the file and waits for it. With rest, the
// directory holds no segment afterwards.
func (h *handle) checkpoint(rest bool) error {
	for try := 0; ; try++ {
		answer := make(chan error, 1)
		h.do(func() { h.startCheckpoint(func(err error) { answer <- err }) })
		err := <-answer
		if errors.Is(err, errChanged) && try < 3 {
			h.do(func() { h.lookAtFile(true) })
			continue
		}
		if err == nil && rest {
			h.do(func() { err = h.rest() })
		}
		return err
	}
}
