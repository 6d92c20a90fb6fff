package disk

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// newRelaxed returns a world with a phext that is open and at rest, whose batches
// are answered before they are synced, and a counter of the syncs of its journal.
func newRelaxed(t *testing.T) (w *world, syncs func() int) { return newRelaxedOn(t, quiet) }

// newRelaxedOn is newRelaxed where a function is told of each file operation, and
// may make it fail.
func newRelaxedOn(t *testing.T, before func(vfs.Call) error) (w *world, syncs func() int) {
	var n atomic.Int64
	count := func(c vfs.Call) error {
		if c.Op == "sync" && strings.HasPrefix(c.Name, journalDir) {
			n.Add(1)
		}
		return before(c)
	}
	w = newWorld(t, 1, count)
	w.works()
	<-time.After(time.Minute) // it is folded, and the segment is gone
	w.relaxed = true
	w.works()              // the segment is there
	<-time.After(promised) // and synced
	return w, func() int { return int(n.Swap(0)) }
}

// promised is how long what was answered may not be on the disk.
const promised = 100 * time.Millisecond

// powerLoss loses all that was not synced, and opens what is left.
func (w *world) powerLoss() {
	w.mem, w.fault = w.mem.CrashWith(false), nil
	w.stop(false)
	w.before = quiet
	w.start()
}

// TestRelaxed: batches are answered without a sync, one sync is for all of them and
// comes in time, and the loss of power leaves what was answered before the last.
func TestRelaxed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, syncs := newRelaxed(t)
		syncs()
		for range 3 {
			w.works()
		}
		if n := syncs(); n != 0 {
			t.Errorf("%d syncs before the answers", n)
		}
		<-time.After(promised)
		if n := syncs(); n != 1 {
			t.Errorf("%d syncs of three batches, want one", n)
		}
		kept := w.may
		for range 3 {
			w.works()
		}
		w.powerLoss()
		w.may = kept
		w.check("after the loss of power")
		w.checkRest()
	})
}

// TestRelaxedGoesOn: who writes all the time does not put the sync off, and none
// comes more often than it has to.
func TestRelaxedGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, syncs := newRelaxed(t)
		syncs()
		for range 1000 {
			w.works()
			<-time.After(time.Millisecond)
		}
		if n := syncs(); n < 10 || n > 30 {
			t.Errorf("%d syncs in a second", n)
		}
	})
}

// TestRelaxedBesideFsync: a batch that asks for more is on the disk when it is
// answered, with those before it.
func TestRelaxedBesideFsync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := newRelaxed(t)
		w.works()
		w.relaxed = false
		w.works()
		w.powerLoss()
		w.check("after the loss of power")
	})
}

// TestRelaxedIsClosed: whatever closes a phext syncs it, be there time to fold it or
// not.
func TestRelaxedIsClosed(t *testing.T) {
	for name, closing := range map[string]func(w *world){
		"folded":     func(w *world) { w.stop(true) },
		"not folded": func(w *world) { w.stop(false) },
		"idle":       func(w *world) { w.e.closeIdle(w.e.now()) },
		"checkpoint": func(w *world) { w.fold() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, _ := newRelaxed(t)
				w.works()
				closing(w)
				w.powerLoss()
				w.check("after the loss of power")
			})
		})
	}
}

// TestRelaxedCheckpoint: in the midst of a checkpoint the end of the process loses
// nothing, nor does the loss of power: a new segment counts on all that was answered.
func TestRelaxedCheckpoint(t *testing.T) {
	for _, all := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var watched atomic.Pointer[world]
			w, _ := newRelaxedOn(t, func(c vfs.Call) error {
				if c.Op == "create" && c.Name == tmpDir+"/notes"+partSuffix {
					if w := watched.Swap(nil); w != nil {
						w.left.Store(w.mem.CrashWith(all))
					}
				}
				return nil
			})
			w.works()
			watched.Store(w)
			w.fold()
			w.stop(false)
			if !w.after() {
				t.Fatal("there was no checkpoint")
			}
			w.may = w.may[len(w.may)-1:] // all of it
			w.start()
			w.check("opened again")
		})
	}
}

// TestRelaxedReplaceAndDrop: what replaces a phext, or removes it, is on the disk
// when it is answered.
func TestRelaxedReplaceAndDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, _ := newRelaxed(t)
		w.works()
		s := Relaxed(w.store)
		if err := s.Replace(background, "notes", strings.NewReader("replaced")); err != nil {
			t.Fatal(err)
		}
		w.powerLoss()
		w.may = []state{{nth(0): "replaced"}}
		w.check("after the loss of power")
		w.works()
		if err := Relaxed(w.store).Drop(background, "notes"); err != nil {
			t.Fatal(err)
		}
		w.powerLoss()
		w.may = []state{{}}
		w.check("after the loss of power")
	})
}

// TestRelaxedProcessEnds: when the process ends without a warning nothing is lost,
// and once it was read again the loss of power takes nothing of it either.
func TestRelaxedProcessEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone atomic.Bool
		w, _ := newRelaxedOn(t, func(vfs.Call) error {
			if gone.Load() {
				return errRemoved
			}
			return nil
		})
		for range 3 {
			w.works()
		}
		gone.Store(true) // it does nothing any more
		w.stop(false)
		gone.Store(false)
		w.start()
		w.check("opened again")
		w.powerLoss()
		w.check("after the loss of power")
		w.checkRest()
	})
}

// TestRelaxedSyncFails: after a sync that failed nothing is answered before what was
// answered is in a file, from memory.
func TestRelaxedSyncFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		w, syncs := newRelaxedOn(t, func(c vfs.Call) error {
			if broken.Load() && c.Op == "sync" {
				return errRemoved
			}
			return nil
		})
		w.works()
		broken.Store(true)
		<-time.After(promised)
		if err := w.append(); sq.ErrorCode(err) != sq.Busy {
			t.Errorf("a batch after a sync that failed: %v, want busy", err)
		}
		w.check("the disk is broken")
		broken.Store(false)
		<-time.After(time.Minute)
		w.check("the disk works again")
		if n := syncs(); n == 0 {
			t.Error("there was no sync")
		}
		w.powerLoss()
		w.check("after the loss of power")
		w.works()
		w.checkRest()
	})
}
