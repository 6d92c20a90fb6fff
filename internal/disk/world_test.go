package disk

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// world is a store in memory whose machine may lose power and whose file
// operations may fail, with one phext, "notes", and what may be in it as far as
// those know who asked for it. Everything it does follows from its seed.
type world struct {
	t      testing.TB
	rng    *rand.Rand
	mem    *vfs.Mem
	before func(vfs.Call) error
	fault  *vfs.Fault
	calls  int // of engines that were closed
	e      *Engine
	store  *Store

	may     []state         // what the phext may hold: one state, two after an unanswered batch, …
	relaxed bool            // batches are answered before they are synced
	back    []state         // what the loss of power may go back to then
	failed  atomic.Bool     // the disk did, once: nobody knows what is synced
	existed map[string]bool // every text that the file may ever have had
	tokens  int
	// cautious strangers do not edit while it is open whether a replace happened:
	// an edit then, and the loss of power before the disk works again, may leave
	// some of what was replaced beside the edit.
	cautious bool
	open     bool                    // a replace was not answered
	asked    func(state) state       // what is asked for at the moment; see images
	left     atomic.Pointer[vfs.Mem] // what the loss of power left
	all      atomic.Bool             // and that is everything

	mu  sync.Mutex // guards log
	log []string
}

// state is what a phext holds.
type state map[phext.Coordinate]string

func newWorld(t testing.TB, seed uint64, before func(vfs.Call) error) *world {
	w := &world{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), mem: vfs.NewMem(), before: before,
		may: []state{{}}, existed: map[string]bool{"": true},
	}
	w.start()
	t.Cleanup(func() { w.stop(false) })
	return w
}

func (w *world) start() {
	w.e = New(Options{Open: func(string) (vfs.FS, error) {
		if w.fault != nil {
			w.calls += w.fault.Calls()
		}
		start := w.calls
		w.fault = vfs.NewFault(w.mem, func(c vfs.Call) error { c.N += start; return w.before(c) })
		return w.fault, nil
	}})
	w.store = w.e.Store("dir").(*Store)
}

// apply is Apply of the store, as the world has it.
func (w *world) apply(batch sq.Batch) error {
	s := sq.Store(w.store)
	if w.relaxed {
		s = Relaxed(s)
	}
	w.ask(applied(batch))
	_, err := s.Apply(context.Background(), "notes", batch)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.relaxed {
		w.back = append(w.back, w.may...)
	}
	return err
}

// synced notes that all that was answered is on the disk by now, if it works.
func (w *world) synced() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.failed.Load() && !w.crashed() {
		w.back = nil
	}
}

// stop closes the engine; without fold it leaves the journal where it is.
func (w *world) stop(fold bool) error {
	ctx, cancel := context.WithCancel(context.Background())
	if !fold {
		cancel()
	}
	defer cancel()
	return w.e.Close(ctx)
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

// crash takes the power away. after finds what is left. Of the outcome 1 that is
// all that was written, as if only the process had ended.
func (w *world) crash(seed, outcome uint64) {
	if outcome == 1 && !w.failed.Load() {
		w.all.Store(true)
	}
	if outcome < 2 {
		w.left.Store(w.mem.CrashWith(outcome == 1))
		return
	}
	w.left.Store(w.mem.Crash(rand.New(rand.NewPCG(seed, outcome))))
}

// after goes on with what the loss of power left; false when there was none.
func (w *world) after() bool {
	left := w.left.Swap(nil)
	if left == nil {
		return false
	}
	w.note("power went")
	w.mem, w.fault = left, nil
	if !w.all.Swap(false) {
		w.may = append(w.back, w.may...)
	}
	w.back = nil
	w.checkFile()
	return true
}

func (w *world) fatalf(format string, args ...any) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.t.Fatalf("%s\nafter:\n  %s", fmt.Sprintf(format, args...), strings.Join(w.log, "\n  "))
}

// token returns a text that is like no other.
func (w *world) token() string {
	w.tokens++
	return fmt.Sprintf("<%d%s>", w.tokens, strings.Repeat("-", w.rng.IntN(3)*300))
}

