package disk

import (
	"context"
	"sort"
	"sync"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// changesKept is how many changes of a phext are kept for watchers that resume,
// and up to twice as many before the older ones are let go together.
const changesKept = 1024

// changes is the bounded log of what happened to a phext.
type changes struct {
	mu     sync.Mutex
	kept   []sq.Change   // oldest first
	lost   uint64        // sequence of the newest change that is not kept any more
	signal chan struct{} // closed at the next change; nil when nobody waits
}

func (l *changes) add(more []sq.Change) {
	if len(more) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, more...)
	if n := len(l.kept) - changesKept; n > changesKept {
		l.lost = l.kept[n-1].Position.Sequence
		l.kept = l.kept[:copy(l.kept, l.kept[n:])]
	}
	if l.signal != nil {
		close(l.signal)
		l.signal = nil
	}
}

// watched reports whether someone waits for a change.
func (l *changes) watched() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.signal != nil
}

// after returns the changes behind a sequence number, whether all of them are
// kept, and what is closed at the next change.
func (l *changes) after(sequence uint64) (found []sq.Change, whole bool, next <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := sort.Search(len(l.kept), func(i int) bool { return l.kept[i].Position.Sequence > sequence })
	if i < len(l.kept) {
		found = append(found, l.kept[i:]...) // a copy: kept is written over
	}
	if l.signal == nil {
		l.signal = make(chan struct{})
	}
	return found, sequence >= l.lost, l.signal
}

// watcher is one call of Watch.
type watcher struct {
	h     *handle
	under phext.Pattern
	after sq.Position
	yield func(sq.Change, error) bool
}

// watch yields changes until ctx ends, the store closes or nobody listens.
func (w *watcher) watch(ctx context.Context) {
	if !w.begin() {
		return
	}
	for {
		found, whole, next := w.h.log.after(w.after.Sequence)
		if !whole {
			found = []sq.Change{w.reset()}
		}
		if !w.tell(found) {
			return
		}
		if len(found) > 0 {
			continue
		}
		select {
		case <-next:
		case <-ctx.Done():
			return
		case <-w.h.store.closing:
			w.yield(sq.Change{}, errClosed)
			return
		}
	}
}

// begin finds the position to go on from; false when nobody listens.
func (w *watcher) begin() bool {
	now := w.reset()
	switch {
	case w.after == sq.Position{}:
		w.after = now.Position
	case w.after.Epoch != now.Position.Epoch || w.after.Sequence > now.Position.Sequence:
		w.after = now.Position
		return w.yield(now, nil)
	}
	return true
}

func (w *watcher) reset() sq.Change {
	now := sq.Position{Epoch: w.h.epoch, Sequence: w.h.current.Load().sequence}
	return sq.Change{Position: now, Kind: sq.Reset}
}

// tell yields what is under the pattern. One change is held back until it is known
// whether another of its batch follows.
func (w *watcher) tell(found []sq.Change) bool {
	var held *sq.Change
	for _, c := range found {
		w.after = c.Position
		if c.Kind != sq.Reset && !w.under.Matches(c.Coordinate) {
			continue
		}
		if held != nil {
			held.More = held.Position == c.Position
			if !w.yield(*held, nil) {
				return false
			}
		}
		held = &c
	}
	return held == nil || w.yield(*held, nil)
}
