package disk

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/internal/sweep"
	"github.com/wbic16/sq-go/phext"
)

// The model is a small world in which everything happens that can: batches,
// checkpoints and their steps, an edit by a stranger, and the loss of power at
// each step, with each subset of what was not on disk. It has one phext with one
// scroll, and batches that append one letter each. The process may end at each
// step as well, which loses nothing of what was written. Where it is relaxed,
// batches are answered when they are written, and synced at some later moment. What recovery decides is
// decided by the engine's own functions (type found); the steps are those of
// segment.go, commit.go, checkpoint.go, exchange.go and adopt.go, in their order.
//
// A mutation leaves a step out or swaps two. Each must be found out.
type model struct {
	batches, crashes, edits int // how many there may be
	relaxed                 bool
	mutation                string

	seen  map[string]bool
	trace []string
	fault string // what went wrong, and how it came about
}

// machine is a state of the world: the disk, the process, and what is known of
// both from outside.
type machine struct {
	// The disk. A name that starts with old is what is there for certain.
	file, oldFile text
	segments      []mSegment

	// The process.
	up       bool
	step     string // of a checkpoint, an opening or an adoption; "" at ease
	known    text   // the file that the view is of
	content  mMark
	view     string // what readers see
	pending  string // the letters of it that are in no file: frozen and active
	active   int    // how many of them are active
	current  int    // id of the segment that is written to; 0: none
	sequence int
	frozenAt int  // sequence number of the freeze
	writing  bool // a record was written and not synced
	owed     bool // what counts is not synced

	// The outside.
	asked    string // letters of batches, in order
	answered string // those that were answered, and that no loss of power may take
	left     string // those that were answered before the process ended, while the power is on
	shown    string // the most that a reader has seen
	crashes  int
	edits    int
	lastID   int
}

// text is the content of a file; none is that there is none.
type text string

const none text = "-"

type mMark struct {
	sequence int
	file     text
}

type mRecord struct {
	sequence int
	marked   bool
	mark     mMark
	reset    bool
	letters  string
}

type mSegment struct {
	id, previous, previousEnd, before int
	base                              mMark
	records                           []mRecord
	synced                            int  // records that are on disk for certain
	named                             bool // its name is
	removed                           bool // it is gone, unless the power goes
}

func (m machine) clone() machine {
	m.segments = slices.Clone(m.segments)
	for i := range m.segments {
		m.segments[i].records = slices.Clone(m.segments[i].records)
	}
	return m
}

func (m *machine) segment(id int) *mSegment {
	for i := range m.segments {
		if m.segments[i].id == id {
			return &m.segments[i]
		}
	}
	return nil
}

// explore visits every state that can be reached.
func (w *model) explore(m machine) {
	key := fmt.Sprintf("%+v", m)
	if w.seen[key] || w.fault != "" {
		return
	}
	w.seen[key] = true
	for _, move := range w.moves(m) {
		w.trace = append(w.trace, move.name)
		if wrong := move.to.wrong(); wrong != "" && w.fault == "" {
			w.fault = wrong + ":\n  " + strings.Join(w.trace, "\n  ")
		}
		w.explore(move.to)
		w.trace = w.trace[:len(w.trace)-1]
	}
}

type move struct {
	name string
	to   machine
}

// moves returns everything that can happen next.
func (w *model) moves(m machine) (all []move) {
	do := func(name string, f func(*machine)) {
		next := m.clone()
		f(&next)
		all = append(all, move{name, next})
	}
	if m.crashes < w.crashes {
		all = append(all, m.crash()...)
		if m.up {
			do("the process ends", (*machine).end)
		}
	}
	if m.edits < w.edits && m.oldFile == m.file {
		do("a stranger edits the file", func(m *machine) {
			m.edits++
			m.file = text(strings.TrimPrefix(string(m.file), string(none)) + "X")
			m.oldFile = m.file
		})
	}
	if !m.up {
		do("open", func(m *machine) { w.open(m) })
		return all
	}
	if m.owed {
		do("sync what was answered", (*machine).sync)
	}
	if m.writing {
		do("sync the record and answer", (*machine).answer)
	}
	if w.mutation == "publish before the sync" && m.writing {
		do("show it", func(m *machine) { m.shown = m.view + m.asked[len(m.asked)-1:] })
	}
	if m.step == "" || strings.HasPrefix(m.step, "fold") {
		w.batchMoves(m, do)
	}
	w.stepMoves(m, do)
	return all
}

