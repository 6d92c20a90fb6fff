package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// repair mends a phext in which problems were found, and checks it again: what is
// found then takes the place of the findings from an index on.
func (x *checker) repair(name sq.PhextName, from int) {
	if err := makeOwn(x.dir); err != nil {
		x.tell(true, ownDir, "cannot be made, nothing was repaired: %v", err)
		return
	}
	var done []Finding
	mend := func(what string, f func() (string, error)) {
		text, err := f()
		if err != nil {
			done = append(done, Finding{File: what, Problem: true, Text: fmt.Sprintf("could not be repaired: %v", err)})
		} else if text != "" {
			done = append(done, Finding{File: what, Text: text})
		}
	}
	mend(tmpDir, func() (string, error) { return x.keepStrangers(name) })
	mend(string(name)+suffix, func() (string, error) { return x.mendFile(name) })
	mend(journalDir, func() (string, error) { return x.mendJournal(name) })
	x.left[name], _ = leftIn(x.dir, name) // check tells if that fails
	before := slices.Clone(x.found[from:])
	x.found = x.found[:from]
	x.check(name)
	if !problems(x.found[from:]) {
		for i := range before {
			before[i].Repaired, before[i].Problem = before[i].Problem, false
		}
		x.repaired++
		x.found = append(x.found[:from], before...)
	}
	x.found = append(x.found, done...)
}

// keepStrangers keeps what lies beside the file of a phext with a journal, if it
// may be somebody's edit that came out of an exchange: see clearPart.
func (x *checker) keepStrangers(name sq.PhextName) (string, error) {
	h := x.handle(x.dir, name)
	part, err := load(x.dir, h.partPath())
	if err != nil || part.file == nil {
		return "", err
	}
	part.close()
	c, err := loadSettled(x.dir, h.filePath())
	if err != nil {
		return "", err
	}
	c.close()
	left, err := leftIn(x.dir, name)
	if err != nil {
		return "", err
	}
	j, err := h.readJournal(left, c.identity)
	j.close()
	if err != nil || part.identity == c.identity || j.knows(part.identity) {
		return "", err
	}
	return "it may be an edit of the last moment, and is in " + conflictsDir, h.keepPart()
}

// mendFile writes a file whose text is not UTF-8 anew, with U+FFFD for each byte
// that is not.
func (x *checker) mendFile(name sq.PhextName) (string, error) {
	h := x.handle(x.dir, name)
	c, err := loadSettled(x.dir, h.filePath())
	if err != nil {
		return "", err
	}
	defer c.close()
	var broken *phext.UTF8Error
	if !errors.As(c.problem, &broken) {
		return "", nil
	}
	copied, err := x.keepCopy(h, c.file.file, conflictsDir, suffix)
	if err != nil {
		return "", err
	}
	if err := h.removePart(); err != nil {
		return "", err
	}
	file, err := x.dir.Create(h.partPath())
	if err != nil {
		return "", err
	}
	defer file.Close()
	n, err := replaceBroken(io.NewOffsetWriter(file, 0), io.NewSectionReader(c.file.file, 0, c.info.Identity.Size))
	if err == nil {
		err = errors.Join(file.CopyOwner(c.info), file.Sync())
	}
	if err == nil {
		err = x.putInPlace(h)
	}
	what := "1 byte that was not UTF-8 is"
	if n > 1 {
		what = fmt.Sprintf("%d bytes that were not UTF-8 are", n)
	}
	return fmt.Sprintf("%s U+FFFD now; what was there is in %s", what, copied), err
}

// replaceBroken copies text, with U+FFFD for each byte that is not UTF-8, which
// it counts.
func replaceBroken(w io.Writer, r io.Reader) (count int64, err error) {
	in, out := make([]byte, 0, 64<<10), make([]byte, 0, 3*64<<10)
	for end := error(nil); end == nil; {
		var n int
		n, end = r.Read(in[len(in):cap(in)])
		in, out = in[:len(in)+n], out[:0]
		rest := in
		for len(rest) > 0 && (end != nil || utf8.FullRune(rest)) {
			c, size := utf8.DecodeRune(rest)
			if c == utf8.RuneError && size == 1 {
				count++
			}
			out, rest = utf8.AppendRune(out, c), rest[size:]
		}
		in = in[:copy(in[:cap(in)], rest)]
		if _, err := w.Write(out); err != nil {
			return count, err
		}
		if end != nil && end != io.EOF {
			return count, end
		}
	}
	return count, nil
}

// mendJournal folds what can be used of a damaged journal into the file, and
// takes the journal away. The order is such that a crash leaves a damaged journal
// to be repaired again, or a sound one, and never one whose records would be
// applied twice.
func (x *checker) mendJournal(name sq.PhextName) (string, error) {
	left, err := leftIn(x.dir, name)
	if err != nil || len(left) == 0 {
		return "", err
	}
	h := x.handle(x.dir, name)
	c, err := loadSettled(x.dir, h.filePath())
	if err != nil {
		return "", err
	}
	if c.problem != nil {
		c.close()
		return "", errors.New("the file must be a phext before its journal can be repaired")
	}
	j, err := h.readJournal(left, c.identity)
	j.close()
	if err != nil || !j.damaged() {
		c.close()
		return "", err
	}
	for _, d := range j.damages {
		if d.foreign {
			c.close()
			return "", fmt.Errorf("%s is sound and not for this program (%v): use the newer sq that wrote it, or name the phext and its journal back", d.path, d.err)
		}
	}
	used := j.used(c.identity)
	defer h.forget()
	if err := h.recover(c, left); err != nil {
		return "", err
	}
	return x.mendDamaged(h, left, used)
}

