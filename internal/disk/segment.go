package disk

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/internal/vfs"
)

// segment is an open segment of the journal.
type segment struct {
	header  journal.Header
	path    string
	number  uint64
	source  *source
	encode  journal.Encoder
	end     int64 // where the next record goes
	sure    int64 // bytes that count and are on disk
	zeroed  int64 // bytes of the file: those behind end are zeros
	owed    bool  // records count that are not on disk yet
	covered bool  // a record says that everything before it is on disk
	torn    bool  // it was found with an end that was never answered
	bad     bool  // a write or a sync failed: it is never written again
}

// fresh reports whether a segment can be used as a new one: it is sound and
// nothing was written to it.
func (s *segment) fresh(sequence uint64) bool {
	return s != nil && !s.bad && s.end == s.header.Length() && s.header.Before == sequence
}

// openSegment begins a new segment, synced together with its name. What counts
// of the one before is synced first. Batches go there from now on. It publishes a view with the new segment among its files.
// After an error that sets failed, batches are refused; after another, the
// segment before goes on.
func (h *handle) openSegment() error {
	if err := h.sync(); err != nil {
		return err
	}
	if !h.current.Load().pending() {
		h.content.Sequence = h.sequence // the file holds everything
	}
	s := &segment{header: journal.Header{Name: string(h.name), ID: random(), Before: h.sequence, Base: h.content}}
	if all := h.segments(); len(all) > 0 {
		last := all[len(all)-1]
		s.header.Previous, s.header.PreviousEnd = last.header.ID, last.sure
	}
	file, err := h.createSegment(s)
	if err != nil {
		return notWritten(err)
	}
	if err := writeSynced(h.fs, file, journal.AppendHeader(nil, s.header), journalDir); err != nil {
		file.Close()
		return h.unmake(s, err)
	}
	s.source, s.encode = newSegmentSource(file), journal.NewEncoder(s.header)
	s.end, s.sure, s.zeroed = s.header.Length(), s.header.Length(), s.header.Length()
	if h.segment != nil {
		h.older = append(h.older, h.segment)
	}
	h.segment = s
	v := *h.current.Load()
	h.regroup(&v)
	h.publish(&v)
	return nil
}

// createSegment creates the file of a segment under the next number that is free.
func (h *handle) createSegment(s *segment) (vfs.File, error) {
	for {
		h.number++
		s.number, s.path = h.number, fmt.Sprintf("%s/%s.%d", journalDir, h.name, h.number)
		file, err := h.fs.Create(s.path)
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
	}
}

// unmake removes a segment that could not be finished. As long as it may be
// there nothing is written to the segment before, where recovery would stop, and
// no later one is removed before it (see dropOlder).
func (h *handle) unmake(s *segment, err error) error {
	if h.remove(s.path) != nil {
		h.orphans = append(h.orphans, s)
		return h.fail(err, "open a journal segment")
	}
	if h.fs.SyncDir(journalDir) != nil {
		h.unsynced = true
		return h.fail(err, "open a journal segment")
	}
	return notWritten(err)
}

// notWritten is the error of a batch that failed before anything was written.
func notWritten(err error) error {
	if isFull(err) {
		return sq.Wrap(err, sq.Full, "the disk is full, nothing was written")
	}
	if errors.Is(err, errNotExist) {
		return sq.Wrap(err, sq.Internal, "the data directory or its folder %s was removed by someone else, nothing was written; put it back and restart the server", ownDir)
	}
	return sq.Wrap(err, sq.Internal, "open a journal segment")
}

func writeSynced(dir vfs.FS, file vfs.File, b []byte, parent string) error {
	if _, err := file.WriteAt(b, 0); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return dir.SyncDir(parent)
}

// write appends records to the segment, which are on disk when it returns, or
// soon: their sync begins within a time. e is the encoder that made them. After
// an error that is not Full the segment is never written again.
func (h *handle) write(records []byte, e journal.Encoder, within time.Duration) error {
	s := h.segment
	if err := s.writeAhead(records); err != nil {
		s.zeroed = s.end
		full := isFull(err) && s.source.file.Truncate(s.end) == nil
		s.owed = s.owed || full // that it is cut, and what was answered before
		if unsynced := h.sync(); full && unsynced == nil {
			return sq.Wrap(err, sq.Full, "the disk is full, nothing was written")
		}
		s.bad = true
		return h.fail(err, "write the journal")
	}
	if within > 0 && !s.owed {
		h.due.Reset(within)
	}
	s.encode, s.end, s.owed, s.covered = e, e.Offset(), true, false
	if within > 0 {
		return nil
	}
	return h.sync()
}

// sync puts on disk what counts of the segment and is not there yet. After an
// error the segment is never written again, and what was published is folded
// from memory.
func (h *handle) sync() error {
	s := h.segment
	if s == nil || s.bad || !s.owed {
		return nil
	}
	began := time.Now()
	if err := s.source.file.Sync(); err != nil {
		s.bad = true
		return h.fail(err, "sync the journal")
	}
	h.synced = time.Now()
	h.took = h.synced.Sub(began)
	h.stats().synced(h.took)
	if removed, err := s.source.file.Removed(); err != nil || removed {
		s.bad = true
		return h.fail(cmp.Or(err, errRemoved), "look whether the journal is still there")
	}
	s.sure, s.owed = s.end, false
	s.encode.Synced(s.sure)
	return nil
}

