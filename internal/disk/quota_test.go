package disk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/storetest"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// TestContractWithin holds the engine to the contract where there is a quota that
// nothing passes.
func TestContractWithin(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Place {
		mem := vfs.NewMem()
		return within{&folder{options: Options{Open: func(string) (vfs.FS, error) { return mem, nil }}, dir: "dir"}}
	})
}

type within struct{ *folder }

func (w within) Open(t *testing.T) sq.Store {
	w.folder.Open(t)
	return w.engine.StoreWithin(w.dir, 1<<40)
}

// TestContractRelaxed runs them on a store that answers before it syncs.
func TestContractRelaxed(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Place {
		mem := vfs.NewMem()
		return unhurried{&folder{options: Options{Open: func(string) (vfs.FS, error) { return mem, nil }}, dir: "dir"}}
	})
}

type unhurried struct{ *folder }

func (u unhurried) Open(t *testing.T) sq.Store { return Relaxed(u.folder.Open(t)) }

// ledger is simple accounting beside an engine: every text of every phext.
type ledger struct {
	t      *testing.T
	random *rand.Rand
	mem    *vfs.Mem
	engine *Engine
	quota  int64
	phexts map[sq.PhextName]map[phext.Coordinate]string
	grants [2]int // refused, granted: of what grows
}

// bytesOfTexts is the size of a phext in normal form.
func bytesOfTexts(texts map[phext.Coordinate]string) (n int64) {
	at := phext.First
	for _, c := range slices.SortedFunc(maps.Keys(texts), phext.Coordinate.Compare) {
		n += phext.DelimiterBytes(at, c) + int64(len(texts[c]))
		at = c
	}
	return n
}

func (l *ledger) sum() (n int64) {
	for _, texts := range l.phexts {
		n += bytesOfTexts(texts)
	}
	return n
}

func (l *ledger) trash() int64 {
	infos, err := listOwn(l.mem, trashDir)
	if err != nil {
		l.t.Fatal(err)
	}
	return bytesOf(infos)
}

func (l *ledger) store() sq.Store { return l.engine.StoreWithin("dir", l.quota) }

// coordinate is one of a few, some far from the others.
func (l *ledger) coordinate() phext.Coordinate {
	c := phext.First.With(8, 1+l.random.IntN(3)).With(7, 1+l.random.IntN(2))
	if l.random.IntN(6) == 0 {
		c = c.With(l.random.IntN(7), 1+l.random.IntN(200))
	}
	return c
}

func (l *ledger) text() []byte { return bytes.Repeat([]byte{'x'}, l.random.IntN(200)) }

// write applies a batch to the engine and to the ledger.
func (l *ledger) write(name sq.PhextName) {
	before := l.phexts[name]
	after := maps.Clone(before)
	if after == nil {
		after = map[phext.Coordinate]string{}
	}
	var batch sq.Batch
	for range 1 + l.random.IntN(3)/2*l.random.IntN(4) {
		op := sq.Op{Kind: []sq.Kind{sq.Put, sq.Append, sq.Delete}[l.random.IntN(3)], Coordinate: l.coordinate()}
		if op.Kind != sq.Delete {
			op.Text = l.text()
		}
		batch = append(batch, op)
		text := string(op.Text)
		if op.Kind == sq.Append {
			text = after[op.Coordinate] + text
		}
		if after[op.Coordinate] = text; text == "" {
			delete(after, op.Coordinate)
		}
	}
	l.judge(name, after, func() error {
		_, err := l.store().Apply(background, name, batch)
		return err
	})
}

func (l *ledger) replace(name sq.PhextName) {
	after := map[phext.Coordinate]string{}
	for range l.random.IntN(5) {
		if text := l.text(); len(text) > 0 {
			after[l.coordinate()] = string(text)
		}
	}
	var text bytes.Buffer
	w := phext.NewWriter(&text)
	for _, c := range slices.SortedFunc(maps.Keys(after), phext.Coordinate.Compare) {
		w.WriteScroll(c, []byte(after[c]))
	}
	w.Flush()
	l.judge(name, after, func() error { return l.store().Replace(background, name, &text) })
}