// batchMoves are the writing of a batch.
func (w *model) batchMoves(m machine, do func(string, func(*machine))) {
	if m.writing || len(m.asked) == w.batches || m.file != m.known && m.step == "" {
		return
	}
	if m.current == 0 {
		do("begin a segment", func(m *machine) {
			if m.pending == "" || w.mutation == "a base that is too new" {
				m.content.sequence = m.sequence
			}
			m.begin(true)
		})
		return
	}
	do("write a batch", func(m *machine) {
		letter := string(rune('a' + len(m.asked)))
		m.asked += letter
		m.write(mRecord{letters: letter})
		if m.writing = true; w.relaxed {
			shown := m.shown
			m.publish(letter)
			m.writing, m.owed, m.shown = false, true, shown
			return
		}
		if w.mutation == "answer without a sync" {
			m.answered += letter
			m.publish(letter)
			m.writing = false
		}
	})
}

func (m *machine) write(r mRecord) {
	m.sequence++
	r.sequence = m.sequence
	s := m.segment(m.current)
	s.records = append(s.records, r)
}

func (m *machine) publish(letter string) {
	m.view += letter
	m.pending += letter
	m.active++
	m.shown = m.view
}

func (m *machine) answer() {
	s := m.segment(m.current)
	s.synced = len(s.records)
	letter := m.asked[len(m.asked)-1:]
	m.answered += letter
	m.publish(letter)
	m.writing = false
}

// sync syncs the segment where batches were answered before that.
func (m *machine) sync() {
	s := m.segment(m.current)
	s.synced = len(s.records)
	if m.owed {
		m.owed, m.answered, m.shown = false, m.batchesIn(m.view), m.view
	}
}

// batchesIn returns the letters of batches in a text.
func (m *machine) batchesIn(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(m.asked, r) {
			return r
		}
		return -1
	}, text)
}

// end ends the process at once.
func (m *machine) end() {
	if m.crashes++; m.owed {
		m.left = m.batchesIn(m.view)
	}
	m.forget()
}

// forget ends the process, which knows nothing any more.
func (m *machine) forget() {
	m.up, m.step, m.view, m.pending, m.active, m.current, m.writing = false, "", "", "", 0, 0, false
	m.known, m.content, m.sequence, m.frozenAt = "", mMark{}, 0, 0
}

// begin begins a segment, and syncs what was removed.
func (m *machine) begin(durable bool) {
	m.syncRemovals()
	m.lastID++
	s := mSegment{id: m.lastID, before: m.sequence, base: m.content, named: durable}
	if last := m.newest(); last != nil {
		s.previous, s.previousEnd = last.id, last.synced
	}
	m.segments = append(m.segments, s)
	m.current = s.id
}

// newest returns the last segment that is there.
func (m *machine) newest() *mSegment {
	for i := range slices.Backward(m.segments) {
		if !m.segments[i].removed {
			return &m.segments[i]
		}
	}
	return nil
}

func (m *machine) older() (ids []int) {
	for _, s := range m.segments {
		if !s.removed && s.id != m.current {
			ids = append(ids, s.id)
		}
	}
	return ids
}

