package disk

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

var every = flag.Int("every", 13, "how many bytes apart the tests of damage do it")

// left is a directory that a store left with a journal, and what it had
// answered: the phext notes after each of its records.
type left struct {
	files    map[string][]byte
	segments []leftSegment // oldest first
	states   []string      // states[n] is the phext after n records
	inFile   int           // so many records are in the file
	tails    []string      // what open found to be kept
}

type leftSegment struct {
	path    string
	header  journal.Header
	offsets []int64 // where each record begins, and the last one ends
	synced  []int64 // what each record says was on disk
	before  int     // records in the segments before
}

// answering is a store in memory that leaves its journal where it is.
type answering struct {
	t      testing.TB
	mem    *vfs.Mem
	deny   func(vfs.Call) error
	e      *Engine
	s      *Store
	states []string // after each batch, the file as it was found first
}

func newAnswering(t testing.TB, text string) *answering {
	a := &answering{t: t, mem: vfs.NewMem(), deny: quiet}
	if err := a.mem.WriteFile("notes.phext", []byte(text)); err != nil {
		t.Fatal(err)
	}
	a.mem.Settle()
	a.e = New(Options{Open: func(string) (vfs.FS, error) {
		return vfs.NewFault(a.mem, func(c vfs.Call) error { return a.deny(c) }), nil
	}})
	a.s = a.e.Store("dir").(*Store)
	a.states = []string{normalText(t, a.s)}
	a.handle().do(func() { a.handle().foreign = time.Now().Add(time.Hour) }) // nothing is folded by itself
	return a
}

func (a *answering) handle() *handle {
	h, err := a.s.pinned(background, "notes")
	if err != nil {
		a.t.Fatal(err)
	}
	h.unpin()
	return h
}

// batches applies n batches of all kinds.
func (a *answering) batches(n int) {
	a.t.Helper()
	for i := range n {
		at := func(k int) phext.Coordinate { return phext.First.With(8, (i*k)%5+1) }
		batch := sq.Batch{{Kind: sq.Append, Coordinate: phext.First, Text: fmt.Appendf(nil, "+%d", len(a.states))}}
		if i%3 == 1 {
			text := strings.Repeat("δ and more ", i%7)
			batch = append(batch, sq.Op{Kind: sq.Put, Coordinate: at(3), Text: []byte(text)}, sq.Op{Kind: sq.Delete, Coordinate: at(2)})
		}
		if _, err := a.s.Apply(background, "notes", batch); err != nil {
			a.t.Fatal(err)
		}
		a.states = append(a.states, normalText(a.t, a.s))
	}
}

// checkpoint folds while some operations are refused, and hopes for nothing.
func (a *answering) checkpoint(refused ...string) {
	h := a.handle()
	a.deny = func(c vfs.Call) error {
		if slices.Contains(refused, c.Op) && (c.Op != "remove" || strings.HasPrefix(c.Name, journalDir)) {
			return syscall.EIO
		}
		return nil
	}
	h.do(func() { h.foreign = time.Time{} })
	answer := make(chan error, 1)
	h.do(func() { h.startCheckpoint(func(err error) { answer <- err }) })
	<-answer
	h.do(func() { h.foreign = time.Now().Add(time.Hour) })
}

// leave ends the store and reads what it left.
func (a *answering) leave() *left {
	ended, cancel := context.WithCancel(background)
	cancel()
	a.e.Close(ended)
	l := &left{files: map[string][]byte{}, states: slices.Clone(a.states[:1])}
	for _, folder := range []string{".", journalDir} {
		infos, err := a.mem.List(folder)
		if err != nil {
			a.t.Fatal(err)
		}
		for _, info := range infos {
			if name := path.Join(folder, info.Name); info.Mode.IsRegular() {
				l.files[name], _ = a.mem.ReadFile(name)
			}
		}
	}
	batches := 0
	for _, name := range slices.Sorted(keysUnder(l.files, journalDir)) {
		s := a.readLeft(name, l.files[name], len(l.states)-1, func(r journal.Record) {
			if batches += min(len(r.Ops), 1); r.Reset {
				a.t.Fatal("a reset was not expected here")
			}
			l.states = append(l.states, a.states[batches])
		})
		l.segments = append(l.segments, s)
		l.files[name] = l.files[name][:s.offsets[len(s.offsets)-1]] // without the zeros that were written ahead
	}
	if batches != len(a.states)-1 {
		a.t.Fatalf("%d batches were answered, and %d records have any", len(a.states)-1, batches)
	}
	for l.states[l.inFile] != string(l.files["notes.phext"]) {
		l.inFile++
	}
	return l
}

func keysUnder(files map[string][]byte, folder string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range files {
			if path.Dir(name) == folder && !yield(name) {
				return
			}
		}
	}
}