// judge carries out a write and holds it to the ledger: it is granted when it
// does not grow, or when there is room, the trash counted as room.
func (l *ledger) judge(name sq.PhextName, after map[phext.Coordinate]string, write func() error) {
	l.t.Helper()
	grows := bytesOfTexts(after) - bytesOfTexts(l.phexts[name])
	sum, trash := l.sum(), l.trash()
	err := write()
	granted := grows <= 0 || sum+grows <= l.quota
	switch {
	case granted && err != nil, !granted && sq.ErrorCode(err) != sq.Full:
		l.t.Fatalf("%q by %d, with %d and %d in the trash of %d: %v", name, grows, sum, trash, l.quota, err)
	case !granted:
		l.grants[0]++
	default:
		l.phexts[name] = after
		if grows > 0 {
			l.grants[1]++
		}
	}
	left := l.trash()
	if needed := max(sum+trash+grows-l.quota, 0); left != trash && (grows <= 0 || !granted || left > trash-needed) {
		l.t.Fatalf("%q by %d, with %d and %d in the trash of %d: %d is left of it", name, grows, sum, trash, l.quota, left)
	}
}

// balance compares what the engine counts with the ledger.
func (l *ledger) balance() {
	l.t.Helper()
	if got, want := l.engine.Used("dir"), l.sum()+l.trash(); got != want {
		l.t.Fatalf("%d bytes are used, want %d", got, want)
	}
	a := &l.engine.store("dir").account
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.reserved != 0 {
		l.t.Fatalf("%d bytes are still reserved", a.reserved)
	}
}

func (l *ledger) step() {
	name := sq.PhextName(rune('a' + l.random.IntN(4)))
	switch l.random.IntN(24) {
	case 0:
		l.replace(name)
	case 1:
		if err := l.store().Drop(background, name); err != nil && sq.ErrorCode(err) != sq.NotFound {
			l.t.Fatal(err)
		}
		delete(l.phexts, name)
	case 2:
		ctx, cancel := context.WithCancel(background)
		if l.random.IntN(2) == 0 {
			cancel() // as after a kill: the journals stay
		}
		if err := l.engine.Close(ctx); err != nil && ctx.Err() == nil {
			l.t.Fatal(err)
		}
		cancel()
		l.engine = inMemory(l.mem, Options{})
		if l.random.IntN(2) == 0 {
			l.engine.Used("dir") // files and journals, as they lie there
		}
		// What a journal comes to is known when it is read, before the first write.
		if _, err := l.store().Apply(background, name, sq.Batch{{Kind: sq.Delete, Coordinate: phext.Last}}); err != nil {
			l.t.Fatal(err)
		}
	case 3:
		l.engine.closeIdle(l.engine.now())
	case 4:
		l.quota = 300 + l.random.Int64N(2000)
	default:
		l.write(name)
	}
}

// TestQuotaBalances: whatever happens, the engine counts what simple accounting
// does, and grants just what there is room for.
func TestQuotaBalances(t *testing.T) {
	var grants [2]int
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			l := &ledger{t: t, random: rand.New(rand.NewPCG(seed, 0)), mem: vfs.NewMem(), quota: 1000, phexts: map[sq.PhextName]map[phext.Coordinate]string{}}
			l.engine = inMemory(l.mem, Options{})
			defer func() { l.engine.Close(background) }()
			l.write("a")
			for range 200 {
				l.step()
				l.balance()
			}
			grants[0], grants[1] = grants[0]+l.grants[0], grants[1]+l.grants[1]
		})
	}
	if grants[0] < 500 || grants[1] < 500 {
		t.Errorf("%d were refused and %d granted: that tells little", grants[0], grants[1])
	}
}

