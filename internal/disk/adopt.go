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

// lookEvery is how long the file is trusted to be as it was, while it is used.
const lookEvery = time.Second

// lookAtFile adopts what someone else did to the file, and reports whether
// anything was done to it. Without force it looks at most once a second.
func (h *handle) lookAtFile(force bool) bool {
	now := time.Now()
	if !force && now.UnixNano()-h.look.Load() < int64(lookEvery) {
		return false
	}
	h.look.Store(now.UnixNano())
	info, err := h.store.fs.Stat(h.filePath())
	known := h.content.File != journal.Absent || h.current.Load().opaque
	switch {
	case err == nil && known && info.Identity.Equal(h.info.Identity):
		return false
	case errors.Is(err, errNotExist) && !known:
		return false
	case err != nil && !errors.Is(err, errNotExist):
		h.store.engine.log.Error("cannot look at a phext", "dir", h.store.dir, "phext", string(h.name), "error", err)
		return false
	}
	return h.reread()
}

// reread reads the file again and makes it what the phext is based on.
func (h *handle) reread() bool {
	c, err := load(h.store.fs, h.filePath())
	if err != nil {
		h.store.engine.log.Warn("a phext is being changed by someone else", "dir", h.store.dir, "phext", string(h.name), "error", err)
		h.look.Store(0)
		return true
	}
	if c.problem == nil && c.identity == h.content.File && h.current.Load().problem == nil && c.info.Identity.Inode == h.info.Identity.Inode {
		h.info = c.info // touched, or saved without a change
		c.close()
		return false
	}
	h.foreign = time.Now()
	if err := h.adopt(c, h.current.Load()); err != nil {
		h.store.engine.log.Error("cannot adopt a change of a phext", "dir", h.store.dir, "phext", string(h.name), "error", err)
	}
	return true
}

func (c content) close() {
	if c.file != nil {
		c.file.file.Close()
	}
}

// adopt makes a file that someone else wrote what the phext is based on, with
// what was answered and is not in any file applied to it. pending holds that in
// its layers.
func (h *handle) adopt(c content, pending *view) error {
	next := *h.current.Load()
	next.file, next.base, next.exists = c.file, c.index, c.file != nil
	next.problem, next.opaque = nil, false
	h.info = c.info
	if c.problem != nil {
		h.refuse(&next, c)
		return nil
	}
	all := pending.active.over(pending.frozen)
	before := h.current.Load()
	h.content = journal.Mark{Sequence: h.sequence, File: c.identity}
	next.frozen, next.active = newLayer(), newLayer()
	if !all.empty() || h.segment != nil || len(h.older) > 0 {
		if err := h.replay(c, &next, all, !pending.frozen.empty()); err != nil {
			return err
		}
	}
	h.sequence++
	next.sequence = h.sequence
	h.recount(&next)
	h.regroup(&next)
	h.publish(&next)
	h.log.add(h.differences(before, &next))
	h.timer.Reset(foreignPause)
	return nil
}

// refuse serves a file that is no phext as it is, and nothing else of it.
func (h *handle) refuse(next *view, c content) {
	next.problem = sq.Errorf(sq.Unreadable, "%s is no phext: %v; it is left as it is", h.filePath(), c.problem)
	next.opaque, next.base, next.scrolls, next.size = true, &index{}, 0, 0
	h.content = journal.Mark{Sequence: h.sequence, File: c.identity}
	h.rawSize.Store(c.identity.Size)
	h.regroup(next)
	h.publish(next)
	h.store.engine.log.Error("a phext cannot be read", "dir", h.store.dir, "phext", string(h.name), "error", c.problem)
}

