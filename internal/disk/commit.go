package disk

import (
	"runtime"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/journal"
)

// groupBytes is how much one write and one sync carry at the most, unless a
// single batch has more.
const groupBytes = 8 << 20

// group is a group of batches on its way into the journal. A committer has one, and
// uses the room that it has got again.
type group struct {
	h        *handle
	view     *view // what the group makes of the current view
	encode   journal.Encoder
	records  []byte
	texts    []journal.Op // of the group, for conditions on what is not written yet
	changes  []sq.Change
	taken    []*request
	decision decision // what the batch at hand comes to
	full     error    // why nothing may grow

	limited  bool  // by a quota, of which so much is reserved
	reserved int64 // bytes
}

// Room that is kept for the next group.
const (
	keptRecords = 1 << 20 // bytes
	keptBatches = 1 << 8
)

// commit carries out a group: all batches that wait by now. They share one
// write and one sync, and are answered after it, when the next group is decided:
// whoever is answered asks again, and the processors are the next group's until the
// disk has it.
func (h *handle) commit(first *request) {
	if h.now()-h.looked.Load() > int64(lookEvery) {
		h.answer() // the file may have to be read
		h.look()
	}
	g, err := h.begin()
	if err != nil {
		first.err = err
		h.decided = append(h.decided, first)
		h.answer()
		return
	}
	g.takeAll(first)
	for range 2 { // who is about to ask shares the sync, and everybody waits for fewer
		runtime.Gosched()
		g.takeAll(g.waiting())
	}
	h.answer()
	h.end(g)
	h.store.account.giveBack(g.reserved)
	h.decided = append(h.decided, g.taken...)
	g.letGo()
}

// answer answers those of the group before.
func (h *handle) answer() {
	for _, r := range h.decided {
		r.done <- struct{}{}
	}
	clear(h.decided)
	if h.decided = h.decided[:0]; cap(h.decided) > keptBatches {
		h.decided = nil
	}
}

// answerInTime answers those of the group before when they have waited long enough for
// this one: that may add a quarter to their sync.
func (h *handle) answerInTime() {
	if len(h.decided) > 0 && time.Since(h.synced) > h.took/4 {
		h.answer()
	}
}

// letGo lets go of what the group was about, and of room that is not needed often.
func (g *group) letGo() {
	clear(g.texts[:cap(g.texts)])
	clear(g.taken)
	clear(g.decision.ops[:cap(g.decision.ops)])
	if g.view = nil; cap(g.records) > keptRecords {
		g.records = nil
	}
	if max(cap(g.texts), cap(g.changes), cap(g.taken), cap(g.decision.ops)) > keptBatches {
		*g = group{records: g.records}
	}
}

// takeAll takes a batch and those that wait behind it.
func (g *group) takeAll(r *request) {
	for ; r != nil; r = g.waiting() {
		g.taken = append(g.taken, r)
		r.depends = len(g.records) > 0
		r.results, r.err = g.take(r.batch)
		g.h.answerInTime()
	}
}

// waiting returns a batch that can join the group; nil when there is none.
func (g *group) waiting() *request {
	if len(g.records) > groupBytes {
		return nil
	}
	select {
	case r := <-g.h.queue:
		return r
	default:
		return nil
	}
}

// begin prepares a group, or says why none can be written.
func (h *handle) begin() (*group, error) {
	h.admit()
	if problem := h.current.Load().problem; problem != nil {
		return nil, problem
	}
	if h.failed != nil || h.unsettled != nil {
		h.answer() // the disk may take its time
		h.startCheckpoint(func(error) {})
	}
	if h.failed != nil {
		return nil, sq.Wrap(h.failed, sq.Busy, "the disk failed and is being tried again; nothing was written")
	}
	if err := h.begins(); err != nil {
		return nil, err
	}
	next := *h.current.Load()
	next.active = next.active.copy()
	g := &h.group
	*g = group{
		h: h, view: &next, encode: h.segment.encode, full: h.room(), limited: h.store.account.limit() > 0,
		records: g.records[:0], texts: g.texts[:0], changes: g.changes[:0], taken: g.taken[:0], decision: g.decision,
	}
	return g, nil
}

// begins opens the first segment of a phext at rest.
func (h *handle) begins() error {
	if h.segment != nil {
		return nil
	}
	return h.openSegment()
}

// end writes and syncs a group, at once or soon, and publishes it.
func (h *handle) end(g *group) {
	if len(g.records) == 0 {
		h.timer.Reset(pauseLeast)
		return
	}
	g.repeatMark()
	if err := h.write(g.records, g.encode, g.within()); err != nil {
		for _, r := range g.taken {
			switch {
			case r.err == nil:
				r.results, r.err = nil, err
			case r.depends: // it may tell of what was not written
				r.err = sq.Wrap(err, sq.Busy, "the disk failed before this could be decided; nothing of it was written, try again")
			}
		}
		return
	}
	h.stats().groups.Add(int64(len(g.taken)))
	h.confirm = false
	g.view.exists, g.view.sequence = true, h.sequence
	h.publish(g.view)
	h.log.add(g.changes)
	h.wrote = time.Now()
	h.schedule()
}

// repeatMark puts the mark of the file behind the first batches after a checkpoint
// that has removed the older segments: whoever misses those later knows that they
// were removed.
func (g *group) repeatMark() {
	if h := g.h; h.confirm {
		h.sequence++
		g.records = g.encode.Append(g.records, journal.Record{Sequence: h.sequence, Mark: &h.content})
	}
}

// take carries out one batch on the working view: all of it or none.
func (g *group) take(batch sq.Batch) ([]sq.Result, error) {
	undo, texts, changes := *g.view, len(g.texts), len(g.changes)
	undoes := len(batch) > 1 || g.limited
	if undoes {
		undo.active = g.view.active.copy()
	}
	d := &g.decision
	*d = decision{group: g, at: g.encode.Offset() + journal.Record{}.TextOffset(), ops: d.ops[:0], given: d.given[:0]}
	results := make([]sq.Result, 0, len(batch))
	for i, op := range batch {
		result, err := d.do(op)
		if err != nil {
			err = opError(batch, i, err)
		} else if g.limited && i == len(batch)-1 {
			err = g.reserve(undo.size)
		}
		if err != nil {
			g.h.suspect(err)
			if undoes {
				*g.view = undo
			}
			g.texts, g.changes = g.texts[:texts], g.changes[:changes]
			d.takeBack()
			return nil, err
		}
		results = append(results, result)
	}
	if len(d.ops) > 0 {
		g.h.sequence++
		g.stamp(changes)
		g.records = g.encode.Append(g.records, journal.Record{Sequence: g.h.sequence, Ops: d.ops})
	}
	return results, nil
}

// stamp gives the changes from an index on the position of the newest batch.
func (g *group) stamp(from int) {
	for i := from; i < len(g.changes); i++ {
		g.changes[i].Position = sq.Position{Epoch: g.h.epoch, Sequence: g.h.sequence}
	}
}