// TestQuotaTogether: many who write to many phexts never pass the quota, and what
// was granted is what is there.
func TestQuotaTogether(t *testing.T) {
	const quota, piece = 20_000, 50
	mem := vfs.NewMem()
	e := inMemory(mem, Options{Phexts: 3}) // so that phexts are opened and closed on the way
	defer e.Close(background)
	s := e.StoreWithin("dir", quota)
	var granted atomic.Int64
	var most atomic.Int64
	var work, watch sync.WaitGroup
	done := make(chan struct{})
	watch.Go(func() {
		for {
			most.Store(max(most.Load(), e.Used("dir")))
			select {
			case <-done:
				return
			default:
			}
		}
	})
	for w := range 8 {
		work.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 0))
			for range 200 {
				name := sq.PhextName(fmt.Sprint("p", random.IntN(6)))
				op := sq.Op{Kind: sq.Append, Coordinate: phext.First, Text: make([]byte, piece)}
				if random.IntN(8) == 0 {
					op = sq.Op{Kind: sq.Delete, Coordinate: phext.First}
				}
				r, err := s.Apply(background, name, sq.Batch{op})
				switch {
				case err == nil:
					granted.Add(r[0].After - r[0].Before)
				case sq.ErrorCode(err) != sq.Full || op.Kind == sq.Delete:
					t.Errorf("%v of %q: %v", op.Kind, name, err)
				}
			}
		})
	}
	work.Wait()
	close(done)
	watch.Wait()
	if most.Load() > quota || e.Used("dir") != granted.Load() {
		t.Errorf("at the most %d of %d; in the end %d, and %d were granted", most.Load(), quota, e.Used("dir"), granted.Load())
	}
}