// stepMoves are the next step of a checkpoint, or its beginning, or the adoption
// of an edit.
func (w *model) stepMoves(m machine, do func(string, func(*machine))) {
	to := func(name, step string, f func(*machine)) {
		do(name, func(m *machine) { m.step = step; f(m) })
	}
	early := w.mutation == "exchange before the mark"
	switch m.step {
	case "":
		switch {
		case m.file != m.known && !m.writing:
			w.adopt(m, do)
		case m.pending != "" && !m.writing && (!m.owed || w.mutation == "a segment is begun that counts on what is not synced"):
			to("begin a segment, freeze", "fold: mark", func(m *machine) { m.begin(true); m.freeze(); m.owed = false })
		case m.pending == "" && !m.writing && len(m.older()) == 0 && m.current != 0 && len(m.segment(m.current).records) > 0:
			to("remove the last segment", "rest", func(m *machine) { m.segment(m.current).removed = true; m.current = 0 })
		case m.pending == "" && !m.writing && m.current == 0 && len(m.older()) > 0:
			to("remove a segment that was found", "found", func(m *machine) { m.removeOldest(w.mutation == "newest first") })
		}
	case "fold: mark":
		if m.file != m.known {
			to("the file was edited: give up", "", (*machine).thaw)
			return
		}
		if !m.writing {
			step := "fold: sync the mark"
			to("write the mark", step, func(m *machine) {
				m.write(mRecord{marked: true, mark: mMark{m.frozenAt, m.folded()}})
				if early {
					m.exchange()
				}
			})
		}
	case "fold: sync the mark":
		to("sync the mark", "fold: exchange", (*machine).sync)
	case "fold: exchange":
		if m.writing {
			return
		}
		if m.file != m.known && !early {
			to("the file was edited: give up", "", (*machine).thaw)
			return
		}
		to("exchange", "fold: sync the name", func(m *machine) { m.exchange() })
	case "fold: sync the name":
		to("sync the name", "fold: remove", func(m *machine) {
			if w.mutation != "no sync of the name" {
				m.oldFile = m.file
			}
		})
	case "fold: remove":
		if len(m.older()) > 0 {
			to("remove a segment", "fold: remove", func(m *machine) { m.removeOldest(false) })
			return
		}
		to("sync the removals", "", (*machine).syncRemovals)
	case "rest":
		to("sync the removal", "", (*machine).syncRemovals)
	case "found":
		to("sync the removal", "", (*machine).syncRemovals)
	case "adopted":
		to("sync what was decided", "", func(m *machine) {
			m.sync()
			s := m.segment(m.current)
			m.known = m.file
			m.content = s.records[len(s.records)-1].mark
			m.view = strings.TrimPrefix(string(m.file), string(none)) + m.pending
			m.shown = ""
		})
	}
}

func (m *machine) freeze() { m.frozenAt, m.active = m.sequence, 0 }
func (m *machine) thaw()   { m.active = len(m.pending) }

// folded is the file that a checkpoint writes.
func (m *machine) folded() text { return text(m.view[:len(m.view)-m.active]) }

func (m *machine) exchange() {
	m.file = m.folded()
	m.known = m.file
	m.content = mMark{m.frozenAt, m.file}
	m.pending = m.pending[len(m.pending)-m.active:]
}

func (m *machine) removeOldest(newest bool) {
	ids := m.older()
	id := ids[0]
	if newest {
		id = ids[len(ids)-1]
	}
	m.segment(id).removed = true
}

func (m *machine) syncRemovals() {
	m.segments = slices.DeleteFunc(m.segments, func(s mSegment) bool { return s.removed })
}

// adopt makes an edit what the phext is based on.
func (w *model) adopt(m machine, do func(string, func(*machine))) {
	if m.newest() == nil {
		do("adopt the edit", func(m *machine) {
			m.known, m.content = m.file, mMark{m.sequence, m.file}
			m.view, m.shown = string(m.file), ""
		})
		return
	}
	do("decide what is pending on the edit", func(m *machine) {
		if m.current == 0 {
			m.begin(true)
		}
		m.step = "adopted"
		m.active = len(m.pending)
		m.write(mRecord{marked: true, mark: mMark{m.sequence, m.file}, reset: w.mutation != "no reset", letters: m.pending})
	})
}