// replay decides what pending changes mean on a file that was edited, and writes
// that in one record with the mark of the file. ambiguous says that the file may
// be an edit of one that had the appended texts already.
func (h *handle) replay(c content, next *view, pending layer, ambiguous bool) error {
	ops, overrides, err := pendingOps(c, pending, ambiguous)
	if err != nil {
		return err
	}
	if overrides {
		if err := h.keepCopy(c.file); err != nil {
			return err
		}
	}
	if err := h.openSegment(); err != nil {
		return h.fail(err, "open a journal segment")
	}
	mark := h.content
	if err := h.note(&mark, ops); err != nil {
		return err
	}
	for _, op := range ops {
		next.active.redo(op, h.segment.source)
	}
	return nil
}

// redo carries out a decided operation whose text stands in a segment.
func (l layer) redo(op journal.Op, segment *source) {
	p := place{segment, op.Offset, int64(len(op.Text)), xxh3.Hash(op.Text)}
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
// a scroll that the file has.
func pendingOps(c content, pending layer, ambiguous bool) (ops []journal.Op, overrides bool, err error) {
	pending.tree.Scan(func(e entry) bool {
		place, there := c.index.find(e.coordinate, c.file)
		op := journal.Op{Kind: e.kind, Coordinate: e.coordinate}
		if op.Text, err = readAll(e.places); err != nil {
			return false
		}
		overrides = overrides || there && e.kind != journal.Append
		if ambiguous && there && e.kind == journal.Append {
			var text []byte
			if text, err = readOne(place); err != nil {
				return false
			}
			if bytes.Contains(text, op.Text) {
				return true
			}
		}
		ops = append(ops, op)
		return true
	})
	return ops, overrides, err
}

func readOne(p place) ([]byte, error) { return readAll([]place{p}) }

// keepCopy keeps the owner's version of a file in conflicts/.
func (h *handle) keepCopy(file *source) error {
	path := fmt.Sprintf("%s/%s.%d%s", conflictsDir, h.name, time.Now().UnixNano(), suffix)
	h.store.engine.log.Warn("a phext was edited where answered writes were not in it yet; the edit is kept",
		"dir", h.store.dir, "phext", string(h.name), "copy", path)
	return copyFile(h.store.fs, file.file, path, conflictsDir)
}

// recount sets the numbers of a view by walking it.
func (h *handle) recount(v *view) {
	v.scrolls, v.size = 0, 0
	at := phext.First
	for m := v.merge(phext.Coordinate{}); ; v.scrolls++ {
		c, ok := m.next()
		if !ok {
			return
		}
		v.size += phext.DelimiterBytes(at, c) + v.has(c)
		at = c
	}
}

// differences returns what an edit by others changed, or a single reset when
// that is much.
func (h *handle) differences(before, after *view) []sq.Change {
	position := sq.Position{Epoch: h.epoch, Sequence: after.sequence}
	reset := []sq.Change{{Position: position, Kind: sq.Reset}}
	if before.opaque {
		return reset
	}
	var changes []sq.Change
	a, b := before.merge(phext.Coordinate{}), after.merge(phext.Coordinate{})
	ca, inA := a.next()
	cb, inB := b.next()
	for inA || inB {
		change := sq.Change{Position: position}
		switch {
		case inA && (!inB || ca.Less(cb)):
			change.Kind, change.Coordinate = sq.Deleted, ca
			ca, inA = a.next()
		case inB && (!inA || cb.Less(ca)):
			change.Kind, change.Coordinate = sq.Updated, cb
			cb, inB = b.next()
		default:
			if !samePlaces(before.find(ca, nil), after.find(ca, nil)) {
				change.Kind, change.Coordinate = sq.Updated, ca
			}
			ca, inA = a.next()
			cb, inB = b.next()
		}
		if change.Kind == sq.Updated {
			text, err := readAll(after.find(change.Coordinate, nil))
			if err != nil {
				return reset
			}
			change.Bytes, change.Checksum = int64(len(text)), phext.Sum(text)
		}
		if change.Kind != "" {
			changes = append(changes, change)
		}
		if len(changes) > changesKept/2 {
			return reset
		}
	}
	return changes
}

func samePlaces(a, b []place) bool {
	return len(a) == 1 && len(b) == 1 && a[0].hash == b[0].hash && a[0].length == b[0].length
}