// steps does one thing after another, until the power goes.
func (w *world) steps() {
	for i := 0; i < steps && w.left.Load() == nil; i++ {
		w.step()
	}
}

// step does one thing.
func (w *world) step() {
	switch n := w.rng.IntN(20); {
	case n < 11:
		w.batch()
	case n < 14:
		err := w.fold()
		w.note("fold: %v", err)
		if err == nil {
			w.synced()
		}
	case n < 16:
		w.edit()
	case n < 17:
		w.replace()
	case n < 19:
		w.note("time passes")
		w.pass(time.Duration(w.rng.IntN(4000)) * time.Millisecond)
	default:
		fold := w.rng.IntN(2) == 0
		err := w.stop(fold)
		w.note("close, fold %v: %v", fold, err)
		w.synced()
		w.start()
	}
}

// pass waits, and notes when all was to be on the disk.
func (w *world) pass(d time.Duration) {
	if d < promised {
		<-time.After(d)
		return
	}
	<-time.After(promised)
	w.synced()
	<-time.After(d - promised)
}

// batch applies one to three operations on a few scrolls.
func (w *world) batch() {
	var batch sq.Batch
	for range w.rng.IntN(3) + 1 {
		op := sq.Op{Coordinate: nth(w.rng.IntN(3)), Kind: sq.Kind(w.rng.IntN(3) + 1)}
		if op.Kind != sq.Delete {
			op.Text = []byte(w.token())
		}
		batch = append(batch, op)
	}
	err := w.apply(batch)
	w.note("batch %s: %v", show(batch), err)
	w.open = w.open && err != nil
	w.outcome(err)
}

// ask notes what is going to be asked for, until outcome tells how it went.
func (w *world) ask(change func(state) state) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = change
}

func applied(batch sq.Batch) func(state) state {
	return func(s state) state {
		s = maps.Clone(s)
		for _, op := range batch {
			s.do(op)
		}
		return s
	}
}

// works holds that a batch can be applied.
func (w *world) works() {
	w.t.Helper()
	if err := w.append(); err != nil {
		w.fatalf("a batch: %v", err)
	}
}

// append appends to a scroll.
func (w *world) append() error {
	op := sq.Op{Kind: sq.Append, Coordinate: nth(1), Text: []byte(w.token())}
	err := w.apply(sq.Batch{op})
	w.note("append %.12s: %v", op.Text, err)
	w.outcome(err)
	return err
}

func show(batch sq.Batch) string {
	var b strings.Builder
	for _, op := range batch {
		fmt.Fprintf(&b, "[%v %d %.12s]", op.Kind, op.Coordinate.Component(8), op.Text)
	}
	return b.String()
}

func (s state) do(op sq.Op) {
	switch op.Kind {
	case sq.Put:
		s[op.Coordinate] = string(op.Text)
	case sq.Append:
		s[op.Coordinate] += string(op.Text)
	case sq.Delete:
		delete(s, op.Coordinate)
	}
}

// outcome remembers what that which was asked for may have come to: done when it was
// answered, done or not when the disk failed or the power went, and otherwise
// not.
func (w *world) outcome(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change := w.asked
	w.asked = nil
	var next []state
	for _, s := range w.may {
		if err != nil {
			next = append(next, s)
		}
		if after := change(s); err == nil || sq.ErrorCode(err) == sq.Uncertain || w.crashed() {
			w.existed[phext.Implode(after)] = true
			next = append(next, after)
		}
	}
	w.may = next
}

func (w *world) crashed() bool {
	_, err := w.mem.Stat(".")
	return err != nil
}

func (w *world) fold() error {
	h, err := w.store.pinned(context.Background(), "notes")
	if err != nil {
		return err
	}
	defer h.unpin()
	return h.checkpoint(context.Background())
}

