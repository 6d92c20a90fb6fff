package disk

import (
	"errors"
	"syscall"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/phext"
)

// groupBytes is how much text one write and one sync carry at the most, unless
// a single batch has more.
const groupBytes = 8 << 20

// section is the part of a phext that append-next fills: a coordinate whose
// scroll is 1.
type section = phext.Coordinate

// work is a group of batches on its way into the journal.
type work struct {
	h       *handle
	view    *view // what the group makes of the current view
	encode  journal.Encoder
	records []byte
	texts   []journal.Op // of the group, for conditions on what is not written yet
	changes []sq.Change
	taken   []*request
}

// commit carries out a group: all batches that wait by now. They share one
// write and one sync, and are answered after it.
func (h *handle) commit(first *request) {
	h.lookAtFile(false)
	w, err := h.begin()
	for r := first; r != nil; r = h.waiting(w) {
		if err != nil {
			r.err = err
			close(r.done)
			return
		}
		w.taken = append(w.taken, r)
		r.results, r.err = w.take(r.batch)
	}
	h.end(w)
	for _, r := range w.taken {
		close(r.done)
	}
}

func (h *handle) waiting(w *work) *request {
	if w == nil || len(w.records) > groupBytes {
		return nil
	}
	select {
	case r := <-h.queue:
		return r
	default:
		return nil
	}
}

// begin prepares a group, or says why none can be written.
func (h *handle) begin() (*work, error) {
	v := h.current.Load()
	if v.problem != nil {
		return nil, v.problem
	}
	if h.failed != nil && h.folding == nil {
		h.startCheckpoint(func(error) {})
	}
	if h.failed != nil {
		return nil, sq.Wrap(h.failed, sq.Busy, "the disk failed and is tried again, nothing was written")
	}
	if err := h.room(); err != nil {
		return nil, err
	}
	if h.segment == nil {
		if err := h.openSegment(); err != nil {
			return nil, h.fail(err, "open a journal segment")
		}
	}
	next := *h.current.Load()
	next.active = next.active.copy()
	return &work{h: h, view: &next, encode: h.segment.encode, records: h.buf[:0]}, nil
}

// end writes and syncs a group and publishes it.
func (h *handle) end(w *work) {
	if len(w.records) == 0 {
		return
	}
	if err := h.write(w.records); err != nil {
		for _, r := range w.taken {
			if r.err == nil {
				r.results, r.err = nil, err
			}
		}
		return
	}
	h.segment.encode = w.encode
	h.segment.end = w.encode.Offset()
	h.segment.encode.Synced(h.segment.end)
	w.view.exists, w.view.sequence = true, h.sequence
	h.publish(w.view)
	h.log.add(w.changes)
	h.wrote = time.Now()
	if h.buf = w.records; cap(h.buf) > 1<<20 {
		h.buf = nil
	}
	h.schedule()
}

// write appends records to the segment and syncs it.
func (h *handle) write(records []byte) error {
	s := h.segment
	if _, err := s.source.file.WriteAt(records, s.end); err != nil {
		if errors.Is(err, syscall.ENOSPC) && s.source.file.Truncate(s.end) == nil && s.source.file.Sync() == nil {
			return sq.Wrap(err, sq.Full, "the disk is full, nothing was written")
		}
		return h.fail(err, "write the journal")
	}
	if err := s.source.file.Sync(); err != nil {
		return h.fail(err, "sync the journal")
	}
	return nil
}

// fail remembers that the disk failed. Nothing is written to this segment any
// more: a later sync that succeeds would prove nothing.
func (h *handle) fail(err error, doing string) error {
	h.failed = err
	h.store.engine.log.Error("disk failed, writes are refused until it works", "dir", h.store.dir,
		"phext", string(h.name), "doing", doing, "error", err)
	h.timer.Reset(pauseLeast)
	return sq.Wrap(err, sq.Uncertain, "the disk failed: it may have happened")
}

// take carries out one batch on the working view: all of it or none.
func (w *work) take(batch sq.Batch) ([]sq.Result, error) {
	undo, texts, changes := *w.view, len(w.texts), len(w.changes)
	if len(batch) > 1 {
		undo.active = w.view.active.copy()
	}
	b := &decided{work: w, at: w.encode.Offset() + journal.OpOffset}
	results := make([]sq.Result, 0, len(batch))
	for _, op := range batch {
		result, err := b.do(op)
		if err != nil {
			if len(batch) > 1 {
				*w.view = undo
			}
			w.texts, w.changes = w.texts[:texts], w.changes[:changes]
			return nil, err
		}
		results = append(results, result)
	}
	if len(b.ops) > 0 {
		w.h.sequence++
		w.stamp(changes)
		w.records = w.encode.Append(w.records, w.h.sequence, nil, b.ops)
	}
	return results, nil
}

func (w *work) stamp(from int) {
	for i := from; i < len(w.changes); i++ {
		w.changes[i].Position = sq.Position{Epoch: w.h.epoch, Sequence: w.h.sequence}
	}
}