// used returns whether a record of a damaged journal is used: the file that is
// there holds it, or it can be applied to that.
func (j *found) used(file journal.Identity) func(sequence uint64) bool {
	mark, known := j.matching(file)
	j.keepUsable(mark, known)
	applied := map[uint64]bool{}
	for _, r := range j.records {
		applied[r.sequence] = true
	}
	return func(sequence uint64) bool { return known && sequence <= mark.Sequence || applied[sequence] }
}

func (x *checker) mendDamaged(h *handle, left []leftover, used func(uint64) bool) (string, error) {
	for _, l := range left {
		if err := x.keepSegment(h, l); err != nil {
			return "", err
		}
	}
	salvaged, err := x.salvage(h, left, used)
	if err != nil {
		return "", err
	}
	mark, err := x.foldDamaged(h)
	if err != nil {
		return "", err
	}
	if err := x.endJournal(h, left, mark); err != nil {
		return "", err
	}
	text := fmt.Sprintf("what can be used of the journal is in the file now; copies of its segments are in %s", tailsDir)
	if salvaged != "" {
		text += fmt.Sprintf("; what was read behind the damage is not in the phext, look through it in %s", salvaged)
	}
	return text, nil
}

func (x *checker) keepSegment(h *handle, l leftover) error {
	file, err := x.dir.Open(l.path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = x.keepCopy(h, file, tailsDir, fmt.Sprintf(".%d", l.number))
	return err
}

// keepCopy copies a file into one of our folders, and returns its path there.
func (x *checker) keepCopy(h *handle, file vfs.File, folder, ending string) (string, error) {
	path := folder + "/" + h.dated() + ending
	return path, copyFile(x.dir, file, path, folder)
}

// salvage writes what the records that can be read and not used say to a phext
// of their own, and returns its path; "" when there are none.
func (x *checker) salvage(h *handle, left []leftover, used func(uint64) bool) (string, error) {
	texts := map[phext.Coordinate][]byte{}
	for _, l := range left {
		if err := x.readAgain(l.path, func(r journal.Record) {
			if !used(r.Sequence) {
				replay(texts, r.Ops)
			}
		}); err != nil {
			return "", err
		}
	}
	if len(texts) == 0 {
		return "", nil
	}
	var all bytes.Buffer
	w := phext.NewWriter(&all)
	for _, c := range slices.SortedFunc(maps.Keys(texts), phext.Coordinate.Compare) {
		if err := w.WriteScroll(c, texts[c]); err != nil {
			return "", err
		}
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	path := conflictsDir + "/" + h.dated() + ".salvaged" + suffix
	return path, copyReader(x.dir, &all, path, conflictsDir)
}

// readAgain calls f with each record of a segment that can be read.
func (x *checker) readAgain(path string, f func(journal.Record)) error {
	file, err := x.dir.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return journal.Salvage(file, info.Identity.Size, f)
}

func replay(texts map[phext.Coordinate][]byte, ops []journal.Op) {
	for _, op := range ops {
		switch op.Kind {
		case journal.Put:
			texts[op.Coordinate] = bytes.Clone(op.Text)
		case journal.Append:
			texts[op.Coordinate] = append(texts[op.Coordinate], op.Text...)
		case journal.Delete:
			delete(texts, op.Coordinate)
		}
	}
}

// foldDamaged puts what a damaged phext is served as into its file, and returns
// the mark of that.
func (x *checker) foldDamaged(h *handle) (journal.Mark, error) {
	v := *h.current.Load()
	if !v.pending() { // what is in place need not be on disk yet
		return journal.Mark{Sequence: h.sequence, File: v.identity}, h.syncFile(content{file: v.file})
	}
	if v.file != nil {
		if err := h.keep(v.file); err != nil {
			return journal.Mark{}, err
		}
	}
	c, err := h.writeFolded(&v, h.info, hurried())
	if err != nil {
		return journal.Mark{}, err
	}
	defer c.close()
	return journal.Mark{Sequence: h.sequence, File: c.identity}, x.putInPlace(h)
}

// endJournal begins a segment that knows the file alone, so that the others do
// not count any more from then on, and removes them and then that.
func (x *checker) endJournal(h *handle, left []leftover, mark journal.Mark) error {
	end := &segment{header: journal.Header{Name: string(h.name), ID: random(), Before: mark.Sequence, Base: mark}}
	file, err := h.createSegment(end)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := writeSynced(x.dir, file, journal.AppendHeader(nil, end.header), journalDir); err != nil {
		return err
	}
	for _, paths := range [][]leftover{left, {{end.path, end.number}}} {
		for _, l := range paths {
			if err := x.dir.Remove(l.path); err != nil {
				return err
			}
		}
		if err := x.dir.SyncDir(journalDir); err != nil {
			return err
		}
	}
	return nil
}

// putInPlace makes the file beside that of the phext.
func (x *checker) putInPlace(h *handle) error {
	if err := x.dir.Rename(h.partPath(), h.filePath()); err != nil {
		return err
	}
	return errors.Join(x.dir.SyncDir("."), x.dir.SyncDir(tmpDir))
}
