package disk

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/internal/vfs"
)

// leftover is a segment that was found when the phext was opened.
type leftover struct {
	path   string
	number uint64
}

// found is what the journal of a phext held.
type found struct {
	chain   []*segment // oldest first
	records []redone
	damage  error
}

// redone is a record of the journal, its texts left where they are.
type redone struct {
	sequence uint64
	mark     *journal.Mark
	segment  *source
	ops      []journal.Op
	places   []place
}

// open reads the file and the journal of a phext and starts its committer.
func (s *Store) open(name sq.PhextName, left []leftover) (*handle, error) {
	h := &handle{
		store: s, name: name, epoch: random(), high: map[section]int{}, stopped: make(chan struct{}),
		queue: make(chan *request, 1024), control: make(chan func()), timer: time.NewTimer(time.Hour),
	}
	c, err := load(s.fs, h.filePath())
	for try := 0; err == errChanged && try < 100; try++ {
		c, err = load(s.fs, h.filePath())
	}
	if err != nil {
		return nil, sq.Wrap(err, sq.Unreadable, "the phext %q cannot be opened", name)
	}
	if err := h.recover(c, left); err != nil {
		c.close()
		return nil, err
	}
	h.look.Store(time.Now().UnixNano())
	go h.run()
	return h, nil
}

// recover makes the first view: the file, with what the journal holds beyond it.
func (h *handle) recover(c content, left []leftover) error {
	j, err := h.readJournal(left)
	if err != nil {
		return sq.Wrap(err, sq.Internal, "read the journal of %q", h.name)
	}
	h.info, h.older = c.info, j.chain
	h.content = journal.Mark{File: c.identity}
	v := &view{
		exists: c.file != nil || len(j.records) > 0, file: c.file, base: c.index,
		frozen: newLayer(), active: newLayer(),
	}
	h.regroup(v)
	h.publish(v)
	if len(j.chain) > 0 {
		if err := h.syncFound(c); err != nil {
			return sq.Wrap(err, sq.Internal, "sync what was found of %q", h.name)
		}
	}
	for _, r := range j.records {
		h.sequence = max(h.sequence, r.sequence)
	}
	return h.catchUp(c, v, j)
}

// catchUp applies the records that the file does not hold.
func (h *handle) catchUp(c content, v *view, j found) error {
	next := *v
	next.sequence = h.sequence
	mark, known := matching(c.identity, j)
	if len(j.chain) == 0 {
		known = true
	}
	for _, r := range j.records {
		if r.sequence > mark.Sequence || !known {
			r.apply(next.active)
		}
	}
	if h.content.Sequence = mark.Sequence; c.problem != nil {
		h.refuse(&next, c)
		return nil
	}
	if next.problem = j.damage; !known && j.damage == nil {
		next.frozen, next.active = next.active, next.frozen // ambiguous: see adopt
		return h.adopt(c, &next)
	}
	next.exists = next.exists || !next.active.empty()
	h.recount(&next)
	h.publish(&next)
	return nil
}

// matching returns the newest mark that the file agrees with and from which on
// every record is there.
func matching(file journal.Identity, j found) (mark journal.Mark, ok bool) {
	if len(j.chain) == 0 {
		return journal.Mark{}, false
	}
	var marks []journal.Mark
	for _, s := range j.chain {
		marks = append(marks, s.header.Base)
	}
	for _, r := range j.records {
		if r.mark != nil {
			marks = append(marks, *r.mark)
		}
	}
	for _, m := range marks {
		if m.File == file && m.Sequence >= j.chain[0].header.Before && (!ok || m.Sequence > mark.Sequence) {
			mark, ok = m, true
		}
	}
	if first := j.chain[0].header; !ok && first.Base.File == file && first.Base.Sequence == first.Before {
		return first.Base, true
	}
	return mark, ok
}

func (r redone) apply(l layer) {
	for i, op := range r.ops {
		switch op.Kind {
		case journal.Put:
			l.put(op.Coordinate, r.places[i])
		case journal.Append:
			l.add(op.Coordinate, r.places[i])
		case journal.Delete:
			l.remove(op.Coordinate)
		}
	}
}

// readJournal reads the segments that are there, follows the chain back from
// the newest, and sets aside what is not in it.
func (h *handle) readJournal(left []leftover) (j found, err error) {
	sort.Slice(left, func(a, b int) bool { return left[a].number < left[b].number })
	var all []*segment
	for _, l := range left {
		h.number = max(h.number, l.number)
		s, err := h.openLeftover(l)
		var damage *sq.Error
		if errors.As(err, &damage) && damage.Code == sq.Unreadable {
			j.damage = err
			continue
		}
		if err != nil {
			return j, err
		}
		if s != nil {
			all = append(all, s)
		}
	}
	j.chain = chainOf(all)
	for _, s := range all {
		if !slices.Contains(j.chain, s) {
			if err := h.setAside(s.source.file, s.path); err != nil {
				return j, err
			}
		}
	}
	for i, s := range j.chain {
		until := int64(-1)
		if i+1 < len(j.chain) {
			until = j.chain[i+1].header.PreviousEnd
		}
		if err := h.readSegment(s, until, &j); err != nil {
			return j, err
		}
		if j.damage != nil {
			break
		}
	}
	return j, nil
}

