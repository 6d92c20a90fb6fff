package disk

import (
	"slices"
	"sort"

	"github.com/zeebo/xxh3"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/phext"
)

// maxScroll is the largest scroll that a batch may make, in bytes. A scroll is
// read into memory as a whole.
const maxScroll = 1 << 30

// section is the part of a phext that append-next fills: a coordinate whose
// scroll is 1.
type section = phext.Coordinate

// decision is what one batch comes to. It has nothing open: replay only repeats
// it.
type decision struct {
	*group
	ops   []journal.Op
	at    int64   // where the next text will stand in the segment
	given []given // by append-next
}

// given is a place that append-next gave: the section, and the highest scroll
// that it had given there before.
type given struct {
	section section
	before  int
}

// takeBack makes the places that a refused batch was given free again.
func (d *decision) takeBack() {
	for _, g := range slices.Backward(d.given) {
		d.h.high[g.section] = g.before
	}
}

// do decides one operation and carries it out on the working view.
func (d *decision) do(op sq.Op) (sq.Result, error) {
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
		return sq.Result{}, sq.Errorf(sq.Precondition, "the scroll at %v is not as the condition says; nothing was written", c)
	}
	after := afterwards(op, before)
	if err := d.allowed(c, before, after); err != nil {
		return sq.Result{}, err
	}
	d.change(op, c, before, after)
	return sq.Result{Coordinate: c, Before: before, After: after}, nil
}

// afterwards returns the bytes of a scroll after an operation.
func afterwards(op sq.Op, before int64) int64 {
	switch op.Kind {
	case sq.Delete:
		return 0
	case sq.Append:
		return before + int64(len(op.Text))
	}
	return int64(len(op.Text))
}

// allowed refuses what grows too large, or grows where there is no room.
func (d *decision) allowed(c phext.Coordinate, before, after int64) error {
	if after <= before {
		return nil
	}
	if after > maxScroll {
		return sq.Errorf(sq.TooLarge, "the scroll at %v would have %d bytes, at most %d are allowed; nothing was written", c, after, maxScroll)
	}
	return d.full
}

// change does what op says at c. What changes nothing leaves no trace.
func (d *decision) change(op sq.Op, c phext.Coordinate, before, after int64) {
	switch {
	case after == 0 && before == 0, op.Kind == sq.Append && after == before:
		return
	case after == 0:
		d.record(journal.Delete, c, nil)
		d.view.active.remove(c)
	case op.Kind == sq.Append:
		d.view.active.add(c, d.record(journal.Append, c, op.Text))
	default:
		d.view.active.put(c, d.record(journal.Put, c, op.Text))
	}
	d.grew(c, before, after)
}

// record notes a decided operation and returns where its text will stand.
func (d *decision) record(kind journal.OpKind, c phext.Coordinate, text []byte) place {
	op := journal.Op{Kind: kind, Coordinate: c, Text: text, Offset: d.at}
	d.at += journal.BodyBytes([]journal.Op{op})
	d.ops = append(d.ops, op)
	d.texts = append(d.texts, op)
	d.changes = append(d.changes, changeOf(op))
	return place{d.h.segment.source, op.Offset, int64(len(text)), xxh3.Hash(text)}
}

// grew keeps the numbers of the view after the scroll at c went from some bytes
// to others.
func (d *decision) grew(c phext.Coordinate, before, after int64) {
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
func (d *decision) sum(c phext.Coordinate) (phext.Checksum, error) {
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

// unwritten returns the text at a place that the group is going to write.
func (d *decision) unwritten(p place) ([]byte, bool) {
	if p.source != d.h.segment.source || p.offset < d.h.segment.end {
		return nil, false
	}
	i := sort.Search(len(d.texts), func(i int) bool { return d.texts[i].Offset >= p.offset })
	return d.texts[i].Text, true
}

// place is where an operation goes: its coordinate, or the next free one.
func (d *decision) place(op sq.Op) (phext.Coordinate, error) {
	const sectionAt, scrollAt = 7, 8
	if op.Kind != sq.AppendNext {
		return op.Coordinate, nil
	}
	for s := op.Coordinate.With(scrollAt, 1); ; s = s.With(sectionAt, s.Component(sectionAt)+1) {
		given := given{s, d.h.high[s]}
		last := given.before
		if c, ok := d.view.before(successor(s.With(scrollAt, phext.MaxStored))); ok && !c.Less(s) {
			last = max(last, c.Component(scrollAt))
		}
		if last < phext.MaxComponent {
			d.given = append(d.given, given)
			d.h.high[s] = last + 1
			return s.With(scrollAt, last+1), nil
		}
		if s.Component(sectionAt) >= phext.MaxComponent {
			return s, sq.Errorf(sq.Conflict, "no place is left behind %v in its chapter", op.Coordinate)
		}
	}
}

func changeOf(op journal.Op) sq.Change {
	change := sq.Change{Coordinate: op.Coordinate, Bytes: int64(len(op.Text))}
	switch op.Kind {
	case journal.Delete:
		change.Kind = sq.Deleted
		return change
	case journal.Put:
		change.Kind = sq.Updated
	case journal.Append:
		change.Kind = sq.Inserted
	}
	change.Checksum = phext.Sum(op.Text)
	return change
}
