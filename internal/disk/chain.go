package disk

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/internal/vfs"
)

// leftover is a segment on disk that belongs to no open phext.
type leftover struct {
	path   string
	number uint64
}

// found is what the journal of a phext held when it was opened.
type found struct {
	chain   []*segment // the newest segment and those it goes back to, oldest first
	spare   []*segment // what is in no chain: what it held is in the file
	records []redone
	damages []damage
	lost    span // the records that damage took away, if any
}

// damage is what is wrong with a segment that nothing of may be cut.
type damage struct {
	path    string
	err     error
	foreign bool // the segment is sound, and another's: of a newer program, or of another phext
}

var errMisnamed = errors.New("it is the journal of the phext")

func (j *found) damaged() bool { return len(j.damages) > 0 }

// span is a range of sequence numbers, both included.
type span struct{ first, last uint64 }

// redone is a record of the journal, its texts left where they are.
type redone struct {
	sequence uint64
	mark     *journal.Mark
	reset    bool
	ops      []journal.Op // without texts
	places   []place      // of the texts
}

const never = math.MaxUint64

// lose notes damage, and which records it may have taken away.
func (j *found) lose(path string, err error, lost span) {
	if !j.damaged() {
		j.lost = lost
	}
	var inside *journal.DamageError
	foreign := errors.Is(err, journal.ErrVersion) || errors.Is(err, errMisnamed) || errors.As(err, &inside) && inside.Unknown
	j.damages = append(j.damages, damage{path, err, foreign})
	j.lost = span{min(j.lost.first, lost.first), max(j.lost.last, lost.last)}
}

// readJournal reads the segments that are there and follows the chain back from
// the newest. It reads on behind damage, and changes nothing: see tidy.
// file is what lies in the phext's place.
func (h *handle) readJournal(left []leftover, file journal.Identity) (*found, error) {
	j := &found{}
	slices.SortFunc(left, func(a, b leftover) int { return cmp.Compare(a.number, b.number) })
	var all []*segment
	bad := uint64(0) // the newest of those that cannot be used
	for _, l := range left {
		h.number = max(h.number, l.number)
		damages := len(j.damages)
		s, err := h.openLeftover(l, j)
		if err != nil {
			j.spare = append(j.spare, all...)
			return j, err
		}
		if s != nil {
			all = append(all, s)
		}
		if len(j.damages) > damages {
			bad = l.number
		}
	}
	j.link(all)
	if j.damaged() {
		j.lost = j.behind(bad)
	}
	for i, s := range j.chain {
		until, next := int64(-1), uint64(never)
		if i+1 < len(j.chain) {
			until, next = j.chain[i+1].header.PreviousEnd, j.chain[i+1].header.Before
		}
		if err := h.readSegment(s, until, next, j); err != nil {
			return j, err
		}
	}
	if bad == 0 && j.headless(file) {
		first := j.chain[0]
		j.lose(first.path, errors.New("the segment before it is missing, or an older version of the file was put back"), span{0, first.header.Before})
	}
	return j, nil
}

// behind returns which records are lost with a segment of which nothing can be
// used: all before the chain that continues it, or those behind the chain.
func (j *found) behind(number uint64) span {
	if len(j.chain) > 0 && j.chain[len(j.chain)-1].number > number {
		return span{0, j.chain[0].header.Before}
	}
	return span{never, never}
}

// keepUsable drops the records that cannot be applied to a file because of
// damage: what the file does not hold already is applied only up to the first
// record that is lost, and not at all to a file that no mark is about.
func (j *found) keepUsable(mark journal.Mark, known bool) {
	switch {
	case !known:
		j.records = nil
	case mark.Sequence < j.lost.last:
		j.records = slices.DeleteFunc(j.records, func(r redone) bool { return r.sequence >= j.lost.first })
	}
}

// openLeftover opens a segment; nil when it cannot be used, because it was never
// finished or because it is damaged, which sets the damage of j.
func (h *handle) openLeftover(l leftover, j *found) (*segment, error) {
	file, err := h.fs.OpenWrite(l.path)
	if err != nil {
		return nil, err
	}
	s := &segment{path: l.path, number: l.number, source: newSegmentSource(file)}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	size := info.Identity.Size
	s.header, err = journal.ReadHeader(file, size)
	switch {
	case err == nil && s.header.Name == string(h.name):
		s.end = s.header.Length()
		return s, nil
	case errors.Is(err, journal.ErrVersion):
		j.lose(l.path, err, span{})
		file.Close()
		return nil, nil
	case err != nil && !errors.Is(err, journal.ErrHeader):
		file.Close()
		return nil, err
	}
	if err == nil {
		j.lose(l.path, fmt.Errorf("%w %q", errMisnamed, s.header.Name), span{})
		file.Close()
		return nil, nil
	}
	promised, err := journal.Promised(file, size)
	if err == nil && promised {
		j.lose(l.path, errors.New("offset 0: the header does not verify, and records behind it do"), span{})
		file.Close()
		return nil, nil
	}
	j.spare = append(j.spare, s)
	return nil, err
}