// TestQuotaOfEdits: what the owner writes counts, whether the phext is open or
// not, and over the quota what shrinks still goes.
func TestQuotaOfEdits(t *testing.T) {
	r := newRig(t)
	s := r.e.StoreWithin(r.dir, 100).(*Store)
	apply := func(kind sq.Kind, text string) error {
		_, err := s.Apply(background, "notes", sq.Batch{{Kind: kind, Coordinate: phext.First, Text: []byte(text)}})
		return err
	}
	used := func(want int64) {
		t.Helper()
		if got := r.e.Used(r.dir); got != want {
			t.Fatalf("%d bytes are used, want %d", got, want)
		}
	}
	if err := apply(sq.Put, "0123456789"); err != nil {
		t.Fatal(err)
	}
	if err := r.fold(); err != nil {
		t.Fatal(err)
	}
	used(10)
	r.save(strings.Repeat("x", 95) + "\x17\x17") // not in normal form
	r.refresh()
	used(95)
	if err := apply(sq.Append, "123456"); sq.ErrorCode(err) != sq.Full {
		t.Errorf("after an edit: %v", err)
	}
	if err := os.WriteFile(filepath.Join(r.dir, "closed.phext"), []byte(strings.Repeat("x", 50)+"\x17\x17"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.kick("closed") // as the watch of the folder does
	used(147)        // as it lies there
	if closed, err := s.Snapshot(background, "closed"); err != nil {
		t.Fatal(err)
	} else {
		closed.Close()
	}
	used(145)
	if err := apply(sq.Append, "1"); sq.ErrorCode(err) != sq.Full || !strings.Contains(err.Error(), "145 of 100 bytes are used and 1 more are needed") {
		t.Errorf("over the quota: %v", err)
	}
	if err := apply(sq.Put, strings.Repeat("y", 94)); err != nil {
		t.Errorf("what shrinks: %v", err)
	}
	if err := s.Replace(background, "notes", strings.NewReader(strings.Repeat("z", 90))); err != nil {
		t.Errorf("a phext that shrinks: %v", err)
	}
	used(140)
	if err := os.Remove(filepath.Join(r.dir, "closed.phext")); err != nil {
		t.Fatal(err)
	}
	s.kick("closed")
	for h := r.handleOf("closed"); r.e.Used(r.dir) != 90; { // until it has looked
		h.do(func() {})
	}
	if err := apply(sq.Append, "1234567890"); err != nil {
		t.Errorf("after the owner made room: %v", err)
	}
	used(100)
	if err := r.fold(); err != nil {
		t.Fatal(err)
	}
	r.write("\xff, which is no text") // 19 bytes
	r.refresh()
	used(19)
	r.write("and so it is")
	r.refresh()
	used(12)
}

// TestQuotaAndFailures: what failed on the disk keeps no room.
func TestQuotaAndFailures(t *testing.T) {
	r := newHookedRig(t, func(r *rig, c vfs.Call) error {
		if r.deny.Load() && c.Op == "sync" {
			return syscall.EIO
		}
		return nil
	})
	s := r.e.StoreWithin(r.dir, 100)
	write := func(text string) error {
		_, err := s.Apply(background, "notes", sq.Batch{{Kind: sq.Append, Coordinate: phext.First, Text: []byte(text)}})
		return err
	}
	if err := write("0123456789"); err != nil {
		t.Fatal(err)
	}
	r.deny.Store(true)
	if err := write(strings.Repeat("x", 90)); sq.ErrorCode(err) != sq.Uncertain {
		t.Fatalf("a sync fails: %v", err)
	}
	r.deny.Store(false)
	if err := r.fold(); err != nil {
		t.Fatal(err)
	}
	if err := write(strings.Repeat("y", 90)); err != nil || r.e.Used(r.dir) != 100 {
		t.Errorf("afterwards: %v, %d are used", err, r.e.Used(r.dir))
	}
	if err := write("z"); sq.ErrorCode(err) != sq.Full {
		t.Errorf("and a byte more: %v", err)
	}
}

// TestQuotaIsReserved: what is on its way to the disk has its room already, once,
// whoever asks meanwhile.
func TestQuotaIsReserved(t *testing.T) {
	reached, goOn := make(chan struct{}), make(chan struct{})
	r := newHookedRig(t, func(r *rig, c vfs.Call) error {
		if c.Op == "sync" && strings.HasPrefix(c.Name, journalDir+"/notes") && r.deny.Load() {
			reached <- struct{}{}
			<-goOn
		}
		return nil
	})
	s := r.e.StoreWithin(r.dir, 100)
	write := func(name sq.PhextName, size int) error {
		_, err := s.Apply(background, name, sq.Batch{{Kind: sq.Append, Coordinate: phext.First, Text: make([]byte, size)}})
		return err
	}
	if err := errors.Join(write("notes", 1), write("others", 1)); err != nil {
		t.Fatal(err)
	}
	r.deny.Store(true)
	var work sync.WaitGroup
	h := r.handleOf("notes")
	ask := func(size int, want sq.Code) {
		work.Go(func() {
			if err := write("notes", size); sq.ErrorCode(err) != want {
				t.Errorf("%d bytes: %v", size, err)
			}
		})
	}
	ask(8, "")
	<-reached
	for i, size := range []int{40, 60, 30} { // which will be a group
		ask(size, []sq.Code{"", sq.Full, ""}[i])
		for len(h.queue) <= i {
			runtime.Gosched()
		}
	}
	if err := write("others", 91); sq.ErrorCode(err) != sq.Full {
		t.Errorf("beside what is being written: %v", err)
	}
	goOn <- struct{}{}
	<-reached
	if err := write("others", 21); sq.ErrorCode(err) != sq.Full {
		t.Errorf("beside a group: %v", err)
	}
	if err := write("others", 20); err != nil {
		t.Errorf("what is left: %v", err)
	}
	r.deny.Store(false)
	goOn <- struct{}{}
	work.Wait()
	if n := r.e.Used(r.dir); n != 100 {
		t.Errorf("%d bytes are used", n)
	}
}

// TestQuotaOfTheTrash: what is dropped counts at every moment, and gives way to
// what is written, the oldest first, but not in vain.
func TestQuotaOfTheTrash(t *testing.T) {
	least := int64(1000)
	var broken atomic.Bool
	r := newHookedRig(t, func(r *rig, c vfs.Call) error {
		if broken.Load() && strings.HasPrefix(c.To, trashDir) {
			return syscall.EIO
		}
		if r.deny.Load() {
			least = min(least, r.e.Used(r.dir))
		}
		return nil
	})
	s := r.e.StoreWithin(r.dir, 100)
	put := func(name sq.PhextName, size int) error {
		_, err := s.Apply(background, name, sq.Batch{{Kind: sq.Put, Coordinate: phext.First, Text: make([]byte, size)}})
		return err
	}
	for _, name := range []sq.PhextName{"a", "b", "c"} {
		if err := put(name, 30); err != nil {
			t.Fatal(err)
		}
		r.deny.Store(true)
		if err := s.Drop(background, name); err != nil {
			t.Fatal(err)
		}
		r.deny.Store(false)
		if err := put("kept", 10); err != nil {
			t.Fatal(err)
		}
	}
	if least != 30 || r.e.Used(r.dir) != 100 {
		t.Errorf("on the way %d bytes were used, in the end %d", least, r.e.Used(r.dir))
	}
	broken.Store(true)
	if err := s.Drop(background, "kept"); err == nil || r.e.Used(r.dir) != 100 {
		t.Errorf("a drop that fails: %v, %d bytes are used", err, r.e.Used(r.dir))
	}
	if err := put("large", 91); sq.ErrorCode(err) != sq.Full || len(r.files(trashDir)) != 3 {
		t.Errorf("what has no room at all: %v, in the trash %v", err, r.files(trashDir))
	}
	if err := put("large", 31); err != nil {
		t.Error(err)
	}
	if left := r.files(trashDir); len(left) != 1 || !strings.HasPrefix(left[0], "c.") || r.e.Used(r.dir) != 71 {
		t.Errorf("in the trash there is %v, and %d bytes are used", left, r.e.Used(r.dir))
	}
}

// TestQuotaOfReplace: a phext that is larger than the quota is refused before it
// is written whole, and leaves nothing.
func TestQuotaOfReplace(t *testing.T) {
	r := newRig(t)
	s := r.e.StoreWithin(r.dir, 1000)
	endless := phextReader("some text\x17")
	if err := s.Replace(background, "notes", &endless); sq.ErrorCode(err) != sq.Full {
		t.Fatalf("an endless phext: %v", err)
	}
	if left := r.files(tmpDir); len(left) > 0 || r.e.Used(r.dir) != 0 {
		t.Errorf("left are %v, and %d are used", left, r.e.Used(r.dir))
	}
	if err := s.Replace(background, "notes", strings.NewReader(strings.Repeat("x", 600))); err != nil {
		t.Fatal(err)
	}
	if err := s.Replace(background, "others", strings.NewReader(strings.Repeat("x", 401))); sq.ErrorCode(err) != sq.Full {
		t.Errorf("a byte too many in all: %v", err)
	}
	if err := s.Replace(background, "others", strings.NewReader(strings.Repeat("x", 400))); err != nil {
		t.Errorf("just enough: %v", err)
	}
	r.e.StoreWithin(r.dir, 500)
	if err := s.Replace(background, "notes", strings.NewReader(strings.Repeat("x", 550))); err != nil {
		t.Errorf("over the quota, and shrinking: %v", err)
	}
}

// TestQuotaOfWhatIsPending: what stands in the journal of a phext that was closed
// counts, whatever happens to its file.
func TestQuotaOfWhatIsPending(t *testing.T) {
	r := newRig(t)
	r.e.StoreWithin(r.dir, 100)
	r.apply(sq.Append, phext.First, "0123456789")
	r.pause() // somebody is at the file
	r.handle().closeIfIdle()
	r.store.kick("notes")
	if n := r.e.Used(r.dir); n != 10 || r.e.count() != 0 {
		t.Errorf("%d bytes are used", n)
	}
}

// phextReader repeats itself without end.
type phextReader string

func (r *phextReader) Read(p []byte) (int, error) { return copy(p, *r), nil }

// TestUsedAtRest: a directory that nobody uses is looked at, without being opened
// for use, and rarely; one that was used tells what it knew.
func TestUsedAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		lists := 0
		counted := vfs.NewFault(mem, func(c vfs.Call) error {
			if c.Op == "lock" {
				return errors.New("is opened for use")
			}
			if c.Op == "list" && c.Name == "." {
				lists++
			}
			return nil
		})
		if err := mem.WriteFile("notes.phext", []byte("some text")); err != nil {
			t.Fatal(err)
		}
		e := New(Options{Open: func(string) (vfs.FS, error) { return counted, nil }})
		defer e.Close(background)
		for range 10 {
			if n := e.Used("dir"); n != 9 {
				t.Errorf("%d bytes are used", n)
			}
		}
		<-time.After(walkedFor)
		mem.WriteFile("more.phext", []byte("!"))
		if n := e.Used("dir"); n != 10 || lists != 2 {
			t.Errorf("%d bytes are used, after %d looks", n, lists)
		}
		used := inMemory(mem, Options{})
		defer used.Close(background)
		appendTo(t, used.StoreWithin("dir", 100), "notes", "+")
		if n := used.Used("dir"); n != 11 {
			t.Errorf("%d bytes are used", n)
		}
		<-time.After(20 * time.Minute)
		if n := used.Used("dir"); n != 11 || used.dirs.Load() != 0 {
			t.Errorf("at rest %d bytes are used", n)
		}
		mem.WriteFile("more.phext", []byte("more"))
		appendTo(t, used.StoreWithin("dir", 100), "notes", "+")
		if n := used.Used("dir"); n != 15 {
			t.Errorf("opened again %d bytes are used", n)
		}
	})
}

