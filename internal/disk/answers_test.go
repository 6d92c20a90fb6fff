package disk

import (
	"slices"
	"strings"
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
	var first *request
	var came chan *request // holds who comes while first is synced
	r := newHookedRig(t, func(r *rig, c vfs.Call) error {
		switch {
		case !r.deny.Load():
		case c.Op == "sync" && len(came) > 0:
			h := r.handle()
			h.queue <- <-came
			select {
			case h.kick <- struct{}{}: // of this and the batch, the committer takes either
			default:
			}
		case c.Op == "stat" && c.Name == "notes.phext" && len(came) == 0 && len(first.done) == 0:
			t.Error("the file is looked at while somebody waits for an answer")
		}
		return nil
	})
	r.write(relayText)
	r.pause()
	h := r.handle()
	for range 32 {
		first, came = checked(1), make(chan *request, 1)
		second := checked(1)
		came <- second
		r.deny.Store(true)
		h.queue <- first
		<-second.done
		h.do(func() { r.deny.Store(false) }) // when the kick was heard
	}
}
