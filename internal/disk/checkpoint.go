package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

const (
	pauseLeast   = 250 * time.Millisecond // without a batch, then a small phext is folded
	pauseBytes   = 16 << 20               // up to this size at every pause, larger ones
	pauseMost    = 10 * time.Minute       // only after this time
	journalLeast = 4 << 20                // a journal of this size is folded in any case
	foreignPause = 2 * time.Second        // after a change by others: they may be half done
)

// folded is what the goroutine of a checkpoint comes back with: the new file,
// written and synced beside the old one.
type folded struct {
	content  content
	sequence uint64 // it holds everything up to here
	err      error
}

func (h *handle) filePath() string    { return string(h.name) + suffix }
func (h *handle) pendingPath() string { return tmpDir + "/" + string(h.name) + suffix }

// openSegment begins a new segment, synced together with its name. Batches go
// there from now on.
func (h *handle) openSegment() error {
	h.number++
	s := &segment{
		path:   fmt.Sprintf("%s/%s.%d", journalDir, h.name, h.number),
		header: journal.Header{Name: string(h.name), ID: random(), Before: h.sequence, Base: h.content},
	}
	if last := h.segment; last != nil {
		s.header.Previous, s.header.PreviousEnd = last.header.ID, last.end
	} else if n := len(h.older); n > 0 {
		s.header.Previous, s.header.PreviousEnd = h.older[n-1].header.ID, h.older[n-1].end
	}
	file, err := h.store.fs.Create(s.path)
	if err != nil {
		return err
	}
	if err := writeSynced(h.store.fs, file, journal.AppendHeader(nil, s.header), journalDir); err != nil {
		file.Close()
		return err
	}
	s.source, s.encode, s.end = newSource(file), journal.NewEncoder(s.header), s.header.Length()
	if h.segment != nil {
		h.older = append(h.older, h.segment)
	}
	h.segment = s
	v := *h.current.Load()
	h.regroup(&v)
	h.publish(&v)
	return nil
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

// schedule sets the timer to when a checkpoint may be due next.
func (h *handle) schedule() {
	if h.journalBytes() > max(journalLeast, h.info.Identity.Size/3) {
		h.timer.Reset(0)
		return
	}
	h.timer.Reset(h.pause())
}

// pause is how long a phext must be left alone before it is folded: longer for a
// larger file, so that a slow trickle of batches does not rewrite it each time.
func (h *handle) pause() time.Duration {
	if size := h.info.Identity.Size; size <= pauseBytes {
		return pauseLeast + time.Duration(size)*4*time.Second/pauseBytes
	}
	return max(pauseLeast, pauseMost-time.Since(h.begun))
}

func (h *handle) journalBytes() (n int64) {
	for _, s := range h.segments() {
		n += s.end
	}
	return n
}

func (h *handle) maybeCheckpoint() {
	if wait := foreignPause - time.Since(h.foreign); wait > 0 {
		h.timer.Reset(wait)
		return
	}
	h.startCheckpoint(func(error) {})
}

// startCheckpoint begins to fold what was answered until now into the file. The
// committer goes on in a new segment meanwhile. done is called on the committer.
func (h *handle) startCheckpoint(done func(error)) {
	if h.folding != nil {
		h.waiters = append(h.waiters, done)
		return
	}
	h.lookAtFile(true)
	v := h.current.Load()
	if v.problem != nil || h.failed == nil && v.active.empty() {
		done(v.problem)
		return
	}
	h.begun = time.Now()
	if h.segment != nil || h.failed != nil {
		if err := h.openSegment(); err != nil {
			done(h.fail(err, "open a journal segment"))
			return
		}
	}
	next := *h.current.Load()
	next.frozen, next.active = next.active, newLayer()
	h.publish(&next)
	next.files.acquire()
	h.folding, h.waiters = make(chan folded, 1), append(h.waiters, done)
	go func(out chan<- folded, info vfs.Info) {
		defer next.files.release()
		content, err := h.writeFolded(&next, info)
		out <- folded{content, next.sequence, err}
	}(h.folding, h.info)
}

// writeFolded writes the state up to the frozen layer beside the file.
func (h *handle) writeFolded(v *view, info vfs.Info) (content, error) {
	below := *v
	below.active = newLayer()
	path := h.pendingPath()
	if err := h.store.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return content{}, err
	}
	file, err := h.store.fs.Create(path)
	if err != nil {
		return content{}, err
	}
	c, err := writeContent(file, &snapshot{view: &below, handle: h})
	if err == nil && v.file != nil {
		err = file.CopyOwner(info)
	}
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		file.Close()
		return content{}, err
	}
	c.file = newSource(file)
	return c, nil
}

// writeContent writes a snapshot to an empty file and indexes it on the way.
func writeContent(file vfs.File, from *snapshot) (content, error) {
	out := &appender{file: file, sum: xxh3.New()}
	text, x := phext.NewWriter(out), &index{}
	for scroll, err := range from.Scan(phext.Coordinate{}, phext.Last) {
		if err == nil {
			err = text.WriteScroll(scroll.Coordinate, scroll.Text)
		}
		if err == nil && len(scroll.Text) > math.MaxUint32 {
			err = fmt.Errorf("the scroll at %v has more than 4 GiB", scroll.Coordinate)
		}
		if err != nil {
			return content{}, err
		}
		n := len(scroll.Text)
		x.add(scroll.Coordinate, text.Offset()-int64(n), uint32(n), xxh3.Hash(scroll.Text))
	}
	if err := text.Flush(); err != nil {
		return content{}, err
	}
	sum := phext.Checksum(out.sum.Sum128().Bytes())
	return content{index: x, size: out.n, identity: journal.Identity{Size: out.n, Sum: sum}}, nil
}

