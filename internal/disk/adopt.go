package disk

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/phext"
)

// frozenState is what the frozen layer is to a file that someone else wrote.
type frozenState uint8

const (
	isPending  frozenState = iota // the file is of before it
	isExposed                     // the file may be an edit of one that had it
	isReplaced                    // the file is an edit of one that took its place
)

// look adopts what someone else did to the file. It reports whether the file is
// not as it was, be it that it was adopted or that it could not be read.
func (h *handle) look() bool {
	h.looked.Store(h.now())
	if h.unsettled != nil {
		return false
	}
	if !h.doubted.Swap(false) && h.looksKnown() {
		return false
	}
	switch {
	case h.rotten.Load():
		return false // what was read once cannot be judged by what is left of it
	case h.damaged:
		return h.reopen()
	}
	return h.reread()
}

// reopen opens a phext anew, in its place, that is damaged or was opened where
// there was no room: the file or the room may be another now. It reports whether
// something is not as it was.
func (h *handle) reopen() bool {
	again := newHandle(h.store, h.fs, h.name)
	defer again.timer.Stop()
	defer again.forget()
	left, err := leftOf(h.fs, h.name)
	if err == nil {
		var c content
		if c, err = load(h.fs, h.filePath()); err == nil {
			err = again.recover(c, left)
		}
	}
	if err != nil {
		h.doubted.Store(true)
		h.logger().Warn("a phext cannot be opened anew yet", "error", err)
		return true
	}
	before := h.current.Load()
	h.older, h.segment, h.content = again.older, again.segment, again.content
	h.number, h.sequence = max(h.number, again.number), max(h.sequence, again.sequence)+1
	h.damaged, h.full, h.frozen, h.ours = again.damaged, again.full, again.frozen, again.ours
	h.rotten.Store(false)
	h.setKnown(again.info)
	next := *again.current.Load()
	next.sequence = h.sequence
	next.files.acquire() // for h; forget gives that of again back
	h.publish(&next)
	h.log.add(h.differences(before, &next))
	h.foreign = again.foreign
	if h.full == nil {
		h.timer.Reset(pauseLeast)
	}
	return true
}

// reread reads the file again and makes it what the phext is based on.
func (h *handle) reread() bool {
	c, err := load(h.fs, h.filePath())
	if err != nil {
		h.doubted.Store(true)
		h.logger().Warn("a phext is being changed by someone else, and is read again soon", "error", err)
		return true
	}
	before := h.current.Load()
	if c.file != nil && before.problem == nil && c.problem == nil && c.identity == h.content.File &&
		c.info.Identity.Inode == h.info.Identity.Inode {
		h.setKnown(c.info) // touched, or saved without a change
		c.close()
		return false
	}
	if err := h.adopt(c); err != nil {
		h.suspect(err)
		h.admit()
		h.doubted.Store(true)
		h.logger().Error("cannot adopt a change of a phext, what was there before is served", "error", err)
		return true
	}
	if !h.dropping {
		h.stats().edits.Add(1)
	}
	h.log.add(h.differences(before, h.current.Load()))
	return true
}

// adopt makes a file that someone else wrote what the phext is based on, with
// what is pending applied to it.
func (h *handle) adopt(c content) error {
	h.foreign, h.overtaken = time.Now(), true
	h.timer.Reset(foreignPause)
	if err := h.keepOurs(c); err != nil {
		c.close()
		return err
	}
	if c.problem != nil {
		h.refuse(c)
		return nil
	}
	next := *h.current.Load()
	mark := journal.Mark{Sequence: h.sequence, File: c.identity}
	pending := next
	next.frozen, next.active = newLayer(), newLayer()
	if len(h.segments()) > 0 {
		if err := h.rebase(c, mark, &pending, &next); err != nil {
			c.close()
			return err
		}
	}
	h.hold(&next, c)
	h.content, h.frozen, h.ours = mark, isPending, false
	next.exists = next.exists || !next.active.empty()
	next.recount()
	h.sequence++
	next.sequence = h.sequence
	h.regroup(&next)
	h.publish(&next)
	return nil
}

