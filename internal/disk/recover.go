package disk

import (
	"fmt"
	"strings"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/internal/vfs"
)

// openPhext reads the file and the journal of a phext and starts its committer.
func (s *Store) openPhext(dir vfs.FS, name sq.PhextName, left []leftover) (*handle, error) {
	if err := s.soleName(dir, name); err != nil {
		return nil, err
	}
	h := newHandle(s, dir, name)
	c, err := loadSettled(dir, h.filePath())
	if err != nil {
		return nil, sq.Wrap(err, sq.ErrorCode(err), "the phext %q cannot be opened", name)
	}
	if err := h.recover(c, left); err != nil {
		h.forget()
		return nil, sq.Wrap(err, openingCode(err), "the phext %q cannot be opened", name)
	}
	if h.high = s.takeHigh(name); h.segments() != nil || h.full != nil {
		h.timer.Reset(pauseLeast)
	}
	go h.run()
	return h, nil
}

// openingCode tells a disk that is full from other reasons why a phext cannot be
// opened: one that was edited while it was not served, with batches pending, is
// served when there is room to note what they mean.
func openingCode(err error) sq.Code {
	if isFull(err) {
		return sq.Full
	}
	return sq.Internal
}

// soleName refuses a name that differs only in case from another, where the file
// system takes the two for one.
func (s *Store) soleName(dir vfs.FS, name sq.PhextName) error {
	if !s.folds {
		return nil
	}
	infos, err := dir.List(".")
	if err != nil {
		return sq.Wrap(err, sq.Internal, "list the data directory")
	}
	for _, info := range infos {
		if stem, ok := strings.CutSuffix(info.Name, suffix); ok && differsInCase(stem, string(name)) {
			return sq.Errorf(sq.Conflict, "there is a phext %q, and the file system does not tell it from %q", stem, name)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for other := range s.handles {
		if differsInCase(string(other), string(name)) {
			return sq.Errorf(sq.Conflict, "the phext %q is in use, and the file system does not tell it from %q", other, name)
		}
	}
	return nil
}

func differsInCase(a, b string) bool { return a != b && strings.EqualFold(a, b) }

// recover makes the first view: the file, with what the journal holds beyond it.
func (h *handle) recover(c content, left []leftover) error {
	j, err := h.readJournal(left, c.identity)
	if err == nil {
		if err = h.tidy(j); isFull(err) {
			h.full, err = err, nil
			j.closeSpare()
		}
	}
	if err != nil {
		c.close()
		j.close()
		return err
	}
	h.older, h.sequence = j.chain, j.last()
	v := &view{}
	h.hold(v, c)
	h.regroup(v)
	h.publish(v)
	if !j.damaged() {
		if err := h.secure(c, j); err != nil {
			return err
		}
	}
	return h.catchUp(c, j)
}

// catchUp applies the records that the file does not hold.
func (h *handle) catchUp(c content, j *found) error {
	v := *h.current.Load()
	v.frozen, v.active = newLayer(), newLayer()
	v.sequence = h.sequence
	mark, known := j.matching(c.identity)
	if h.content = mark; len(j.chain) == 0 {
		h.content, known = journal.Mark{File: c.identity}, true
	}
	if j.damaged() {
		j.keepUsable(mark, known)
	} else if h.full != nil && !known {
		return h.full
	}
	if known || j.damaged() {
		j.redo(v.active, mark.Sequence, never)
	} else {
		newest := j.newest()
		j.redo(v.frozen, 0, newest)
		j.redo(v.active, newest, never)
		h.frozen = isExposed
	}
	v.exists = v.exists || v.pending()
	v.recount()
	for _, d := range j.damages {
		h.logger().Error("journal damaged: the phext is served as far as it can be read, writes are refused", "segment", d.path, "error", d.err)
	}
	if h.damaged = j.damaged(); h.damaged {
		h.stats().damages.Add(1)
		d := j.damages[0]
		v.problem = sq.Errorf(sq.Unreadable, "the journal of %q is damaged: %s: %v; writes are refused and nothing is cut: sq check tells more", h.name, d.path, d.err)
	}
	if h.full != nil && v.problem == nil {
		h.damaged = true
		v.problem = sq.Wrap(h.full, sq.Full, "the disk is full, nothing was written: %q can be read, and will be written when there is room for what has to be set aside first", h.name)
	}
	h.publish(&v)
	switch {
	case h.damaged && c.problem == nil:
		return nil
	case c.problem != nil:
		h.refuse(c)
		return nil
	case !known:
		h.logger().Warn("a phext was edited while it was not served, and answered writes were not in its file yet; they are applied to the edit")
		return h.reopened(c)
	}
	return nil
}

// reopened is adopt for a file that the current view reads already.
func (h *handle) reopened(c content) error {
	again, err := loadSettled(h.fs, h.filePath())
	if err != nil {
		return err
	}
	return h.adopt(again)
}

// secure makes what was found survive the loss of power before anyone reads it:
// the last process may have died before its sync, and the system may have
// forgotten a sync that failed. So the end of the journal that no later record
// proves to be on disk is written once more.
func (h *handle) secure(c content, j *found) error {
	if len(j.chain) == 0 {
		return nil
	}
	for _, s := range j.chain {
		if err := s.rewrite(s.sure, s.end); err != nil {
			return fmt.Errorf("write the end of the journal again: %w", err)
		}
		s.sure = s.end
	}
	if c.file != nil {
		if err := c.file.file.Sync(); err != nil {
			return fmt.Errorf("sync the file: %w", err)
		}
	}
	for _, folder := range []string{journalDir, "."} {
		if err := h.fs.SyncDir(folder); err != nil {
			return fmt.Errorf("sync the directory: %w", err)
		}
	}
	return h.clearPart(c, j)
}

// rewrite writes a part of a segment again as it is, and syncs it.
func (s *segment) rewrite(from, to int64) error {
	b := make([]byte, min(to-from, 1<<20))
	for from < to {
		b = b[:min(int64(len(b)), to-from)]
		if _, err := s.source.file.ReadAt(b, from); err != nil {
			return err
		}
		if _, err := s.source.file.WriteAt(b, from); err != nil {
			return err
		}
		from += int64(len(b))
	}
	return s.source.file.Sync()
}

// clearPart removes what a checkpoint left beside the file. If that checkpoint
// had noted its mark, so that it may have put its file in place, and what lies
// there is neither that nor what was there before, it is somebody's edit of the
// last moment, and is kept.
func (h *handle) clearPart(c content, j *found) error {
	part, err := load(h.fs, h.partPath())
	if err != nil || part.file == nil {
		return err
	}
	part.close()
	if part.identity == c.identity || j.knows(part.identity) || !j.mayHaveExchanged() {
		h.remove(h.partPath())
		return nil
	}
	return h.keepPart()
}

// admit makes damage that a reader found in the journal known: nothing is
// written or removed from then on.
func (h *handle) admit() {
	if h.damaged || !h.rotten.Load() {
		return
	}
	h.damaged = true
	h.stats().damages.Add(1)
	next := *h.current.Load()
	if next.problem == nil {
		next.problem = errRotten
	}
	h.publish(&next)
	h.logger().Error("journal damaged: it has not the text any more that was written to it; writes are refused")
}