// appender is a file as an io.Writer that sums up what is written.
type appender struct {
	file vfs.File
	n    int64
	sum  *xxh3.Hasher
}

func (a *appender) Write(p []byte) (int, error) {
	n, err := a.file.WriteAt(p, a.n)
	a.n += int64(n)
	a.sum.Write(p[:n])
	return n, err
}

// finishCheckpoint puts the new file in its place.
func (h *handle) finishCheckpoint(f folded) {
	h.folding = nil
	err := f.err
	if err == nil {
		err = h.exchange(f)
	}
	if err != nil {
		if f.content.file != nil && h.current.Load().file != f.content.file {
			f.content.file.file.Close()
		}
		h.thaw()
		h.timer.Reset(time.Second)
		h.store.engine.log.Warn("checkpoint failed, will be tried again", "dir", h.store.dir, "phext", string(h.name), "error", err)
	}
	waiters := h.waiters
	h.waiters = nil
	for _, done := range waiters {
		done(err)
	}
}

// thaw puts what was to be folded back under what is newer.
func (h *handle) thaw() {
	next := *h.current.Load()
	if next.frozen.empty() {
		return
	}
	next.active, next.frozen = next.active.over(next.frozen), newLayer()
	h.publish(&next)
}

// exchange makes the new file NAME.phext. The mark is on disk first: whichever
// file a crash leaves, recovery knows what it holds.
func (h *handle) exchange(f folded) error {
	if h.current.Load().frozen.empty() && h.failed == nil {
		return errChanged // an edit was adopted meanwhile
	}
	if h.lookAtFile(true) {
		return errChanged
	}
	mark := journal.Mark{Sequence: f.sequence, File: f.content.identity}
	if err := h.note(&mark, nil); err != nil {
		return err
	}
	if err := h.swap(); err != nil {
		return err
	}
	info, err := h.store.fs.Stat(h.filePath())
	if err == nil {
		err = h.store.fs.SyncDir(".")
	}
	if err != nil {
		return h.fail(err, "exchange the file")
	}
	f.content.info = info
	h.settle(f.content, mark)
	return nil
}

// swap exchanges the file with the one written beside it, and undoes that when
// what came out is not what went in before.
func (h *handle) swap() error {
	dir, file, pending := h.store.fs, h.filePath(), h.pendingPath()
	if h.content.File == journal.Absent {
		return h.failing(dir.Rename(pending, file))
	}
	err := dir.Exchange(pending, file)
	if errors.Is(err, errors.ErrUnsupported) {
		return h.failing(dir.Rename(pending, file))
	}
	if err != nil {
		return h.failing(err)
	}
	out, err := dir.Stat(pending)
	if err == nil && out.Identity.SameContent(h.info.Identity) {
		return nil
	}
	if err := dir.Exchange(pending, file); err != nil {
		return h.fail(err, "put back a file that was changed by someone else")
	}
	h.lookAtFile(true)
	return errChanged
}

func (h *handle) failing(err error) error {
	if err == nil {
		return nil
	}
	return h.fail(err, "exchange the file")
}

// settle points the map at the new file and removes the segments it holds.
func (h *handle) settle(c content, mark journal.Mark) {
	next := *h.current.Load()
	next.file, next.base, next.frozen, next.exists = c.file, c.index, newLayer(), true
	h.content, h.info, h.failed = mark, c.info, nil
	gone := h.older
	h.older = nil
	h.regroup(&next)
	h.publish(&next)
	h.remove(h.pendingPath())
	for _, s := range gone {
		h.remove(s.path)
	}
	if err := h.store.fs.SyncDir(journalDir); err != nil {
		h.fail(err, "remove journal segments")
	}
}

func (h *handle) remove(path string) {
	if err := h.store.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.store.engine.log.Warn("could not remove a file that is not needed any more", "dir", h.store.dir, "file", path, "error", err)
	}
}

// note writes one record and syncs it. ops get their offsets.
func (h *handle) note(mark *journal.Mark, ops []journal.Op) error {
	h.sequence++
	record := h.segment.encode.Append(nil, h.sequence, mark, ops)
	if err := h.write(record); err != nil {
		if h.failed == nil {
			h.fail(err, "note a mark")
		}
		return err
	}
	h.segment.end = h.segment.encode.Offset()
	h.segment.encode.Synced(h.segment.end)
	return nil
}

// rest removes the segments of a phext whose file holds everything.
func (h *handle) rest() error {
	v := h.current.Load()
	if h.folding != nil || h.failed != nil || v.problem != nil || !v.active.empty() || !v.frozen.empty() {
		return nil
	}
	gone := h.segments()
	if len(gone) == 0 {
		return nil
	}
	// The newest segment has the mark of the file: it goes last, and only when
	// the others are gone for certain.
	for i, s := range gone {
		if i == len(gone)-1 && i > 0 {
			if err := h.store.fs.SyncDir(journalDir); err != nil {
				return err
			}
		}
		if err := h.store.fs.Remove(s.path); err != nil {
			return err
		}
	}
	h.segment, h.older = nil, nil
	next := *v
	h.regroup(&next)
	h.publish(&next)
	return h.store.fs.SyncDir(journalDir)
}
