package disk

import (
	"sync"

	"github.com/wbic16/sq-go"
)

// changesKept is how many changes of a phext are kept for watchers that resume.
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
	if n := len(l.kept) - changesKept; n > 0 {
		l.lost = l.kept[n-1].Position.Sequence
		l.kept = append([]sq.Change(nil), l.kept[n:]...)
	}
	if l.signal != nil {
		close(l.signal)
		l.signal = nil
	}
}

// after returns the changes behind a sequence number, whether all of them are
// kept, and what is closed at the next change.
func (l *changes) after(sequence uint64) (found []sq.Change, whole bool, next <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, c := range l.kept {
		if c.Position.Sequence > sequence {
			found = append(found, l.kept[i:]...)
			break
		}
	}
	if l.signal == nil {
		l.signal = make(chan struct{})
	}
	return found, sequence >= l.lost, l.signal
}