// chainOf returns the newest segment and those it goes back to, oldest first.
func chainOf(all []*segment) (chain []*segment) {
	byID := map[uint64]*segment{}
	for _, s := range all {
		byID[s.header.ID] = s
	}
	if len(all) == 0 {
		return nil
	}
	for s := all[len(all)-1]; s != nil; s = byID[s.header.Previous] {
		chain = append(chain, s)
	}
	slices.Reverse(chain)
	return chain
}

// openLeftover opens a segment; nil when it was never finished, and is set aside.
func (h *handle) openLeftover(l leftover) (*segment, error) {
	file, err := h.store.fs.OpenWrite(l.path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	header, err := journal.ReadHeader(file, info.Identity.Size)
	if err == nil && header.Name == string(h.name) {
		return &segment{header: header, path: l.path, source: newSource(file), end: header.Length()}, nil
	}
	if err != nil && !errors.Is(err, journal.ErrHeader) {
		file.Close()
		return nil, err
	}
	promised, perr := journal.Promised(file, info.Identity.Size)
	if perr != nil || promised {
		file.Close()
		return nil, errors.Join(perr, h.damaged(l.path, fmt.Errorf("the header does not verify, and records behind it do")))
	}
	return nil, h.setAside(file, l.path)
}

func (h *handle) damaged(path string, err error) error {
	h.store.engine.log.Error("journal damaged: the phext is served as far as it can be read, writes are refused",
		"dir", h.store.dir, "phext", string(h.name), "segment", path, "error", err)
	return sq.Errorf(sq.Unreadable, "the journal of %q is damaged, %v; writes are refused and nothing is cut", h.name, err)
}

// setAside keeps a copy of a segment, or of the end of one, and removes it.
func (h *handle) setAside(file vfs.File, path string) error {
	defer file.Close()
	if err := h.keepTail(file, path, 0); err != nil {
		return err
	}
	if err := h.store.fs.Remove(path); err != nil {
		return err
	}
	return h.store.fs.SyncDir(journalDir)
}

// keepTail copies what a segment has from offset on to tails/, when there is
// anything.
func (h *handle) keepTail(file vfs.File, path string, offset int64) error {
	info, err := file.Stat()
	if err != nil || info.Identity.Size <= offset {
		return err
	}
	copied := fmt.Sprintf("%s/%s.%d", tailsDir, info.Name, time.Now().UnixNano())
	if info.Name == "" {
		copied = fmt.Sprintf("%s/%s.%d", tailsDir, h.name, time.Now().UnixNano())
	}
	h.store.engine.log.Warn("a journal ends in bytes that were never answered; they are kept and cut",
		"dir", h.store.dir, "segment", path, "offset", offset, "copy", copied)
	part := io.NewSectionReader(file, offset, info.Identity.Size-offset)
	return copyReader(h.store.fs, part, copied, tailsDir)
}

// readSegment reads the records of a segment.
func (h *handle) readSegment(s *segment, until int64, j *found) error {
	info, err := s.source.file.Stat()
	if err != nil {
		return err
	}
	r := journal.NewReader(s.source.file, info.Identity.Size, s.header, until)
	for {
		record, ok := r.Next()
		if !ok {
			break
		}
		j.records = append(j.records, s.redone(record))
	}
	s.end = r.End()
	var torn *journal.TornError
	var damage *journal.DamageError
	switch err := r.Err(); {
	case errors.As(err, &damage):
		j.damage = h.damaged(s.path, err)
		return nil
	case errors.As(err, &torn):
		if err := h.keepTail(s.source.file, s.path, s.end); err != nil {
			return err
		}
		return s.source.file.Truncate(s.end)
	default:
		return err
	}
}

func (s *segment) redone(r journal.Record) redone {
	d := redone{sequence: r.Sequence, mark: r.Mark, segment: s.source, ops: r.Ops}
	for i, op := range r.Ops {
		d.places = append(d.places, place{s.source, op.Offset, int64(len(op.Text)), xxh3.Hash(op.Text)})
		d.ops[i].Text = nil
	}
	return d
}

// syncFound makes what was found survive the loss of power before anyone reads
// it: the last process may have died before its sync.
func (h *handle) syncFound(c content) error {
	for _, s := range h.older {
		if err := s.source.file.Sync(); err != nil {
			return err
		}
	}
	if c.file != nil {
		if err := c.file.file.Sync(); err != nil {
			return err
		}
	}
	if err := h.store.fs.SyncDir(journalDir); err != nil {
		return err
	}
	return h.store.fs.SyncDir(".")
}
