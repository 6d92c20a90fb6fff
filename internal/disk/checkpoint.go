package disk

import (
	"time"

	"github.com/wbic16/sq-go/internal/vfs"
)

const (
	pauseLeast   = 250 * time.Millisecond // without a batch, then a small phext is folded
	pauseBytes   = 16 << 20               // up to this size at every pause, larger ones
	pauseMost    = 10 * time.Minute       // only after this time
	journalLeast = 4 << 20                // a journal of less is folded at a pause alone
	journalQuick = 128 << 20              // a journal of less is soon read again
	retryLeast   = time.Second            // after a checkpoint failed, doubling
	retryMost    = time.Minute
)

// folded is what the goroutine of a checkpoint comes back with: the new file,
// written and synced beside the old one.
type folded struct {
	content  content
	sequence uint64 // it holds everything up to here
	err      error
	replaces bool  // and nothing of what was pending: it comes from Replace
	swapped  error // of the exchange, once it was tried
}

func (h *handle) filePath() string { return string(h.name) + suffix }

// partPath is where the new file is written, and where the old one comes out
// when the two are exchanged.
func (h *handle) partPath() string { return tmpDir + "/" + string(h.name) + partSuffix }

// schedule sets the timer to when something may be due.
func (h *handle) schedule() {
	bytes := h.journalBytes()
	h.journaled.Store(bytes)
	most := h.journalMost()
	if h.folding != nil && bytes > 3*most {
		h.hurry()
	}
	if bytes > most {
		h.timer.Reset(0)
		return
	}
	h.timer.Reset(pauseLeast)
}

// journalMost is at how many bytes the journal is folded even without a pause. The
// larger, the fewer bytes are written for each byte of a batch, and the more has to be
// read after a crash, and is in memory before: so it is as large as the file where
// either is little, and smaller than the file beyond.
func (h *handle) journalMost() int64 {
	size := h.info.Identity.Size
	return max(journalLeast, min(size, journalQuick), size/3*2)
}

func (h *handle) journalBytes() (n int64) {
	for _, s := range h.segments() {
		n += s.end
	}
	return n
}

// pause is how long a phext must be left alone before it is folded: longer for a
// larger file, so that a slow trickle of batches does not rewrite it each time.
func (h *handle) pause() time.Duration {
	size := h.info.Identity.Size
	if size > pauseBytes {
		return max(pauseLeast, pauseMost-time.Since(h.begun))
	}
	return pauseLeast + time.Duration(size)*4*time.Second/pauseBytes
}

// tick does what is due, and sets the timer to when something may be due next.
func (h *handle) tick() {
	if h.minds() && h.looked.Load() == 0 {
		h.look()
	}
	v := h.current.Load()
	if h.full != nil {
		h.timer.Reset(lookEvery)
		h.reopen()
		return
	}
	switch wait := h.wait(); {
	case h.folding != nil:
		return
	case v.problem != nil:
	case !v.pending() && h.failed == nil && h.unsettled == nil:
		if h.rest() != nil {
			h.timer.Reset(retryMost)
		}
	case wait > 0:
		h.cover()
		h.timer.Reset(wait)
	case h.hasTurn():
		h.startCheckpoint(func(error) { h.leaveTurn() })
		return
	default:
		h.cover()
	}
	if h.hasCome {
		h.leaveTurn() // it is not needed
	}
}

// wait is how long a checkpoint has to wait.
func (h *handle) wait() time.Duration {
	if h.failed != nil || h.unsettled != nil {
		return 0
	}
	wait := h.pause() - time.Since(h.wrote)
	if h.journalBytes() > h.journalMost() {
		wait = 0
	}
	return max(wait, foreignPause-time.Since(h.foreign))
}

// startCheckpoint begins to fold what was answered until now into the file. The
// committer goes on in a new segment meanwhile. done is called on the committer.
// After the disk failed this is also the way back: the published state goes into
// a new file, and batches into a new segment.
func (h *handle) startCheckpoint(done func(error)) {
	if h.folding != nil {
		h.waiters = append(h.waiters, done)
		h.hurry()
		return
	}
	if err := h.settle(); err != nil {
		h.timer.Reset(h.backOff())
		done(err)
		return
	}
	if h.look() {
		h.timer.Reset(foreignPause)
		done(errChanged)
		return
	}
	v := h.current.Load()
	if h.failed == nil && !v.pending() {
		h.schedule() // what was settled leaves segments
		done(nil)
		return
	}
	if v.problem != nil {
		done(v.problem)
		return
	}
	if err := h.freeze(); err != nil {
		h.stats().failed.Add(1)
		done(err)
		return
	}
	h.waiters = append(h.waiters, done)
	h.fold()
}

