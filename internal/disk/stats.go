package disk

import (
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wbic16/sq-go/internal/measure"
)

// Stats is what an engine has open at one moment, and what it did since it was
// made. The histograms go on counting.
type Stats struct {
	Directories int   // open
	Phexts      int   // open
	PhextsMost  int   // that may be open
	Unreadable  int   // of the open ones: no phext, or with a damaged journal
	Memory      int64 // bytes that open phexts take
	MemoryMost  int64 // bytes that they may take
	Journal     int64 // bytes in the journals of open phexts

	Syncs       *measure.Histogram // nanoseconds that a sync of a journal took
	Groups      *measure.Histogram // batches that shared one sync
	Checkpoints *measure.Histogram // nanoseconds that a checkpoint took that succeeded
	Folded      uint64             // bytes of files that checkpoints wrote
	Interrupted uint64             // checkpoints that somebody's edit of the file broke off
	Failed      uint64             // checkpoints that failed
	DiskErrors  uint64             // writes and syncs that failed, so that writes were refused
	Edits       uint64             // changes of a phext's file by others that were adopted
	Damages     uint64             // damage to a journal that was found
}

// stats is what the engine counts as it goes: atomically, without a lock, and
// without an allocation.
type stats struct {
	syncs, groups, checkpoints  *measure.Histogram
	folded, interrupted, failed atomic.Uint64
	diskErrors, edits, damages  atomic.Uint64
}

func newStats() stats {
	const us, ms = time.Microsecond, time.Millisecond
	return stats{
		syncs:       measure.Durations(50*us, 100*us, 200*us, 400*us, 800*us, 1600*us, 3200*us, 6400*us, 12800*us, 25600*us, 51200*us, 102400*us, 409600*us, 1638400*us),
		groups:      measure.New(1, 2, 4, 8, 16, 32, 64, 128, 256),
		checkpoints: measure.Durations(ms, 5*ms, 10*ms, 50*ms, 100*ms, 500*ms, time.Second, 5*time.Second, 10*time.Second, 30*time.Second, time.Minute),
	}
}

// Stats returns what is open and what was done. It costs a step for each open
// phext, under a lock of the engine.
func (e *Engine) Stats() Stats {
	n := &e.stats
	s := Stats{
		Directories: int(e.dirs.Load()), PhextsMost: e.phexts, Memory: e.memory.Load(), MemoryMost: e.most,
		Syncs: n.syncs, Groups: n.groups, Checkpoints: n.checkpoints,
		Folded: n.folded.Load(), Interrupted: n.interrupted.Load(), Failed: n.failed.Load(),
		DiskErrors: n.diskErrors.Load(), Edits: n.edits.Load(), Damages: n.damages.Load(),
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s.Phexts = len(e.opened)
	for h := range e.opened {
		s.Journal += h.journaled.Load()
		if v := h.current.Load(); v != nil && v.problem != nil {
			s.Unreadable++
		}
	}
	return s
}

func (h *handle) stats() *stats { return &h.store.engine.stats }

// synced counts a sync of the journal.
func (n *stats) synced(took time.Duration) { n.syncs.Add(int64(took)) }

// checkpointed counts a checkpoint that began at a moment, and what it wrote.
func (n *stats) checkpointed(began time.Time, bytes int64, err error) {
	switch {
	case err == nil:
		n.checkpoints.Add(int64(time.Since(began)))
		n.folded.Add(uint64(bytes))
	case errors.Is(err, errChanged):
		n.interrupted.Add(1)
	default:
		n.failed.Add(1)
	}
}

// Sizes returns how many bytes each open directory has of what counts towards a
// quota, by its path: as Used where that is known, and otherwise as its phexts,
// their journals and the trash lie there, which costs a listing. Those that are at
// work in that moment are left out.
func (e *Engine) Sizes() map[string]int64 {
	sizes := map[string]int64{}
	for _, s := range e.all() {
		if size, ok := s.size(); ok {
			sizes[s.dir] = size
		}
	}
	return sizes
}

// size returns the bytes of the phexts, the journals and the trash; false when the
// directory is not open, cannot be listed, or is at work.
func (s *Store) size() (bytes int64, ok bool) {
	if !s.mu.TryLock() {
		return 0, false
	}
	defer s.mu.Unlock()
	if s.fs == nil {
		return 0, false
	}
	if used, known := s.account.used(); known {
		return used, true
	}
	for _, folder := range []string{".", journalDir, trashDir} {
		infos, err := s.fs.List(folder)
		if err != nil {
			return 0, false
		}
		for _, info := range infos {
			if folder != "." || strings.HasSuffix(info.Name, suffix) {
				bytes += info.Identity.Size
			}
		}
	}
	return bytes, true
}