func (a *answering) readLeft(name string, b []byte, before int, each func(journal.Record)) leftSegment {
	a.t.Helper()
	h, err := journal.ReadHeader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		a.t.Fatal(err)
	}
	s := leftSegment{path: name, header: h, before: before, offsets: []int64{h.Length()}}
	r := journal.NewReader(bytes.NewReader(b), int64(len(b)), h, -1)
	for record, ok := r.Next(); ok; record, ok = r.Next() {
		s.offsets = append(s.offsets, r.End())
		s.synced = append(s.synced, r.Synced())
		each(record)
	}
	if r.Err() != nil {
		a.t.Fatal(r.Err())
	}
	return s
}

func normalText(t testing.TB, s sq.Store) string {
	t.Helper()
	snapshot, err := s.Snapshot(background, "notes")
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	var text strings.Builder
	if _, err := snapshot.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// whole reports how many records of a segment are as they were written, up to
// the first that is not.
func (s leftSegment) whole(was, is []byte) (n int) {
	for n < len(s.synced) && s.isWhole(was, is, n) {
		n++
	}
	return n
}

func (s leftSegment) isWhole(was, is []byte, i int) bool {
	from, to := s.offsets[i], s.offsets[i+1]
	return int64(len(is)) >= to && bytes.Equal(was[from:to], is[from:to])
}

// isPromised reports whether a record that is whole says that offset was on disk.
func (s leftSegment) isPromised(was, is []byte, offset int64) bool {
	for i, synced := range s.synced {
		if synced > offset && s.isWhole(was, is, i) {
			return true
		}
	}
	return false
}

// ways yields what disks, crashes and hands can make of a segment from some byte
// on, see every. older is another segment of the phext.
func ways(s leftSegment, b, older []byte, from int) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		do := func(what string, parts ...[]byte) bool { return yield(what, bytes.Join(parts, nil)) }
		length := len(b)
		for at := from; at < length; at += *every {
			zeroed, sector, flipped := bytes.Clone(b), bytes.Clone(b), bytes.Clone(b)
			clear(zeroed[at:])
			clear(sector[at:min(at+512, length)])
			flipped[at] ^= 1 << (at % 8)
			if !do(fmt.Sprint("cut at ", at), b[:at]) || !do(fmt.Sprint("zeros from ", at), zeroed) ||
				!do(fmt.Sprint("a sector of zeros at ", at), sector) || !do(fmt.Sprint("a bit of byte ", at), flipped) ||
				int64(at) >= s.offsets[0] && !do(fmt.Sprint("older from ", at), b[:at], older[min(at, len(older)):]) {
				return
			}
		}
		part := func(i, j int) []byte { return b[s.offsets[i]:s.offsets[j]] }
		n := len(s.synced)
		for i := range n {
			j := (i + 2) % n
			low, high := min(i, j), max(i, j)
			if int(s.offsets[low]) < from {
				continue
			}
			if !do(fmt.Sprint("without record ", i), b[:s.offsets[i]], part(i+1, n)) ||
				!do(fmt.Sprint("doubled record ", i), b[:s.offsets[i]], part(i, i+1), part(i, n)) ||
				!do(fmt.Sprint("exchanged records ", i, j), b[:s.offsets[low]], part(high, high+1), part(low+1, high), part(low, low+1), part(high+1, n)) {
				return
			}
		}
		for what, more := range map[string]string{"text": "A line of text.\n", "noise": "\xff\x00\x80\x01\xfe", "magic": "\xffSQrec\xfe\x0a", "a header": string(older)} {
			if !do(what+" behind the end", b, bytes.Repeat([]byte(more), 9)) {
				return
			}
		}
	}
}

// put makes a directory in memory.
func (l *left) put(t *testing.T) *vfs.Mem {
	t.Helper()
	mem := vfs.NewMem()
	if err := makeOwn(mem); err != nil {
		t.Fatal(err)
	}
	for name, text := range l.files {
		if err := mem.WriteFile(name, text); err != nil {
			t.Fatal(err)
		}
	}
	mem.Settle()
	return mem
}

// open opens the directory with one file changed, nil for one that is gone, and
// tells what is served and whether a batch is taken; and then, opened again,
// whether that is still so.
func (l *left) open(t *testing.T, name string, is []byte) (text, after string, refused error) {
	t.Helper()
	mem := l.put(t)
	if is == nil {
		if err := mem.Remove(name); err != nil {
			t.Fatal(err)
		}
	} else if err := mem.WriteFile(name, is); err != nil {
		t.Fatal(err)
	}
	mem.Settle()
	ended, cancel := context.WithCancel(background)
	cancel()
	for range 2 {
		e := inMemory(mem, Options{})
		s := e.Store("dir")
		if after = normalText(t, s); text == "" {
			text = after
			_, refused = s.Apply(background, "notes", sq.Batch{{Kind: sq.Append, Coordinate: phext.First.With(8, 9), Text: []byte("more")}})
		}
		e.Close(ended)
	}
	l.tails = nil
	infos, _ := mem.List(tailsDir)
	for _, info := range infos {
		tail, _ := mem.ReadFile(tailsDir + "/" + info.Name)
		l.tails = append(l.tails, string(tail))
	}
	if refused != nil {
		if got, err := mem.ReadFile(name); is != nil && (err != nil || !bytes.Equal(got, is)) {
			t.Fatalf("refused, and %s was changed: %v", name, err)
		}
	}
	return text, after, refused
}

