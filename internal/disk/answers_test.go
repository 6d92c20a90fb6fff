package disk

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// relay is a rig in which two batches come while that of first is synced. It notes what
// the committer does from then on, and whether first has its answer by then.
type relay struct {
	*rig
	first, second, third *request
	took                 time.Duration // what that sync is said to have taken
	steps                []string
}

const relayText = "in the file"

func newRelay(t *testing.T) *relay {
	y := &relay{first: checked(1), second: checked(2), third: checked(3)}
	y.rig = newHookedRig(t, func(r *rig, c vfs.Call) error {
		if r.deny.Load() {
			y.see(r.handle(), c)
		}
		return nil
	})
	y.write(strings.Repeat(relayText+"\x17", 3))
	y.pause()
	y.apply(sq.Put, phext.First.With(8, 4), "a segment")
	return y
}

// checked is a batch for which the committer has to read a scroll of the file.
func checked(scroll int) *request {
	q := newRequest()
	q.batch = sq.Batch{{
		Kind: sq.Put, Coordinate: phext.First.With(8, scroll), Text: []byte(relayText), If: sq.IfMatches(phext.Sum([]byte(relayText))),
	}}
	return q
}

func (y *relay) see(h *handle, c vfs.Call) {
	step := c.Op
	switch {
	case c.Op == "read" && c.Name == "notes.phext":
	case (c.Op == "write" || c.Op == "sync") && strings.HasPrefix(c.Name, journalDir):
	default:
		return
	}
	if len(y.first.done) > 0 {
		step += ", answered"
	}
	if y.steps = append(y.steps, step); len(y.steps) == 3 {
		h.queue <- y.second
		h.queue <- y.third
	}
	if len(y.steps) > 3 { // the clock does not matter
		h.took = y.took
	}
}

// TestAnswered: those of a group are answered when the next one is decided, before it is
// written, or when that takes long; and at once when there is none.
func TestAnswered(t *testing.T) {
	for _, test := range []struct {
		took time.Duration
		want []string
	}{
		{time.Hour, []string{"read", "write", "sync", "read", "read", "write, answered", "sync, answered"}},
		{0, []string{"read", "write", "sync", "read", "read, answered", "write, answered", "sync, answered"}},
	} {
		y := newRelay(t)
		y.took = test.took
		h := y.handle()
		y.deny.Store(true)
		h.queue <- y.first
		<-y.third.done
		y.deny.Store(false)
		if !slices.Equal(y.steps, test.want) {
			t.Errorf("after a sync of %v: %q, want %q", test.took, y.steps, test.want)
		}
	}
}

// TestAnsweredBeforeOther: the committer does nothing else as long as somebody waits for
// an answer, even if there is a next group.
func TestAnsweredBeforeOther(t *testing.T) {
	var first, second *request
	came, done := true, make(chan struct{}) // what comes while first is synced, and the end of what is no batch
	r := newHookedRig(t, func(r *rig, c vfs.Call) error {
		if !r.deny.Load() || c.Op != "sync" || came {
			return nil
		}
		came = true
		h := r.handle()
		h.queue <- second
		go h.do(func() { // of this and the batch, the committer takes either
			if len(first.done) == 0 {
				t.Error("something else is done while somebody waits for an answer")
			}
			done <- struct{}{}
		})
		return nil
	})
	r.write(relayText)
	r.pause()
	r.apply(sq.Put, phext.First.With(8, 4), "a segment")
	h := r.handle()
	r.deny.Store(true)
	for range 64 {
		first, second, came = checked(1), checked(1), false
		h.queue <- first
		<-done
		<-second.done
	}
	r.deny.Store(false)
}

// TestAnsweredBeforeLook: who waits for an answer is told before the file is looked at for
// the next group, which may have to read it.
func TestAnsweredBeforeLook(t *testing.T) {
	first, second := checked(1), checked(1)
	came, looked := false, false
	r := newHookedRig(t, func(r *rig, c vfs.Call) error {
		switch {
		case !r.deny.Load():
		case c.Op == "sync" && !came:
			came = true
			h := r.handle()
			h.queue <- second
			h.looked.Store(h.now() - int64(lookEvery) - 1)
		case c.Op == "stat" && c.Name == "notes.phext" && came:
			if looked = true; len(first.done) == 0 {
				t.Error("the file is looked at while somebody waits for an answer")
			}
		}
		return nil
	})
	r.write(relayText)
	r.pause()
	r.apply(sq.Put, phext.First.With(8, 4), "a segment")
	h := r.handle()
	r.deny.Store(true)
	h.queue <- first
	<-second.done
	if r.deny.Store(false); !looked {
		t.Error("nobody looked at the file")
	}
}

// TestAnsweredBeforeRecovery: who waits while the disk fails is told before the committer
// tries it again for the next one.
func TestAnsweredBeforeRecovery(t *testing.T) {
	first, second := checked(1), checked(1)
	tried := false
	r := newHookedRig(t, func(r *rig, c vfs.Call) error {
		switch {
		case !r.deny.Load():
		case c.Op == "sync" && !tried:
			tried = true
			r.handle().queue <- second
			return syscall.EIO
		case c.Op == "stat" && c.Name == "notes.phext" && len(first.done) == 0:
			t.Error("the disk is tried again while somebody waits for an answer")
		}
		return nil
	})
	r.write(relayText)
	r.pause()
	r.apply(sq.Put, phext.First.With(8, 4), "a segment")
	h := r.handle()
	r.deny.Store(true)
	h.queue <- first
	<-second.done
	r.deny.Store(false)
	if !tried || sq.ErrorCode(first.err) != sq.Uncertain || sq.ErrorCode(second.err) != sq.Busy {
		t.Errorf("%v, then %v", first.err, second.err)
	}
	if err := r.fold(); err != nil {
		t.Fatal(err)
	}
}