// freeze begins a new segment and puts what is pending under what will come.
func (h *handle) freeze() error {
	h.begun = time.Now()
	if !h.segment.fresh(h.sequence) {
		if err := h.openSegment(); err != nil {
			h.timer.Reset(h.backOff())
			return err
		}
	}
	next := *h.current.Load()
	next.frozen, next.active = next.active.over(next.frozen), layer{}
	h.publish(&next)
	return nil
}

// fold writes the state up to the frozen layer beside the file, in a goroutine
// of its own that finish hears from.
func (h *handle) fold() {
	v, info := *h.current.Load(), h.info
	v.active = layer{}
	v.files.acquire() // cannot fail: it is the current one
	h.folding, h.overtaken, h.pace = make(chan folded, 1), false, newPace()
	if h.failed != nil {
		h.hurry()
	}
	go func(out chan<- folded, sequence uint64, p *pace) {
		content, err := h.writeFolded(&v, info, p)
		h.release(v.files)
		out <- folded{content: content, sequence: sequence, err: err}
	}(h.folding, h.segment.header.Before, h.pace)
}

// folds waits for the checkpoint under way.
func (h *handle) folds() folded {
	h.hurry()
	return <-h.folding
}

// hurry has the checkpoint under way not rest any more: someone waits for it, or
// the journal grows faster than it can be folded.
func (h *handle) hurry() {
	select {
	case <-h.pace.hurry:
	default:
		close(h.pace.hurry)
	}
}

// writeFolded writes a view to the file beside. It is on its disk afterwards.
func (h *handle) writeFolded(v *view, info vfs.Info, p *pace) (content, error) {
	path := h.partPath()
	if err := h.removePart(); err != nil {
		return content{}, err
	}
	file, err := h.fs.Create(path)
	if err != nil {
		return content{}, err
	}
	c, err := writeContent(file, &snapshot{view: v, handle: h}, p)
	if err == nil && v.file != nil {
		err = file.CopyOwner(info)
	}
	if err == nil {
		err = c.seal(file)
	}
	if err != nil {
		file.Close()
		h.remove(path) // the disk may be full
		return content{}, err
	}
	return c, nil
}

// seal syncs a file that was written, and remembers what it looks like.
func (c *content) seal(file vfs.File) (err error) {
	if err := file.Sync(); err != nil {
		return err
	}
	c.file = newSource(file)
	c.info, err = file.Stat()
	return err
}

// finish puts the new file in its place, and answers who waits for that.
func (h *handle) finish(f folded) {
	h.folding = nil
	err := f.err
	if err == nil && h.overtaken {
		err = errChanged
	}
	if h.admit(); err == nil && h.damaged {
		err = errRotten
	}
	if err == nil {
		err = h.exchange(&f)
	} else {
		h.giveUp(&f)
	}
	h.checkpointed(err)
	waiters := h.waiters
	h.waiters = nil
	for _, done := range waiters {
		done(err)
	}
}

// checkpointed sets the timer after a checkpoint, whoever began it.
func (h *handle) checkpointed(err error) {
	h.leaveTurn()
	h.stats().checkpointed(h.begun, h.info.Identity.Size, err)
	if err == nil {
		h.retry = 0
		h.schedule()
		return
	}
	h.timer.Reset(h.backOff())
	h.logger().Warn("checkpoint failed, will be tried again; the journal stays", "error", err)
}

// backOff returns how long to wait before what failed is tried again.
func (h *handle) backOff() time.Duration {
	h.retry = min(max(2*h.retry, retryLeast), retryMost)
	return h.retry
}

// thaw puts what was to be folded back under what is newer, except where adopt
// has to tell the two apart.
func (h *handle) thaw() {
	next := *h.current.Load()
	if next.frozen.empty() || h.frozen != isPending {
		return
	}
	next.active, next.frozen = next.active.over(next.frozen), layer{}
	h.publish(&next)
}