// decided collects what a batch comes to.
type decided struct {
	*work
	ops []journal.Op
	at  int64 // where the next text will stand in the segment
}

// do decides one operation and carries it out on the working view.
func (d *decided) do(op sq.Op) (sq.Result, error) {
	c, err := d.place(op)
	if err != nil {
		return sq.Result{}, err
	}
	before := d.view.has(c)
	ok, err := op.If.Holds(before > 0, func() (phext.Checksum, error) { return d.sum(c) })
	if err != nil {
		return sq.Result{}, err
	}
	if !ok {
		return sq.Result{}, sq.Errorf(sq.Precondition, "the scroll at %v is not as the condition says", c)
	}
	return d.change(op, c, before), nil
}

// change does what op says at c, where the scroll has some bytes now.
func (d *decided) change(op sq.Op, c phext.Coordinate, before int64) sq.Result {
	size := int64(len(op.Text))
	switch {
	case op.Kind == sq.Delete || op.Kind == sq.Put && size == 0:
		if before > 0 {
			d.record(journal.Delete, c, nil)
			d.view.active.remove(c)
			d.grew(c, before, 0)
		}
		return sq.Result{Coordinate: c, Before: before}
	case size == 0:
		return sq.Result{Coordinate: c, Before: before, After: before}
	case op.Kind == sq.Put:
		d.view.active.put(c, d.record(journal.Put, c, op.Text))
		d.grew(c, before, size)
		return sq.Result{Coordinate: c, Before: before, After: size}
	}
	d.view.active.add(c, d.record(journal.Append, c, op.Text))
	d.grew(c, before, before+size)
	return sq.Result{Coordinate: c, Before: before, After: before + size}
}

// record notes a decided operation and returns where its text will stand.
func (d *decided) record(kind journal.OpKind, c phext.Coordinate, text []byte) place {
	op := journal.Op{Kind: kind, Coordinate: c, Text: text, Offset: d.at}
	d.at += journal.BodyBytes([]journal.Op{op})
	d.ops = append(d.ops, op)
	d.texts = append(d.texts, op)
	d.changes = append(d.changes, changeOf(op))
	return place{d.h.segment.source, op.Offset, int64(len(text)), xxh3.Hash(text)}
}

// grew keeps the numbers of the view after the scroll at c went from some bytes
// to others.
func (d *decided) grew(c phext.Coordinate, before, after int64) {
	d.view.size += after - before
	switch {
	case before == 0:
		d.view.scrolls++
		d.view.size += d.view.resized(c)
	case after == 0:
		d.view.scrolls--
		d.view.size -= d.view.resized(c)
	}
}

// sum is the checksum of the scroll at c in the working view, where a text may
// not be on disk yet.
func (d *decided) sum(c phext.Coordinate) (phext.Checksum, error) {
	var text []byte
	for _, p := range d.view.find(c, nil) {
		piece, ok := d.unwritten(p)
		if !ok {
			piece = make([]byte, p.length)
			if err := p.read(piece); err != nil {
				return phext.Checksum{}, err
			}
		}
		text = append(text, piece...)
	}
	return phext.Sum(text), nil
}

func (d *decided) unwritten(p place) ([]byte, bool) {
	if p.source != d.h.segment.source || p.offset < d.h.segment.end {
		return nil, false
	}
	for _, op := range d.texts {
		if op.Offset == p.offset {
			return op.Text, true
		}
	}
	return nil, false
}

// place is where an operation goes: its coordinate, or the next free one.
func (d *decided) place(op sq.Op) (phext.Coordinate, error) {
	const sectionAt, scrollAt = 7, 8
	if op.Kind != sq.AppendNext {
		return op.Coordinate, nil
	}
	for s := op.Coordinate.With(scrollAt, 1); ; s = s.With(sectionAt, s.Component(sectionAt)+1) {
		last := d.h.high[s]
		if c, ok := d.view.before(s.With(scrollAt, phext.MaxStored)); ok && !c.Less(s) {
			last = max(last, c.Component(scrollAt))
		}
		if last < phext.MaxComponent {
			d.h.high[s] = last + 1
			return s.With(scrollAt, last+1), nil
		}
		if s.Component(sectionAt) >= phext.MaxComponent {
			return s, sq.Errorf(sq.Conflict, "no place is left behind %v in its chapter", op.Coordinate)
		}
	}
}

func changeOf(op journal.Op) sq.Change {
	kinds := map[journal.OpKind]sq.ChangeKind{
		journal.Put: sq.Updated, journal.Append: sq.Inserted, journal.Delete: sq.Deleted,
	}
	change := sq.Change{Kind: kinds[op.Kind], Coordinate: op.Coordinate, Bytes: int64(len(op.Text))}
	if op.Kind != journal.Delete {
		change.Checksum = phext.Sum(op.Text)
	}
	return change
}
