package disk

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/sweep"
	"github.com/wbic16/sq-go/internal/vfs"
)

var (
	seeds = flag.Int("seeds", 4, "how many workloads the crash and fault tests run")
	first = flag.Uint64("seed", 1, "the seed of the first workload")
)

const steps = 14

func quiet(vfs.Call) error { return nil }

// countCalls returns how many file operations a workload takes.
func countCalls(t *testing.T, seed uint64, relaxed bool) (n int) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed, quiet)
		w.relaxed = relaxed
		for range steps {
			w.step()
			w.check("undisturbed")
		}
		w.checkRest()
		n = w.calls + w.fault.Calls()
	})
	return n
}

// eachSeed runs a test for a number of workloads, and for some whose batches are
// answered before they are synced.
func eachSeed(t *testing.T, test func(t *testing.T, seed uint64, relaxed bool, calls int)) {
	for seed := *first; seed < *first+uint64(*seeds); seed++ {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { test(t, seed, false, countCalls(t, seed, false)) })
	}
	for seed := *first; seed < *first+uint64(max(*seeds/4, 1)); seed++ {
		t.Run(fmt.Sprint("relaxed, seed=", seed), func(t *testing.T) { test(t, seed, true, countCalls(t, seed, true)) })
	}
}

// TestEveryMomentCrashes loses power at each file operation of some workloads,
// with several outcomes each, and again while what is left is opened: every
// answered batch is there afterwards, once, and every other wholly or not at all.
func TestEveryMomentCrashes(t *testing.T) {
	t.Parallel()
	eachSeed(t, func(t *testing.T, seed uint64, relaxed bool, calls int) {
		for n := 1; n <= calls; n += sweep.Step {
			for outcome := range uint64(5) {
				synctest.Test(t, func(t *testing.T) { crashOnce(t, seed, relaxed, n, outcome) })
			}
		}
	})
}

func crashOnce(t *testing.T, seed uint64, relaxed bool, n int, outcome uint64) {
	w := newWorld(t, seed, nil)
	w.relaxed = relaxed
	w.before = func(c vfs.Call) error {
		if c.N == n {
			w.crash(seed, outcome)
		}
		return nil
	}
	w.note("power goes at call %d, outcome %d", n, outcome)
	w.steps()
	w.stop(false)
	if !w.after() {
		return // this run took fewer calls
	}
	crashAgain(w, seed, n, outcome)
	w.before = quiet
	w.start()
	w.check("after the crash")
	w.works()
	w.checkRest()
}

// crashAgain opens what is left and loses power once more meanwhile.
func crashAgain(w *world, seed uint64, n int, outcome uint64) {
	at := w.calls + rand.New(rand.NewPCG(seed, uint64(n))).IntN(30) + 1
	w.note("power goes at call %d too", at)
	w.before = func(c vfs.Call) error {
		if c.N == at {
			w.crash(seed+1, outcome)
		}
		return nil
	}
	w.start()
	w.read()
	w.fold()
	w.stop(false)
	w.after()
}

// TestEveryOperationFails makes each file operation of some workloads fail once,
// in several ways: nothing answered is lost, what is refused changes nothing, and
// once the disk works again everything does.
func TestEveryOperationFails(t *testing.T) {
	t.Parallel()
	eachSeed(t, func(t *testing.T, seed uint64, relaxed bool, calls int) {
		for n := 1; n <= calls; n += sweep.Step {
			for _, failure := range []error{syscall.EIO, syscall.ENOSPC} {
				synctest.Test(t, func(t *testing.T) { failOnce(t, seed, relaxed, n, failure) })
			}
		}
	})
}

func failOnce(t *testing.T, seed uint64, relaxed bool, n int, failure error) {
	w := newWorld(t, seed, nil)
	w.relaxed = relaxed
	w.before = func(c vfs.Call) error {
		if c.N == n {
			w.failed.Store(true)
			w.note("%v %s %s fails with %v", c.Op, c.Name, c.To, failure)
			return failure
		}
		return nil
	}
	w.steps()
	<-time.After(5 * time.Minute) // until everything was tried again
	if w.failed.Load() {
		w.check("the disk works again")
		w.works()
	}
	w.stop(true)
	w.before = quiet
	w.start()
	w.check("opened again")
	w.works()
	w.checkRest()
}

// TestFailsThenCrashes makes an operation fail and then loses power, before
// anything was mended or after.
func TestFailsThenCrashes(t *testing.T) {
	t.Parallel()
	eachSeed(t, func(t *testing.T, seed uint64, relaxed bool, calls int) {
		rng := rand.New(rand.NewPCG(seed, 2))
		for n := 1; n <= calls; n += sweep.Step {
			for outcome := range uint64(3) {
				later := n + 1 + rng.IntN(20)
				synctest.Test(t, func(t *testing.T) { failThenCrash(t, seed, relaxed, n, later, outcome) })
			}
		}
	})
}

func failThenCrash(t *testing.T, seed uint64, relaxed bool, n, later int, outcome uint64) {
	w := newWorld(t, seed, nil)
	w.relaxed = relaxed
	w.cautious = true
	w.before = func(c vfs.Call) error {
		switch c.N {
		case n:
			w.failed.Store(true)
			w.note("%v %s %s fails", c.Op, c.Name, c.To)
			return syscall.EIO
		case later:
			w.crash(seed, outcome)
		}
		return nil
	}
	w.steps()
	w.stop(false)
	w.after()
	w.before = quiet
	w.start()
	w.check("after a failure and a crash")
	w.works()
	w.checkRest()
}

// TestFailedSyncIsNotTrusted: a batch whose sync failed is found again by the next
// process, in pages that the system takes for clean. Once someone has read it no
// loss of power may undo it.
func TestFailedSyncIsNotTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, quiet)
		w.works()
		w.before = func(c vfs.Call) error {
			if c.Op == "sync" {
				return syscall.EIO
			}
			return nil
		}
		if err := w.append(); sq.ErrorCode(err) != sq.Uncertain {
			t.Fatalf("a batch whose sync fails: %v, want uncertain", err)
		}
		w.stop(false)
		w.before = quiet
		w.start()
		w.check("opened again") // from here on only what was read
		w.stop(false)
		w.mem, w.fault = w.mem.CrashWith(false), nil
		w.start()
		w.check("after the loss of power")
		w.checkRest()
	})
}