// TestQuotaIsNearlyUsed: the log is told at nine tenths, once a day.
func TestQuotaIsNearlyUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		mem := vfs.NewMem()
		e := inMemory(mem, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		defer e.Close(background)
		s := e.StoreWithin("dir", 1000)
		told := func(want int) {
			t.Helper()
			if n := strings.Count(log.String(), "more than 90 % of its quota"); n != want {
				t.Errorf("told %d times, want %d:\n%s", n, want, &log)
			}
		}
		appendTo(t, s, "notes", strings.Repeat("x", 900))
		told(0)
		appendTo(t, s, "notes", "x")
		appendTo(t, s, "others", "x")
		told(1)
		<-time.After(25 * time.Hour) // closed meanwhile
		appendTo(t, s, "notes", "x")
		told(2)
	})
}

// TestQuotaWhenAnyOperationFails: whatever file operation fails, in the end what is
// counted is what is there, and nothing stays reserved.
func TestQuotaWhenAnyOperationFails(t *testing.T) {
	for n := 1; ; n++ {
		calls := failedWork(t, n)
		if t.Failed() {
			t.Fatalf("with file operation %d failing", n)
		}
		if calls < n {
			return
		}
	}
}

// failedWork works with a quota while the nth file operation fails, and compares.
// It returns how many operations there were.
func failedWork(t *testing.T, n int) (calls int) {
	mem := vfs.NewMem()
	fault := vfs.NewFault(mem, vfs.FailNth(n, syscall.EIO))
	e := New(Options{Open: func(string) (vfs.FS, error) { return fault, nil }})
	defer e.Close(background)
	s := e.StoreWithin("dir", 300).(*Store)
	names := []sq.PhextName{"a", "b", "c"}
	for i, name := range names {
		s.Apply(background, name, sq.Batch{{Kind: sq.Put, Coordinate: phext.First, Text: make([]byte, 70)}})
		s.Apply(background, name, sq.Batch{{Kind: sq.Append, Coordinate: phext.First.With(0, 2), Text: make([]byte, 20-i)}})
	}
	s.Replace(background, "a", strings.NewReader(strings.Repeat("x", 80)))
	s.Drop(background, "b")
	s.Apply(background, "c", sq.Batch{{Kind: sq.Delete, Coordinate: phext.First}})
	s.Apply(background, "d", sq.Batch{{Kind: sq.Put, Coordinate: phext.First, Text: make([]byte, 200)}})
	e.closeIdle(e.now())
	s.Apply(background, "a", sq.Batch{{Kind: sq.Append, Coordinate: phext.First, Text: make([]byte, 10)}})
	if calls = fault.Calls(); calls < n {
		return calls // it would be one of those that follow
	}
	want := int64(0)
	for _, name := range append(names, "d") {
		snapshot, err := s.Snapshot(background, name)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			return calls
		}
		want += snapshot.Size()
		snapshot.Close()
	}
	infos, err := listOwn(mem, trashDir)
	if err != nil {
		t.Error(err)
	}
	want += bytesOf(infos)
	if got := e.Used("dir"); got != want || got > 300 || s.account.reserved != 0 {
		t.Errorf("%d bytes are used, want %d, and %d are reserved", got, want, s.account.reserved)
	}
	return calls
}