// refuse serves a file that is no phext as it is, and nothing else of it. What is
// pending stays in the journal until the file can be read again.
func (h *handle) refuse(c content) {
	next := *h.current.Load()
	h.hold(&next, c)
	h.ours = false
	next.exists, next.opaque = true, true
	next.problem = sq.Errorf(sq.Unreadable, "%s is no phext: %v; it is left as it is", h.filePath(), c.problem)
	next.base, next.scrolls, next.size = index{}, 0, 0
	h.sequence++
	next.sequence = h.sequence
	h.regroup(&next)
	h.publish(&next)
	h.logger().Error("a phext cannot be read", "error", c.problem)
}

// rebase decides what pending changes mean on a file that was edited, notes that
// in one record with the mark of the file, and applies it to next.
func (h *handle) rebase(c content, mark journal.Mark, pending, next *view) error {
	var ops []journal.Op
	var overridden bool
	if h.frozen != isReplaced {
		var err error
		if ops, overridden, err = pendingOps(c, pending.frozen, h.frozen == isExposed); err != nil {
			return err
		}
	}
	more, also, err := pendingOps(c, pending.active, false)
	if err != nil {
		return err
	}
	if ops = append(ops, more...); journal.BodyBytes(ops) > journal.MaxBody {
		return sq.Errorf(sq.TooLarge, "the batches that are not in the file yet have more than 4 GiB; undo the edit, and let them be folded first")
	}
	if overridden || also {
		if err := h.setAsideEdit(c); err != nil {
			return err
		}
	}
	if h.segment == nil || h.segment.bad {
		if err := h.openSegment(); err != nil {
			return err
		}
	}
	// The record must not be on disk before the edit that it is about: what the
	// edit has already is not in it.
	if err := h.syncFile(c); err != nil {
		return err
	}
	if err := h.note(journal.Record{Mark: &mark, Reset: true, Ops: ops}); err != nil {
		return err
	}
	for _, op := range ops {
		next.active.redo(op, place{h.segment.source, op.Offset, int64(len(op.Text)), xxh3.Hash(op.Text)})
	}
	return nil
}

// syncFile makes a file that someone else wrote, and its name, survive the loss
// of power.
func (h *handle) syncFile(c content) error {
	if c.file != nil {
		if err := c.file.file.Sync(); err != nil {
			return err
		}
	}
	return h.fs.SyncDir(".")
}

// redo carries out a decided operation whose text stands at p.
func (l layer) redo(op journal.Op, p place) {
	switch op.Kind {
	case journal.Put:
		l.put(op.Coordinate, p)
	case journal.Append:
		l.add(op.Coordinate, p)
	case journal.Delete:
		l.remove(op.Coordinate)
	}
}

// pendingOps returns what a layer does, as operations, and whether it overrides
// a scroll that the file has. With exposed the file may be an edit of one that
// had the layer, or a part of it, in it: texts that were appended and are there
// are left out.
func pendingOps(c content, l layer, exposed bool) (ops []journal.Op, overridden bool, err error) {
	l.each(func(e entry) bool {
		at, there := c.index.find(e.coordinate, c.file)
		op := journal.Op{Kind: e.kind, Coordinate: e.coordinate}
		if exposed && there && e.kind == journal.Append {
			op.Text, err = missing(at, e.appendPlaces(nil))
		} else {
			op.Text, err = readAll(nil, e.appendPlaces(nil))
		}
		overridden = overridden || there && e.kind != journal.Append
		if len(op.Text) > 0 || e.kind != journal.Append {
			ops = append(ops, op)
		}
		return err == nil
	})
	return ops, overridden, err
}

// missing returns those of the texts that were appended to a scroll which are not
// in it. They are looked for in their order, each behind the one before, since
// they may have come there in several checkpoints, and others may have written
// between them.
func missing(scroll place, appended []place) (texts []byte, err error) {
	rest, err := readAll(nil, []place{scroll})
	if err != nil {
		return nil, err
	}
	for _, p := range appended {
		text, err := readAll(nil, []place{p})
		if err != nil {
			return nil, err
		}
		if _, behind, found := bytes.Cut(rest, text); found {
			rest = behind
		} else {
			texts = append(texts, text...)
		}
	}
	return texts, nil
}

