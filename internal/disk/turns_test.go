package disk

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// left returns how many are free and wait once all is done that is due.
func (t *turns) left() (free, waiting int) {
	synctest.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.free, len(t.waiting)
}

// TestTurns: they come in their order, as many at once as may be, and after each is a
// rest of two of it, or of turnRest, where batches were written meanwhile.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		groups := uint64(0)
		turns, began := &turns{free: 2, groups: func() uint64 { groups++; return groups }}, time.Now()
		came := func(x *turn) string {
			<-x.came
			return time.Since(began).String()
		}
		var all []*turn
		for range 6 {
			all = append(all, turns.join())
		}
		for _, i := range []int{3, 2} { // the second of those who wait, and the first
			turns.leave(all[i])
			all[i] = nil
		}
		all = slices.DeleteFunc(all, func(x *turn) bool { return x == nil })
		all = append(all, turns.join())
		check := func(i int, want string) {
			t.Helper()
			if got := came(all[i]); got != want {
				t.Errorf("turn %d came after %s, want %s", i, got, want)
			}
		}
		check(0, "0s")
		check(1, "0s")
		time.Sleep(10 * time.Millisecond)
		turns.leave(all[0])
		check(2, "30ms")
		time.Sleep(10 * time.Millisecond)
		turns.leave(all[1]) // after 40 ms, so it rests for 80
		turns.leave(all[2]) // after 10 ms, so it rests for 20
		check(3, "60ms")
		check(4, "120ms")
		time.Sleep(9 * time.Second)
		turns.leave(all[3])
		turns.leave(all[4])
		all = append(all, turns.join(), turns.join(), turns.join())
		check(5, "10.12s")
		check(6, "10.12s")
		check(7, "20.12s") // two are late
		for _, x := range all[5:] {
			turns.leave(x)
		}
		time.Sleep(turnRest)
		turns.groups = func() uint64 { return 7 }
		last := turns.join()
		time.Sleep(time.Minute)
		turns.leave(last)
		if free, waiting := turns.left(); free != 2 || waiting != 0 {
			t.Errorf("%d are free, %d wait", free, waiting)
		}
	})
}

// TestCheckpointsTakeTurns: small phexts are folded one after the other, with all that
// was written while they waited. Who cannot wait does not, and who needs no turn any
// more, or is closed, leaves it to others.
func TestCheckpointsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const phexts, rounds = 40, 5
		mem := vfs.NewMem()
		e := inMemory(mem, Options{})
		e.turns.free = 1
		s := e.Store("dir")
		name := func(i int) sq.PhextName { return sq.PhextName(fmt.Sprintf("notes-%d", i)) }
		put := func(i, n int, text []byte) {
			if _, err := s.Apply(background, name(i), sq.Batch{{Kind: sq.Put, Coordinate: nth(n), Text: text}}); err != nil {
				t.Fatal(err)
			}
		}
		check := func(when string, most time.Duration, checkpoints uint64, wantFree, wantWaiting int) {
			t.Helper()
			time.Sleep(most)
			free, waiting := e.turns.left()
			if n := e.Stats().Checkpoints.Counts().All; n != checkpoints || free != wantFree || waiting != wantWaiting {
				t.Errorf("%s: %d checkpoints, %d turns are free, %d wait", when, n, free, waiting)
			}
		}
		busy := e.turns.join() // for a checkpoint that takes long
		for n := range rounds {
			for i := range phexts {
				put(i, n, []byte("text"))
			}
			check("while another has the turn", time.Second, 0, 0, phexts)
		}
		h, err := s.(*Store).pinned(background, name(0))
		if err != nil {
			t.Fatal(err)
		}
		h.do(func() {
			if !h.segment.covered {
				t.Error("damage to the last batch of who waits looks like a torn end")
			}
		})
		h.unpin()
		put(phexts, 0, make([]byte, journalLeast))
		check("a long journal", time.Second, 1, 0, phexts)
		if err := s.Replace(background, name(0), strings.NewReader(strings.Repeat("text\x17", rounds))); err != nil {
			t.Error(err)
		}
		check("one that was replaced", time.Second, 2, 0, phexts-1)
		put(1, 0, []byte("text"))
		e.turns.leave(busy)
		check("all", turnRest+2*time.Second, phexts+1, 1, 0)
		e.turns.join()
		put(1, rounds, []byte("text"))
		check("one more", time.Second, phexts+1, 0, 1)
		if err := e.Close(background); err != nil {
			t.Error(err)
		}
		check("closed", 0, phexts+2, 0, 0)
		for i := range phexts {
			text, err := mem.ReadFile(string(name(i)) + suffix)
			if n := bytes.Count(text, []byte("text")); err != nil || n < rounds {
				t.Errorf("phext %d has %d scrolls, %v", i, n, err)
			}
		}
	})
}