// edit has a stranger add a scroll of their own to the file as it is, and make
// sure that it is on disk.
func (w *world) edit() {
	if w.cautious && w.open {
		return
	}
	text, err := w.mem.ReadFile("notes.phext")
	if err != nil {
		return
	}
	scrolls, err := phext.Explode(string(text))
	if err != nil {
		w.fatalf("the file is no phext: %v", err)
	}
	at, token := nth(100+w.tokens), w.token()
	scrolls[at] = token
	edited := []byte(phext.Implode(scrolls))
	inPlace := w.rng.IntN(2) == 0
	if !w.save(edited, inPlace) {
		return
	}
	w.note("edit, in place %v", inPlace)
	w.mu.Lock()
	w.existed[string(edited)] = true
	w.mu.Unlock()
	w.ask(applied(sq.Batch{{Kind: sq.Put, Coordinate: at, Text: []byte(token)}}))
	w.backWith(w.asked)
	w.outcome(nil)
}

// backWith has what the loss of power may go back to changed as well, by what is
// on the disk already.
func (w *world) backWith(change func(state) state) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, s := range w.back {
		w.back[i] = change(s)
		w.existed[phext.Implode(w.back[i])] = true
	}
}

// save writes the file and syncs it; false when the power went before.
func (w *world) save(text []byte, inPlace bool) bool {
	name := "notes.phext"
	if !inPlace {
		name = "notes.phext~"
	}
	if err := w.mem.WriteFile(name, text); err != nil {
		return false
	}
	f, err := w.mem.OpenWrite(name)
	if err != nil || f.Sync() != nil {
		return false
	}
	if !inPlace && w.mem.Rename(name, "notes.phext") != nil {
		return false
	}
	return w.mem.SyncDir(".") == nil
}

// replace makes the phext hold two scrolls.
func (w *world) replace() {
	next := state{nth(0): w.token(), nth(2): w.token()}
	w.ask(func(state) state { return next })
	err := w.store.Replace(context.Background(), "notes", strings.NewReader(phext.Implode(next)))
	w.note("replace: %v", err)
	w.open = sq.ErrorCode(err) == sq.Uncertain
	w.outcome(err)
	if err == nil {
		w.synced()
	}
}

// read returns what the store serves.
func (w *world) read() (string, error) {
	if err := w.store.Refresh(context.Background(), "notes"); err != nil {
		return "", err
	}
	snapshot, err := w.store.Snapshot(context.Background(), "notes")
	if err != nil {
		return "", err
	}
	defer snapshot.Close()
	var b strings.Builder
	_, err = snapshot.WriteTo(&b)
	return b.String(), err
}

// check reads the phext and compares it with what it may hold, which is less
// from then on.
func (w *world) check(when string) {
	w.t.Helper()
	text, err := w.read()
	if err != nil {
		w.fatalf("%s: %v", when, err)
	}
	for _, s := range w.may {
		if phext.Implode(s) == text {
			w.may = []state{s}
			return
		}
	}
	var want []string
	for _, s := range w.may {
		want = append(want, short(phext.Implode(s)))
	}
	w.fatalf("%s: the phext is\n  %s\nand may be\n  %s", when, short(text), strings.Join(want, "\n  "))
}

func short(text string) string { return fmt.Sprintf("%q", strings.ReplaceAll(text, "-", "")) }

// checkFile holds that the file, as a crash left it, is a whole phext of a state
// that existed.
func (w *world) checkFile() {
	text, err := w.mem.ReadFile("notes.phext")
	if err == nil && !w.existed[string(text)] {
		w.fatalf("the file is a phext that never existed: %s", short(string(text)))
	}
}

// checkRest closes the engine, and holds that the file then has everything, and
// that opening it again changes nothing.
func (w *world) checkRest() {
	w.check("before closing")
	if err := w.stop(true); err != nil {
		w.fatalf("close: %v", err)
	}
	text, _ := w.mem.ReadFile("notes.phext")
	scrolls, err := phext.Explode(string(text))
	if got, want := phext.Implode(scrolls), phext.Implode(w.may[0]); err != nil || got != want {
		w.fatalf("at rest the file is\n  %s, %v, want\n  %s", short(string(text)), err, short(want))
	}
	if left, err := w.mem.List(journalDir); err != nil || len(left) > 0 {
		w.fatalf("at rest there are segments: %v, %v", left, err)
	}
	if err := sound(w.mem); err != nil {
		w.fatalf("at rest %v", err)
	}
	w.start()
	w.check("opened again")
	if err := w.stop(true); err != nil {
		w.fatalf("close: %v", err)
	}
}