// crash returns what may be found after the power went.
func (m machine) crash() (all []move) {
	states := []machine{m.clone()}
	each := func(f func(*machine) []machine) {
		var next []machine
		for _, s := range states {
			next = append(next, f(&s)...)
		}
		states = next
	}
	if m.file != m.oldFile {
		each(func(s *machine) []machine {
			before := s.clone()
			before.file = before.oldFile
			return []machine{before, s.clone()}
		})
	}
	for _, seg := range m.segments {
		each(func(s *machine) []machine { return s.survive(seg.id) })
	}
	for _, s := range states {
		s.forget()
		s.owed, s.left, s.oldFile = false, "", s.file
		s.crashes++
		all = append(all, move{fmt.Sprintf("the power goes; found: file %q, segments %s", s.file, s.names()), s})
	}
	return all
}

func (m *machine) names() (names string) {
	for _, s := range m.segments {
		names += fmt.Sprintf("[%d with %d records]", s.id, len(s.records))
	}
	return names
}

// survive returns what may be found of one segment.
func (m *machine) survive(id int) (all []machine) {
	s := m.segment(id)
	if s.removed || !s.named {
		gone := m.clone()
		gone.segments = slices.DeleteFunc(gone.segments, func(s mSegment) bool { return s.id == id })
		all = append(all, gone)
	}
	for n := s.synced; n <= len(s.records); n++ {
		some := m.clone()
		t := some.segment(id)
		t.records, t.synced, t.removed, t.named = t.records[:n], n, false, true
		all = append(all, some)
	}
	return all
}

// open is recovery: what is found is made durable, and the engine's functions
// decide what it means.
func (w *model) open(m *machine) {
	j := m.found()
	if len(j.chain) > 0 {
		m.secure(j, w.mutation != "what was found is not synced")
	}
	if m.left != "" { // the end of the process loses nothing
		m.answered = m.left
	}
	m.owed, m.left = false, ""
	m.up, m.step, m.known, m.sequence = true, "", m.file, int(j.last())
	base := strings.TrimPrefix(string(m.file), string(none))
	mark, known := j.matching(identityOf(m.file))
	if j.headless(identityOf(m.file)) {
		m.step, m.shown = "damaged", "damaged"
		return
	}
	frozen, active := newLayer(), newLayer()
	if known || len(j.chain) == 0 {
		j.redo(active, mark.Sequence, never)
		m.content = mMark{int(mark.Sequence), m.file}
		m.pending = letters(active)
		m.active = len(m.pending)
		m.view = base + m.pending
		return
	}
	newest := j.newest()
	j.redo(frozen, 0, newest)
	j.redo(active, newest, never)
	m.pending = ""
	for _, letter := range letters(frozen) {
		if !strings.ContainsRune(base, letter) { // exposed: it may be there already
			m.pending += string(letter)
		}
	}
	m.pending += letters(active)
	m.begin(true)
	m.active = len(m.pending)
	m.write(mRecord{marked: true, mark: mMark{m.sequence, m.file}, reset: w.mutation != "no reset", letters: m.pending})
	m.step = "adopted"
	m.view = base + m.pending
}

// secure removes what is in no chain, and syncs what is, and the file.
func (m *machine) secure(j *found, sync bool) {
	m.syncRemovals()
	m.segments = slices.DeleteFunc(m.segments, func(s mSegment) bool {
		return !slices.ContainsFunc(j.chain, func(c *segment) bool { return c.header.ID == uint64(s.id) })
	})
	for i := range m.segments {
		if s := &m.segments[i]; sync {
			s.synced, s.named, m.oldFile = len(s.records), true, m.file
		}
	}
}

// found is what the engine would find in the journal.
func (m *machine) found() *found {
	j, all := &found{}, []*segment{}
	for _, s := range m.segments {
		if s.removed {
			continue
		}
		all = append(all, &segment{number: uint64(s.id), header: journal.Header{
			ID: uint64(s.id), Previous: uint64(s.previous), PreviousEnd: int64(s.previousEnd), Before: uint64(s.before), Base: s.base.real(),
		}})
	}
	j.link(all)
	for i, c := range j.chain {
		records := m.segment(int(c.header.ID)).records
		if i+1 < len(j.chain) {
			records = records[:j.chain[i+1].header.PreviousEnd]
		}
		for _, r := range records {
			j.records = append(j.records, r.real())
		}
	}
	return j
}