// link sorts the segments into the chain and the others.
func (j *found) link(all []*segment) {
	byID := map[uint64]*segment{}
	for _, s := range all {
		byID[s.header.ID] = s
	}
	if len(all) > 0 {
		for s := all[len(all)-1]; s != nil; s = byID[s.header.Previous] {
			j.chain = append(j.chain, s)
			delete(byID, s.header.ID)
		}
	}
	slices.Reverse(j.chain)
	for _, s := range all {
		if !slices.Contains(j.chain, s) {
			j.spare = append(j.spare, s)
		}
	}
}

// readSegment reads the records of a segment. until is how many of its bytes
// count, or -1 for the newest; next is the last sequence number before the
// segment that follows it.
func (h *handle) readSegment(s *segment, until int64, next uint64, j *found) error {
	info, err := s.source.file.Stat()
	if err != nil {
		return err
	}
	last := s.header.Before
	r := journal.NewReader(s.source.file, info.Identity.Size, s.header, until)
	for record, ok := r.Next(); ok; record, ok = r.Next() {
		j.records = append(j.records, s.redone(record))
		s.sure, last = r.Synced(), record.Sequence
	}
	s.end = r.End()
	var torn *journal.TornError
	var damage *journal.DamageError
	switch err := r.Err(); {
	case errors.As(err, &damage):
		j.lose(s.path, err, span{last + 1, next})
		return nil
	case errors.As(err, &torn):
		s.torn = true // see tidy
		return nil
	default:
		return err
	}
}

// redone keeps of a record what replay needs.
func (s *segment) redone(r journal.Record) redone {
	d := redone{sequence: r.Sequence, mark: r.Mark, reset: r.Reset, ops: r.Ops}
	for i, op := range r.Ops {
		d.places = append(d.places, place{s.source, op.Offset, int64(len(op.Text)), xxh3.Hash(op.Text)})
		d.ops[i].Text = nil
	}
	return d
}

// tidy cuts the torn end of the newest segment, and sets aside the segments that
// are in no chain, and keeps copies of both. With damage it leaves everything.
func (h *handle) tidy(j *found) error {
	if j.damaged() {
		j.closeSpare()
		return nil
	}
	for len(j.spare) > 0 {
		s := j.spare[0]
		if err := h.keepTail(s, 0); err != nil {
			return err
		}
		if err := h.fs.Remove(s.path); err != nil {
			return err
		}
		s.source.file.Close()
		j.spare = j.spare[1:]
	}
	if len(j.chain) == 0 {
		return nil
	}
	last := j.chain[len(j.chain)-1]
	if last.torn {
		if err := h.keepTail(last, last.end); err != nil {
			return err
		}
	}
	return last.source.file.Truncate(last.end)
}

// keepTail copies what a segment has from an offset on to tails/, when there is
// anything that was written.
func (h *handle) keepTail(s *segment, offset int64) error {
	info, err := s.source.file.Stat()
	if err != nil {
		return err
	}
	end, err := written(s.source.file, offset, info.Identity.Size)
	if err != nil || end <= offset {
		return err
	}
	copied := tailsDir + "/" + h.dated()
	part := io.NewSectionReader(s.source.file, offset, end-offset)
	if err := copyReader(h.fs, part, copied, tailsDir); err != nil {
		return err
	}
	h.logger().Warn("a journal segment ends in bytes that were never answered, or is not needed any more; they are kept and cut",
		"segment", s.path, "offset", offset, "copy", copied)
	h.store.retain(h.fs, tailsDir)
	return nil
}

// written returns the end of what is not zeros in a part of a file.
func written(file io.ReaderAt, from, to int64) (int64, error) {
	b := make([]byte, 64<<10)
	for to > from {
		b = b[:min(int64(len(b)), to-from)]
		if n, err := file.ReadAt(b, to-int64(len(b))); n < len(b) {
			return 0, err
		}
		if text := bytes.TrimRight(b, "\x00"); len(text) > 0 {
			return to - int64(len(b)-len(text)), nil
		}
		to -= int64(len(b))
	}
	return from, nil
}

