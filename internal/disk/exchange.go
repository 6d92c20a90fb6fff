package disk

import (
	"errors"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/internal/vfs"
)

// exchange makes the new file NAME.phext. The mark is on disk first: whichever
// file a crash leaves, recovery knows what it holds.
func (h *handle) exchange(f *folded) error {
	if h.look() {
		h.giveUp(f)
		return errChanged
	}
	if h.segment.bad { // since the checkpoint began: the next one has a new segment
		h.giveUp(f)
		return h.failed
	}
	if err := h.keepOwner(f); err != nil {
		h.giveUp(f)
		return err
	}
	mark := journal.Mark{Sequence: f.sequence, File: f.content.identity}
	if err := h.note(journal.Record{Mark: &mark}); err != nil {
		h.giveUp(f)
		return err
	}
	h.unsettled = f
	f.swapped = h.swap()
	err := h.settle()
	if err != nil && f.swapped != nil {
		return errors.Join(f.swapped, err)
	}
	return err
}

// keepOwner gives the new file the mode and owner that the old one has by now.
func (h *handle) keepOwner(f *folded) error {
	now, had := h.info, f.content.info
	if h.known.Load() == nil || now.Mode == had.Mode && now.UID == had.UID && now.GID == had.GID {
		return nil
	}
	return f.content.file.file.CopyOwner(now)
}

// swap exchanges the file with the one written beside it.
func (h *handle) swap() error {
	if h.known.Load() == nil {
		return h.fs.RenameNew(h.partPath(), h.filePath())
	}
	err := h.fs.Exchange(h.partPath(), h.filePath())
	if errors.Is(err, errors.ErrUnsupported) {
		err = h.fs.Rename(h.partPath(), h.filePath())
	}
	return err
}

// settle finds out which file is in place after swap, whatever swap said, and
// goes on from there. As long as that cannot be told batches are refused, and
// settle is called again.
func (h *handle) settle() error {
	f := h.unsettled
	if f == nil {
		return nil
	}
	in, err := h.fs.Stat(h.filePath())
	switch {
	case err != nil && !errors.Is(err, errNotExist):
		return h.fail(err, "look at the file after exchanging it")
	case err == nil && in.Identity.SameContent(f.content.info.Identity):
		return h.settleIn(f, in)
	case h.looksKnown():
		h.giveUp(f)
		return sq.Errorf(sq.Internal, "the file could not be exchanged")
	}
	if f.swapped == nil { // ours was there before it
		h.frozen = isExposed
		if f.replaces {
			h.frozen = isReplaced
		}
	}
	h.giveUp(f)
	h.look()
	return errChanged
}

// settleIn goes on with the new file in place, if what came out is what was
// expected. Otherwise someone changed it in the last moment, and it goes back.
func (h *handle) settleIn(f *folded, in vfs.Info) error {
	out, err := h.fs.Stat(h.partPath())
	switch {
	case errors.Is(err, errNotExist), err == nil && out.Identity.SameContent(h.info.Identity):
		f.content.info = in
		return h.install(f)
	case err != nil:
		return h.fail(err, "look at the file that came out")
	}
	if err := h.fs.Exchange(h.partPath(), h.filePath()); err != nil {
		return h.fail(err, "put back a file that someone else changed")
	}
	h.giveUp(f)
	h.look()
	return errChanged
}

// giveUp forgets a new file that is not in place. h.info is still that of the
// file that was there before, or of an edit that was adopted.
func (h *handle) giveUp(f *folded) {
	h.unsettled = nil
	f.content.close()
	h.clearBeside(f)
	h.thaw()
}

// clearBeside removes what lies beside the file if it is ours or what was there
// before. Otherwise it is somebody's edit, and is kept.
func (h *handle) clearBeside(f *folded) {
	part, err := h.fs.Stat(h.partPath())
	switch {
	case errors.Is(err, errNotExist):
	case err == nil && (part.Identity.SameContent(f.content.info.Identity) || part.Identity.SameContent(h.info.Identity)):
		if err := h.removePart(); err != nil {
			h.logger().Warn("could not remove a file that is not needed any more", "file", h.partPath(), "error", err)
		}
	default:
		if err = h.keepPart(); err != nil {
			h.logger().Error("cannot keep an edit that came out of an exchange", "file", h.partPath(), "error", err)
		}
	}
}

// removePart removes what lies beside the file, if it is there. What was
// exchanged before is on disk then: what lies there may be what a crash would
// bring back as the file.
func (h *handle) removePart() error {
	if _, err := h.fs.Stat(h.partPath()); errors.Is(err, errNotExist) {
		return nil
	}
	if err := errors.Join(h.fs.SyncDir("."), h.fs.SyncDir(tmpDir)); err != nil {
		return err
	}
	return h.fs.Remove(h.partPath())
}

// install points the map at the new file and removes the segments it holds.
func (h *handle) install(f *folded) error {
	before := h.current.Load()
	next := *before
	h.hold(&next, f.content)
	next.frozen = layer{}
	if next.active.empty() {
		next.scrolls, next.size = f.content.index.n, f.content.size
	}
	h.content = journal.Mark{Sequence: f.sequence, File: f.content.identity}
	h.unsettled, h.ours, h.frozen = nil, true, isPending
	err := h.settleOnDisk(f)
	if err == nil {
		h.failed = nil
		h.dropReplaced()
	}
	if f.replaces { // what is seen at a position never changes
		h.sequence++
		next.sequence = h.sequence
	}
	h.regroup(&next)
	h.publish(&next)
	if f.replaces {
		h.log.add(h.differences(before, &next))
	}
	return err
}

// settleOnDisk makes the exchange durable. A file that replaces what was pending says
// so in the journal: an edit of it that is found later is not to get that back.
func (h *handle) settleOnDisk(f *folded) error {
	if err := h.fs.SyncDir("."); err != nil {
		return h.fail(err, "sync the directory after exchanging the file")
	}
	if !f.replaces {
		return nil
	}
	if err := h.note(journal.Record{Mark: &h.content, Reset: true}); err != nil {
		return h.fail(err, "note that the file replaces what was pending")
	}
	return nil
}

// hold makes a view that of a file.
func (h *handle) hold(v *view, c content) {
	v.file, v.base, v.identity = c.file, c.index, c.identity
	v.exists, v.problem, v.opaque = c.file != nil, nil, false
	h.setKnown(c.info)
}

// dropReplaced removes what the new file has made superfluous. What cannot be removed
// harms nobody.
func (h *handle) dropReplaced() {
	h.remove(h.partPath())
	err := h.dropOlder()
	if h.confirm = err == nil; err != nil {
		h.logger().Warn("could not sync the removal of journal segments", "error", err)
	}
}
