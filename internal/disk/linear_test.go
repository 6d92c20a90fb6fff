package disk

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/storetest"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// TestLinearizable has many goroutines read and write a few scrolls at once, with
// conditions and without, while checkpoints are made, and loses power under them
// again and again. Each scroll must be as if all that was answered had happened one
// after another, each at a moment while its caller waited, and what was not answered
// before the power went, or never.
func TestLinearizable(t *testing.T) {
	var histories []*storetest.History
	for seed := *first; seed < *first+uint64(10**seeds); seed++ {
		synctest.Test(t, func(t *testing.T) {
			l := &linear{t: t, rng: rand.New(rand.NewPCG(seed, 5)), seed: seed, mem: vfs.NewMem(), state: storetest.State{}}
			for range 3 {
				histories = append(histories, l.history())
			}
		})
		for _, h := range histories[len(histories)-3:] { // outside the bubble, for time to pass
			for _, at := range h.Check() {
				t.Fatalf("seed %d: %v is not linearizable\n%s", seed, at, h.Describe(at, 50))
			}
		}
	}
	operations := 0
	for _, h := range histories {
		operations += h.Len()
	}
	t.Logf("%d operations in %d histories with a loss of power each", operations, len(histories))
	t.Run("a stale read is found", func(t *testing.T) {
		planted := storetest.PlantStale(histories, rand.New(rand.NewPCG(*first, 6)), 2000)
		if len(planted) == 0 {
			t.Error("there is no stale read to be found")
		}
		for n, h := range planted {
			if len(h.Check()) == 0 {
				t.Errorf("the stale read in history %d of %d is not found", n, len(planted))
			}
		}
	})
}

// linear is a directory in memory whose power goes again and again.
type linear struct {
	t     *testing.T
	rng   *rand.Rand
	seed  uint64
	mem   *vfs.Mem
	store *Store
	state storetest.State // when the last history had ended
	texts atomic.Int64    // counts what was written, so that no text is twice
	gone  atomic.Bool     // the power: nobody hears an answer any more
}

// history makes a history that the loss of power ends.
func (l *linear) history() *storetest.History {
	mem := l.mem
	e := New(Options{Open: func(string) (vfs.FS, error) { return vfs.NewFault(mem, slowly), nil }})
	l.store = e.Store("dir").(*Store)
	h := storetest.NewHistory(l.state)
	scrolls, most := 1+l.rng.IntN(4), int64(20+l.rng.IntN(600))
	var all sync.WaitGroup
	var begun atomic.Int64
	enough := make(chan struct{})
	for n := range 2 + scrolls + l.rng.IntN(3) {
		c := &linearCaller{linear: l, history: h, number: n, scrolls: scrolls, rng: rand.New(rand.NewPCG(l.rng.Uint64(), 7))}
		all.Go(func() {
			for c.step() {
				if begun.Add(1) == most {
					close(enough)
				}
			}
		})
	}
	<-enough
	l.gone.Store(true)
	l.mem = crashed(mem, l.rng)
	all.Wait()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	e.Close(ended)
	l.gone.Store(false)
	h.Settle()
	l.finish(h)
	return h
}

// slowly lets a sync take its time, in which others go on.
func slowly(c vfs.Call) error {
	if c.Op == "sync" {
		<-time.After(time.Millisecond)
	}
	return nil
}

// crashed loses all that was not synced, nothing, or some of it.
func crashed(mem *vfs.Mem, rng *rand.Rand) *vfs.Mem {
	if n := rng.IntN(4); n < 2 {
		return mem.CrashWith(n == 1)
	}
	return mem.Crash(rng)
}

// finish reads what is left.
func (l *linear) finish(h *storetest.History) {
	e := New(Options{Open: func(string) (vfs.FS, error) { return l.mem, nil }})
	defer e.Close(context.Background())
	l.store = e.Store("dir").(*Store)
	c := &linearCaller{linear: l, history: h}
	l.state = storetest.State{}
	for n := range 4 {
		if !c.read(n) {
			l.t.Fatalf("seed %d: scroll %d cannot be read", l.seed, n)
		}
		if c.known[n] != "" {
			l.state[nth(n)] = c.known[n]
		}
	}
}

// linearCaller does one thing after another, and writes down what came of it.
type linearCaller struct {
	*linear
	history *storetest.History
	number  int
	scrolls int
	rng     *rand.Rand
	known   [4]string // what was read last
}

// step does one thing; false when it was not answered.
func (c *linearCaller) step() bool {
	n := c.rng.IntN(c.scrolls)
	switch kind := c.rng.IntN(100); {
	case kind < 40:
		return c.read(n)
	case kind < 42:
		<-time.After(time.Duration(c.rng.IntN(500)) * time.Millisecond) // of the bubble: for a checkpoint at a pause
		return true
	case kind < 44:
		c.fold()
		return true
	case kind < 66:
		return c.write(sq.Append, n)
	case kind < 93:
		return c.write(sq.Put, n)
	}
	return c.write(sq.Delete, n)
}

// fold makes a checkpoint.
func (c *linearCaller) fold() {
	h, err := c.store.pinned(context.Background(), "notes")
	if err != nil {
		return // the power went
	}
	defer h.unpin()
	h.checkpoint(context.Background())
}

// read reads a scroll.
func (c *linearCaller) read(n int) bool {
	call := c.history.Begin(c.number, sq.Op{Coordinate: nth(n)})
	text, err := c.get(nth(n))
	c.known[n], call.Text = text, text
	return c.end(call, err)
}

// end writes down an answer; false when nobody heard it. Answers count only if
// they came before the power went.
func (c *linearCaller) end(call *storetest.Call, err error) bool {
	outcome := storetest.Done
	switch {
	case c.gone.Load(), err != nil && sq.ErrorCode(err) != sq.Precondition:
		outcome = storetest.Open
	case err != nil:
		outcome = storetest.Refused
	}
	c.history.End(call, outcome)
	return outcome != storetest.Open
}

func (c *linearCaller) get(at phext.Coordinate) (string, error) {
	snapshot, err := c.store.Snapshot(context.Background(), "notes")
	if err != nil {
		return "", err
	}
	defer snapshot.Close()
	text, _, err := snapshot.Get(nil, at)
	return string(text), err
}

// write changes a scroll, in every other case only if it is as expected.
func (c *linearCaller) write(kind sq.Kind, n int) bool {
	op := sq.Op{Kind: kind, Coordinate: nth(n)}
	switch c.rng.IntN(8) {
	case 0, 1, 2:
		op.If = sq.IfMatches(phext.Sum([]byte(c.known[n])))
	case 3:
		op.If = sq.IfAbsent
	case 4:
		op.If = sq.IfExists
	}
	if kind != sq.Delete {
		op.Text = fmt.Appendf(nil, "<%d>", c.texts.Add(1))
	}
	call := c.history.Begin(c.number, op)
	results, err := c.store.Apply(context.Background(), "notes", sq.Batch{op})
	if err == nil {
		call.Before = results[0].Before
	}
	if kind == sq.Put && err == nil {
		c.known[n] = string(op.Text)
	}
	return c.end(call, err)
}