const (
	zerosLeast = 4 << 10   // written ahead, and
	zerosMost  = 256 << 10 // at the most; between them as much as there is already
)

var zeros [zerosMost]byte

// writeAhead writes records, and now and then zeros behind them for those that
// will come: to sync what was written over takes a file system half as long as
// to sync a file that has grown. Without room for zeros there are none.
func (s *segment) writeAhead(records []byte) error {
	end := s.end + int64(len(records))
	ahead := (min(max(end, zerosLeast), zerosMost) + zerosLeast - 1) &^ (zerosLeast - 1)
	switch {
	case end <= s.zeroed:
	case ahead == zerosLeast: // in one write
		_, err := s.source.file.WriteAt(append(records[:len(records):len(records)], zeros[:ahead]...), s.end)
		if s.zeroed = end + ahead; !isFull(err) {
			return err
		}
		s.zeroed = end
	default:
		_, err := s.source.file.WriteAt(zeros[:ahead], end)
		if s.zeroed = end + ahead; isFull(err) {
			s.zeroed, err = end, nil
		}
		if err != nil {
			return err
		}
	}
	_, err := s.source.file.WriteAt(records, s.end)
	return err
}

// errRemoved says that what was written went to a file that nobody will find.
var errRemoved = errors.New("someone else removed it")

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// note writes one record and syncs it. Its operations get their offsets.
func (h *handle) note(r journal.Record) error {
	h.sequence++
	r.Sequence = h.sequence
	e := h.segment.encode
	records := e.Append(nil, r)
	return h.write(records, e, 0)
}

// cover writes a record that says that all before it is on disk, so that damage
// to the last batch can be told from a torn end. The record itself need not be
// on disk: without it nothing is worse.
func (h *handle) cover() {
	s := h.segment
	if s == nil || s.covered || s.bad || h.failed != nil || h.folding != nil || h.sync() != nil {
		return
	}
	h.sequence++
	e := s.encode
	record := e.Append(nil, journal.Record{Sequence: h.sequence})
	if _, err := s.source.file.WriteAt(record, s.end); err != nil {
		return // what comes next is written over it
	}
	s.encode, s.end, s.covered = e, e.Offset(), true
}

// fail remembers that the disk failed. Nothing is written to this segment any
// more, since a later sync that succeeds would prove nothing: batches are
// refused until the published state is in a new file (see startCheckpoint).
func (h *handle) fail(err error, doing string) error {
	h.failed = err
	h.stats().diskErrors.Add(1)
	h.logger().Error("disk failed, writes are refused until it works", "doing", doing, "error", err)
	h.timer.Reset(pauseLeast)
	return sq.Wrap(err, sq.Uncertain, "the disk failed: it may have happened")
}

// remove removes a file that is not needed any more.
func (h *handle) remove(path string) error {
	err := h.fs.Remove(path)
	if err == nil || errors.Is(err, errNotExist) {
		return nil
	}
	h.logger().Warn("could not remove a file that is not needed any more", "file", path, "error", err)
	return err
}

// dropOlder removes the segments that were never finished and those whose records
// the file holds, oldest first, and keeps those that could not be removed: a
// segment must not outlive a later one, or its records would be taken for
// pending ones.
func (h *handle) dropOlder() error {
	for _, list := range []*[]*segment{&h.orphans, &h.older} {
		for len(*list) > 0 {
			if err := h.remove((*list)[0].path); err != nil {
				return err
			}
			*list, h.unsynced = (*list)[1:], true
		}
	}
	err := h.fs.SyncDir(journalDir)
	h.unsynced = err != nil
	return err
}

// rest removes all segments of a phext whose file holds everything. The newest
// has the mark of the file: it goes last, when the others are gone for certain.
func (h *handle) rest() error {
	v := h.current.Load()
	if len(h.onDisk()) == 0 && !h.unsynced || h.folding != nil || h.unsettled != nil ||
		h.failed != nil || v.problem != nil || v.pending() {
		return nil
	}
	if h.segment != nil {
		h.older, h.segment = append(h.older, h.segment), nil
	}
	err := h.dropAll()
	next := *v
	h.regroup(&next)
	h.publish(&next)
	h.journaled.Store(h.journalBytes())
	return err
}

// dropAll removes all segments, the newest last and by itself.
func (h *handle) dropAll() error {
	n := max(len(h.older)-1, 0)
	newest := h.older[n:]
	if h.older = h.older[:n:n]; n > 0 || len(h.orphans) > 0 || h.unsynced {
		if err := h.dropOlder(); err != nil {
			h.older = append(h.older, newest...)
			return err
		}
	}
	h.older = newest
	return h.dropOlder()
}

// onDisk returns all segments that may be on disk, in no order.
func (h *handle) onDisk() []*segment { return append(h.segments(), h.orphans...) }