// close lets go of the segments that no handle took over.
func (j *found) close() {
	j.closeSpare()
	for _, s := range j.chain {
		s.source.file.Close() // only read: nothing to lose
	}
}

func (j *found) closeSpare() {
	for _, s := range j.spare {
		s.source.file.Close() // only read: nothing to lose
	}
	j.spare = nil
}

// last returns the highest sequence number that was given.
func (j *found) last() (n uint64) {
	for _, s := range j.chain {
		n = max(n, s.header.Before)
	}
	for _, r := range j.records {
		n = max(n, r.sequence)
	}
	return n
}

// marks returns the marks from which on every record is there and counts: not
// those of segments that are gone, nor those before the last reset.
func (j *found) marks() []journal.Mark {
	if len(j.chain) == 0 {
		return nil
	}
	floor := j.chain[0].header.Before
	var all []journal.Mark
	for _, s := range j.chain {
		all = append(all, s.header.Base)
	}
	for _, r := range j.records {
		if r.mark != nil {
			all = append(all, *r.mark)
		}
		if r.reset && r.mark != nil {
			floor = max(floor, r.mark.Sequence)
		}
	}
	return slices.DeleteFunc(all, func(m journal.Mark) bool { return m.Sequence < floor })
}

// matching returns the newest mark that a file agrees with.
func (j *found) matching(file journal.Identity) (mark journal.Mark, ok bool) {
	for _, m := range j.marks() {
		if m.File == file && (!ok || m.Sequence > mark.Sequence) {
			mark, ok = m, true
		}
	}
	return mark, ok
}

// newest returns the sequence number of the newest mark: what is higher was
// never in a file.
func (j *found) newest() (n uint64) {
	for _, m := range j.marks() {
		n = max(n, m.Sequence)
	}
	return n
}

// mayHaveExchanged reports whether the last checkpoint noted its mark: then it may
// have put its file in place and not looked yet at what came out. Each checkpoint
// begins a segment, so its mark is in the newest one.
func (j *found) mayHaveExchanged() bool {
	begun := j.chain[len(j.chain)-1].header.Before
	return slices.ContainsFunc(j.records, func(r redone) bool {
		return r.mark != nil && !r.reset && r.sequence > begun
	})
}

// knows reports whether any mark, one that does not count included, is that of a
// file.
func (j *found) knows(file journal.Identity) bool {
	return slices.ContainsFunc(j.chain, func(s *segment) bool { return s.header.Base.File == file }) ||
		slices.ContainsFunc(j.records, func(r redone) bool { return r.mark != nil && r.mark.File == file })
}

// headless reports whether the oldest segment continues one that is gone though
// no file can hold what was in it: there is no mark of such a file, or the file
// that is there is one of before.
func (j *found) headless(file journal.Identity) bool {
	if len(j.chain) == 0 || j.chain[0].header.Previous == 0 {
		return false
	}
	if _, known := j.matching(file); known {
		return false
	}
	return len(j.marks()) == 0 || !j.confirmed() && slices.ContainsFunc(j.chain, func(s *segment) bool {
		return s.header.Base.File == file && s.header.Base.Sequence < j.chain[0].header.Before
	})
}

// confirmed reports whether a mark was repeated, which is done when the segments
// below it were removed.
func (j *found) confirmed() bool {
	seen := map[journal.Mark]bool{}
	for _, r := range j.records {
		if r.mark != nil && seen[*r.mark] {
			return true
		}
		if r.mark != nil {
			seen[*r.mark] = true
		}
	}
	return false
}

// redo applies the records whose numbers are above after and not above last. A
// reset forgets those before it.
func (j *found) redo(l layer, after, last uint64) {
	start := 0
	for i, r := range j.records {
		if r.reset {
			start = i
		}
	}
	for _, r := range j.records[start:] {
		if r.sequence <= after || r.sequence > last {
			continue
		}
		for i, op := range r.ops {
			l.redo(op, r.places[i])
		}
	}
}

func copyFile(dir vfs.FS, from vfs.File, path, parent string) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	return copyReader(dir, io.NewSectionReader(from, 0, info.Identity.Size), path, parent)
}

// copyReader writes a new file, synced together with its name.
func copyReader(dir vfs.FS, from io.Reader, path, parent string) error {
	file, err := dir.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(io.NewOffsetWriter(file, 0), from)
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		return errors.Join(err, dir.Remove(path)) // half a copy is none
	}
	return dir.SyncDir(parent)
}