// check opens the directory with a segment changed, and holds what comes to what
// was answered.
func (l *left) check(t *testing.T, what string, i int, is []byte) {
	t.Helper()
	s, was := l.segments[i], l.files[l.segments[i].path]
	headed := bytes.HasPrefix(is, was[:s.header.Length()])
	n, offset := s.whole(was, is), int64(0)
	if headed {
		offset = s.offsets[n]
	} else {
		n = 0
	}
	damaged := s.isPromised(was, is, offset)
	if next := i + 1; next < len(l.segments) {
		damaged = damaged || offset < l.segments[next].header.PreviousEnd
	}
	text, after, refused := l.open(t, s.path, is)
	what = fmt.Sprintf("%s of %s", what, s.path)
	k := s.before + n
	if i+1 < len(l.segments) && !damaged {
		k = len(l.states) - 1 // what is behind what counts does not matter
	}
	l.judge(t, what, k, damaged, text, refused)
	if rest := is[offset:]; !damaged && i+1 == len(l.segments) && !slices.Contains(l.tails, string(bytes.TrimRight(rest, "\x00"))) && len(bytes.Trim(rest, "\x00")) > 0 {
		t.Fatalf("%s: %d bytes were cut, and kept is %q", what, len(rest), l.tails)
	}
	if refused == nil {
		if want := withMore(t, text); after != want {
			t.Fatalf("%s: opened again it is %q, want %q", what, after, want)
		}
		return
	}
	if sq.ErrorCode(refused) != sq.Unreadable || !strings.Contains(refused.Error(), s.path) || headed && !strings.Contains(refused.Error(), fmt.Sprint("offset ", offset)) {
		t.Fatalf("%s: refused with %v, want the offset %d of it", what, refused, offset)
	}
	if after != text {
		t.Fatalf("%s: opened again it is %q, and was %q", what, after, text)
	}
}

// judge compares the text of a phext that has k records before the first that was
// changed. What is in the file already can be done without.
func (l *left) judge(t *testing.T, what string, k int, damaged bool, text string, refused error) {
	t.Helper()
	last := len(l.states) - 1
	switch {
	case damaged && k < l.inFile:
		if text != l.states[l.inFile] && text != l.states[last] {
			t.Fatalf("%s: %q, want what the file has, %q, or all, %q", what, text, l.states[l.inFile], l.states[last])
		}
		return
	case damaged && refused == nil && text != l.states[last]:
		t.Fatalf("%s: a batch is taken, and answered ones are lost: %q, want %q", what, text, l.states[last])
	case !damaged && refused != nil:
		t.Fatalf("%s: nothing that was answered is missing, and a batch is refused: %v", what, refused)
	}
	if want := l.states[max(k, l.inFile)]; text != want {
		t.Fatalf("%s: %q, want %q", what, text, want)
	}
}

// withMore returns the text with what open adds.
func withMore(t *testing.T, text string) string {
	t.Helper()
	scrolls, err := phext.Explode(text)
	if err != nil {
		t.Fatal(err)
	}
	scrolls[phext.First.With(8, 9)] += "more"
	return phext.Implode(scrolls)
}

// damageAll damages a segment from some byte on.
func (l *left) damageAll(t *testing.T, i, from int) {
	t.Helper()
	s := l.segments[i]
	older := l.files[l.segments[(i+1)%len(l.segments)].path]
	for what, is := range ways(s, l.files[s.path], older, from) {
		l.check(t, what, i, is)
	}
}

// TestDamagedSegment damages the only segment of a phext.
func TestDamagedSegment(t *testing.T) {
	a := newAnswering(t, "base")
	a.batches(12)
	a.leave().damageAll(t, 0, 0)
}

// threeSegments leaves three segments behind: something was refused to the
// checkpoints that began the second and the third.
func threeSegments(t *testing.T, refused string) *left {
	t.Helper()
	a := newAnswering(t, "base")
	for range 2 {
		a.batches(5)
		a.checkpoint(refused)
	}
	a.batches(3)
	l := a.leave()
	if len(l.segments) != 3 {
		t.Fatalf("%d segments were left", len(l.segments))
	}
	return l
}

// TestDamagedChain damages each of three segments of which nothing is in the file
// yet: it could not be put in place.
func TestDamagedChain(t *testing.T) {
	l := threeSegments(t, "exchange")
	if l.inFile != 0 {
		t.Fatalf("%d records are in the file", l.inFile)
	}
	for i, s := range l.segments {
		l.damageAll(t, i, int(s.header.Length()))
	}
}

// TestDamagedBehindTheFile damages what follows the mark of the file in the last
// of three segments. The others are in the file, and could not be removed.
func TestDamagedBehindTheFile(t *testing.T) {
	l := threeSegments(t, "remove")
	if l.inFile < 10 {
		t.Fatalf("only %d records are in the file", l.inFile)
	}
	l.damageAll(t, 2, int(l.segments[2].offsets[1]))
}