// setAsideEdit keeps a copy of a file that someone edited before answered
// batches are applied over it.
func (h *handle) setAsideEdit(c content) error {
	if h.kept == c.identity {
		return nil // when it was met before, and could not be adopted
	}
	h.logger().Warn("a phext was edited where answered writes were not in its file yet; they are applied, and the edit is kept as a copy")
	err := h.keep(c.file)
	if err == nil {
		h.kept = c.identity
	}
	return err
}

// keepOurs keeps a copy of the file that someone else's takes the place of, when
// it was written by a checkpoint: whoever saved an older version over it did not
// know the batches in it. That can be done only where the file was replaced, and
// not written in place.
func (h *handle) keepOurs(c content) error {
	v := h.current.Load()
	if !h.ours || v.file == nil || c.info.Identity.Inode == h.info.Identity.Inode || c.identity == v.identity {
		return nil
	}
	err := h.keep(v.file)
	h.ours = err != nil // once is enough
	return err
}

func (h *handle) keep(file *source) error {
	path := conflictsDir + "/" + h.dated() + suffix
	if err := copyFile(h.fs, file.file, path, conflictsDir); err != nil {
		return err
	}
	h.logger().Warn("a copy was kept", "file", path)
	h.store.retain(h.fs, conflictsDir)
	return nil
}

// keepPart keeps what lies beside the file, someone's edit of the last moment,
// under a name in conflicts/.
func (h *handle) keepPart() error {
	path := conflictsDir + "/" + h.dated() + suffix
	if err := h.fs.RenameNew(h.partPath(), path); err != nil {
		return err
	}
	if err := errors.Join(h.fs.SyncDir(conflictsDir), h.fs.SyncDir(tmpDir)); err != nil {
		return err
	}
	h.logger().Warn("a phext was edited while its file was exchanged; the edit is kept", "file", path)
	h.store.retain(h.fs, conflictsDir)
	return nil
}

// dated returns a name for what is set aside: the phext's, when, and a number
// that makes it the only one.
func (h *handle) dated() string { return dated(h.name) }

func dated(name sq.PhextName) string {
	return fmt.Sprintf("%s.%s.%08x", name, time.Now().UTC().Format("20060102T150405"), uint32(random()>>32))
}

// differences returns what an edit by others changed, or a single reset when
// that is much.
func (h *handle) differences(before, after *view) []sq.Change {
	d := &differ{at: sq.Position{Epoch: h.epoch, Sequence: after.sequence}}
	if before.opaque || after.opaque || !d.compare(before.merge(phext.Coordinate{}), after.merge(phext.Coordinate{})) {
		return []sq.Change{{Position: d.at, Kind: sq.Reset}}
	}
	return d.changes
}

// differ collects the changes from one view to another.
type differ struct {
	at      sq.Position
	changes []sq.Change
}

// compare walks two views side by side; false when there are too many changes,
// or a text cannot be read.
func (d *differ) compare(a, b *merge) bool {
	inA, inB := a.next(), b.next()
	for inA || inB {
		ok := true
		switch {
		case inA && (!inB || a.coordinate.Less(b.coordinate)):
			d.changes = append(d.changes, sq.Change{Position: d.at, Kind: sq.Deleted, Coordinate: a.coordinate})
			inA = a.next()
		case inB && (!inA || b.coordinate.Less(a.coordinate)):
			ok = d.updated(b)
			inB = b.next()
		default:
			ok = sameText(a.places, b.places) || d.updated(b)
			inA, inB = a.next(), b.next()
		}
		if !ok || len(d.changes) > changesKept/2 {
			return false
		}
	}
	return true
}

func (d *differ) updated(m *merge) bool {
	text, err := readAll(nil, m.places)
	d.changes = append(d.changes, sq.Change{
		Position: d.at, Kind: sq.Updated, Coordinate: m.coordinate,
		Bytes: int64(len(text)), Checksum: phext.Sum(text),
	})
	return err == nil
}

// sameText reports whether two texts are known to be the same without reading
// them.
func sameText(a, b []place) bool {
	return len(a) == 1 && len(b) == 1 && a[0].hash == b[0].hash && a[0].length == b[0].length
}
