package disk

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/sweep"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

var (
	images   = flag.Int("images", 60_000/sweep.Step, "how many outcomes of a loss of power TestImages looks at")
	outcomes = flag.Int("outcomes", 24, "how many of them at each file operation")
)

// image is what the loss of power may have left, and what may be in it.
type image struct {
	mem     *vfs.Mem
	call    string
	allowed map[string]bool // what the phext may hold
	files   map[string]bool // what the file may be
}

// TestImages takes, at each file operation of many workloads, images of what the
// loss of power could leave there, while the workload goes on. Each one that is
// like no other is opened: it holds every answered batch, once, and what was
// under way wholly or not at all, and its file is a state that existed. Some are
// opened while the power goes a second time. -images says how many.
func TestImages(t *testing.T) { takeImages(t, false, *images) }

// TestRelaxedImages is TestImages with batches that are answered before they are
// synced: an image holds all up to some batch that is not older than the last sync.
func TestRelaxedImages(t *testing.T) { takeImages(t, true, *images/4) }

func takeImages(t *testing.T, relaxed bool, images int) {
	t.Parallel()
	x := &imager{relaxed: relaxed, seen: map[uint64]bool{}}
	seed := *first
	for ; x.taken < images && !t.Failed(); seed++ {
		synctest.Test(t, func(t *testing.T) { x.workload(t, seed) })
	}
	t.Logf("seeds %d to %d: %d file operations, %d outcomes of a loss of power at them, %d of them like no other, %d second losses while one was opened",
		*first, seed-1, x.calls, x.taken, len(x.seen), x.again)
	if x.taken > 0 && len(x.seen) < x.taken/50 {
		t.Error("the outcomes hardly differ")
	}
}

// imager takes images and looks at them.
type imager struct {
	relaxed             bool
	calls, taken, again int
	seen                map[uint64]bool
	pending             []image
	rng                 *rand.Rand // for take, under the lock of the world
	other               *rand.Rand // for look
}

func (x *imager) workload(t *testing.T, seed uint64) {
	x.rng, x.other = rand.New(rand.NewPCG(seed, 7)), rand.New(rand.NewPCG(seed, 8))
	var w *world
	w = newWorld(t, seed, func(c vfs.Call) error {
		if w != nil {
			x.take(w, c)
		}
		return nil
	})
	w.relaxed = x.relaxed
	for range steps {
		w.step()
		x.look(t, w)
	}
	w.before = quiet
	w.check("undisturbed")
	w.checkRest()
}

// take takes images before a file operation.
func (x *imager) take(w *world, c vfs.Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x.calls++
	var allowed, files map[string]bool
	for range *outcomes {
		x.taken++
		mem := w.mem.Imagine(x.rng)
		sum := mem.Sum()
		if x.seen[sum] {
			continue
		}
		x.seen[sum] = true
		if allowed == nil {
			allowed, files = w.allowed()
		}
		x.pending = append(x.pending, image{mem, fmt.Sprintf("%s %s %s", c.Op, c.Name, c.To), allowed, files})
	}
}

// allowed returns the texts that the phext may hold now and those that the file
// may be. w.mu must be held.
func (w *world) allowed() (allowed, files map[string]bool) {
	allowed, files = map[string]bool{}, map[string]bool{}
	for text := range w.existed {
		files[text] = true
	}
	for _, s := range w.back {
		allowed[phext.Implode(s)] = true
	}
	for _, s := range w.may {
		allowed[phext.Implode(s)] = true
		if w.asked != nil {
			allowed[phext.Implode(w.asked(s))] = true
		}
	}
	for text := range allowed {
		files[text] = true
	}
	return allowed, files
}

// look opens the images that were taken.
func (x *imager) look(t *testing.T, w *world) {
	w.mu.Lock() // its engine may go on meanwhile
	pending := x.pending
	x.pending = nil
	w.mu.Unlock()
	for n, i := range pending {
		if text, err := i.mem.ReadFile("notes.phext"); err == nil && !i.files[string(text)] {
			w.fatalf("power went before %s: the file is a phext that never existed: %s", i.call, short(string(text)))
		}
		if n%16 == 0 {
			i.mem = x.crashAgain(i.mem)
		}
		err := error(nil)
		if n%4 == 1 {
			err = sound(i.mem)
		}
		var text string
		if err == nil {
			text, err = i.open(n%4 == 0)
		}
		if err == nil && !i.allowed[text] {
			err = fmt.Errorf("the phext is %s", short(text))
		}
		if err != nil {
			var may []string
			for text := range i.allowed {
				may = append(may, short(text))
			}
			w.fatalf("power went before %s: %v; it may be\n  %s", i.call, err, strings.Join(may, "\n  "))
		}
	}
}

// crashAgain opens an image, and returns what the loss of power leaves of it at
// some moment of that.
func (x *imager) crashAgain(mem *vfs.Mem) (left *vfs.Mem) {
	at, n := x.other.IntN(40)+1, 0
	fault := vfs.NewFault(mem, func(vfs.Call) error {
		if n++; n == at {
			left = mem.Crash(x.other)
		}
		return nil
	})
	opened := &world{mem: mem}
	opened.serve(fault)
	opened.read()
	opened.stop(true)
	if left == nil {
		left = mem.Crash(x.other)
	}
	x.again++
	return left
}

// sound reports what a check finds wrong: what the loss of power leaves must never
// look like damage.
func sound(mem *vfs.Mem) error {
	checked, err := checkIn(mem, CheckOptions{})
	if err == nil && checked.Problems() > 0 {
		err = fmt.Errorf("a check finds %+v", checked.Findings)
	}
	return err
}

// open returns what an image holds; with write a batch is applied and folded
// then, too.
func (i image) open(write bool) (string, error) {
	w := &world{mem: i.mem}
	w.serve(i.mem)
	text, err := w.read()
	if err == nil && write {
		err = w.overwrite(text)
	}
	w.stop(false)
	return text, err
}

// serve starts an engine on what is there.
func (w *world) serve(dir vfs.FS) {
	w.e = New(Options{Open: func(string) (vfs.FS, error) { return dir, nil }})
	w.store = w.e.Store("dir").(*Store)
}

// overwrite appends to a phext that holds text, closes it, and looks at the file.
func (w *world) overwrite(text string) error {
	batch := sq.Batch{{Kind: sq.Append, Coordinate: nth(1), Text: []byte("+")}}
	if _, err := w.store.Apply(background, "notes", batch); err != nil {
		return fmt.Errorf("a batch: %w", err)
	}
	if err := w.stop(true); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	got, err := w.mem.ReadFile("notes.phext")
	scrolls, _ := phext.Explode(text)
	scrolls[nth(1)] += "+"
	if want := phext.Implode(scrolls); err != nil || string(got) != want {
		return fmt.Errorf("at rest the file is %s, %v, want %s", short(string(got)), err, short(want))
	}
	return sound(w.mem)
}
