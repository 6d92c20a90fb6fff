package disk

import (
	"runtime"
	"slices"
	"sync"
	"time"
)

// turns let the checkpoints of small phexts that nobody waits for go one after the
// other, a few at once. While batches are written there is a rest after each of twice
// the time that it took. So checkpoints have a third of the time at the most, however
// many phexts are written to, and what is written meanwhile waits in the journals and is
// folded with the rest. Without that each batch of many slow writers costs a checkpoint
// of its own, and they stay slow because of it. Goroutines share it.
type turns struct {
	groups func() uint64 // that were written so far

	mu      sync.Mutex // guards what follows
	free    int
	waiting []*turn // in the order in which they came
}

// turn is that of one checkpoint.
type turn struct {
	came   chan struct{} // closed when it has come
	began  time.Time     // then
	groups uint64        // that had been written then
	late   *time.Timer   // gives its place to another
	over   bool          // its place is given back; guarded by turns.mu
}

const (
	turnRest = time.Second      // the longest rest after a turn: a disk may stand still for once
	turnMost = 10 * time.Second // then the place is another's: the disk may stand still for ever
)

func newTurns(groups func() uint64) *turns { return &turns{groups: groups, free: runtime.NumCPU()} }

// join waits for a turn behind those who wait already.
func (t *turns) join() *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := &turn{came: make(chan struct{})}
	t.waiting = append(t.waiting, x)
	t.grantLocked()
	return x
}

func (t *turns) grantLocked() {
	for t.free > 0 && len(t.waiting) > 0 {
		next := t.waiting[0]
		t.free, t.waiting = t.free-1, t.waiting[1:]
		next.began, next.groups = time.Now(), t.groups()
		next.late = time.AfterFunc(turnMost, func() { t.giveBack(next) })
		close(next.came)
	}
}

// leave ends a turn, or the wait for it.
func (t *turns) leave(x *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.waiting, x); i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
		return
	}
	x.late.Stop()
	rest := min(2*time.Since(x.began), turnRest)
	if t.groups() == x.groups {
		rest = 0 // it is in nobody's way
	}
	time.AfterFunc(rest, func() { t.giveBack(x) })
}

// giveBack gives the place of a turn to the next one.
func (t *turns) giveBack(x *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !x.over {
		x.over = true
		t.free++
		t.grantLocked()
	}
}

// hasTurn reports whether a checkpoint may begin. Else it waits for its turn, if it
// does not yet.
func (h *handle) hasTurn() bool {
	if h.failed != nil || h.unsettled != nil || h.info.Identity.Size > pauseBytes || h.journalBytes() > h.journalMost() {
		return true // it cannot wait, or has a pace of its own
	}
	if h.turn == nil {
		h.turn = h.store.engine.turns.join()
	}
	select {
	case <-h.turn.came:
		h.hasCome = true
	default:
	}
	return h.hasCome
}

// turnComes tells when the turn comes that is waited for.
func (h *handle) turnComes() <-chan struct{} {
	if h.turn == nil || h.hasCome {
		return nil
	}
	return h.turn.came
}

// leaveTurn ends the turn, or the wait for it, if there is one.
func (h *handle) leaveTurn() {
	if h.turn != nil {
		h.store.engine.turns.leave(h.turn)
		h.turn, h.hasCome = nil, false
	}
}