func identityOf(file text) journal.Identity {
	if file == none {
		return journal.Absent
	}
	return journal.Identity{Size: int64(len(file)), Sum: phext.Sum([]byte(file))}
}

func (k mMark) real() journal.Mark {
	return journal.Mark{Sequence: uint64(k.sequence), File: identityOf(k.file)}
}

// real returns the record as the engine reads it. A place stands for its letter
// by its offset.
func (r mRecord) real() redone {
	d := redone{sequence: uint64(r.sequence), reset: r.reset}
	if r.marked {
		mark := r.mark.real()
		d.mark = &mark
	}
	for _, letter := range r.letters {
		d.ops = append(d.ops, journal.Op{Kind: journal.Append, Coordinate: phext.First})
		d.places = append(d.places, place{offset: int64(letter), length: 1})
	}
	return d
}

func letters(l layer) (s string) {
	e, _ := l.find(phext.First)
	for _, p := range e.appendPlaces(nil) {
		s += string(rune(p.offset))
	}
	return s
}

// wrong says what a state must never be.
func (m *machine) wrong() string {
	if m.shown == "damaged" {
		return "what a crash left is taken for damage"
	}
	if !m.up || m.step == "adopted" {
		return ""
	}
	last := -1
	for _, letter := range m.asked {
		n := strings.Count(m.view, string(letter))
		at := strings.IndexRune(m.view, letter)
		switch {
		case n > 1:
			return fmt.Sprintf("%q is there %d times in %q", letter, n, m.view)
		case n == 0 && strings.ContainsRune(m.answered, letter):
			return fmt.Sprintf("%q was answered and is not in %q", letter, m.view)
		case n == 1 && at < last && m.edits == 0:
			return fmt.Sprintf("%q is out of order in %q", letter, m.view)
		}
		last = max(last, at)
	}
	if m.edits > 0 && !strings.Contains(m.view, "X") && m.file == m.known {
		return fmt.Sprintf("the stranger's text is not in %q", m.view)
	}
	if m.edits == 0 && !strings.HasPrefix(m.view, m.shown) {
		return fmt.Sprintf("%q was shown, and now it is %q", m.shown, m.view)
	}
	return ""
}

func (w *model) run() {
	w.seen = map[string]bool{}
	w.explore(machine{file: none, oldFile: none, known: none, content: mMark{0, none}, up: true})
}

// TestModel explores the world, and then a world for each mutation.
func TestModel(t *testing.T) {
	t.Parallel()
	worlds := []model{
		{batches: 2, crashes: 2, edits: 1}, {batches: 3, crashes: 2}, {batches: 1, crashes: 2, edits: 2},
		{batches: 2, crashes: 2, edits: 1, relaxed: true}, {batches: 3, crashes: 2, relaxed: true},
	}
	if os.Getenv("SQ_MODEL") == "big" {
		worlds = []model{{batches: 3, crashes: 2, edits: 1}, {batches: 3, crashes: 3}, {batches: 3, crashes: 2, edits: 1, relaxed: true}}
	}
	if sweep.Step > 1 {
		worlds = []model{{batches: 1, crashes: 1, edits: 1}} // a model is one goroutine
	}
	for _, w := range worlds {
		w.run()
		t.Logf("%d batches, %d crashes, %d edits, relaxed %v: %d states", w.batches, w.crashes, w.edits, w.relaxed, len(w.seen))
		if w.fault != "" {
			t.Errorf("%s", w.fault)
		}
	}
	if sweep.Step > 1 {
		return
	}
	for _, mutation := range []string{
		"answer without a sync", "publish before the sync", "exchange before the mark", "no sync of the name",
		"no reset", "newest first", "a base that is too new",
		"a segment is begun that counts on what is not synced", "what was found is not synced",
	} {
		found := false
		for _, w := range []model{{batches: 2, crashes: 2, edits: 1}, {batches: 1, crashes: 1, edits: 2}, {batches: 2, crashes: 2, relaxed: true}} {
			w.mutation = mutation
			w.run()
			found = found || w.fault != ""
		}
		if !found {
			t.Errorf("the mutation %q is not found out", mutation)
		}
	}
}
