package measure

import (
	"slices"
	"sync"
	"testing"
	"time"
)

func TestBounds(t *testing.T) {
	h := New(1, 10, 100)
	for _, v := range []int64{-5, 0, 1, 2, 10, 11, 100, 101, 1 << 40} {
		h.Add(v)
	}
	got := h.Counts()
	if want := []uint64{3, 5, 7}; !slices.Equal(got.UpTo, want) || got.All != 9 || got.Sum != 220+1<<40 {
		t.Errorf("counts %+v, want %v, 9 in all", got, want)
	}
	if got := Durations(time.Millisecond).Counts(); got.Bounds[0] != 1e6 || got.All != 0 {
		t.Errorf("an empty one has %+v", got)
	}
}

// TestTogether: nothing is lost, and no look finds fewer in all than below a bound.
func TestTogether(t *testing.T) {
	const each = 10000
	h := New(10, 20)
	var adders sync.WaitGroup
	for range 4 {
		adders.Go(func() {
			for i := range int64(each) {
				h.Add(i % 30)
			}
		})
	}
	for range 1000 {
		if c := h.Counts(); c.UpTo[0] > c.UpTo[1] || c.UpTo[1] > c.All {
			t.Fatalf("counts %+v", c)
		}
	}
	adders.Wait()
	if c := h.Counts(); c.All != 4*each {
		t.Errorf("%d counted, want %d", c.All, 4*each)
	}
}

func TestAddAllocatesNothing(t *testing.T) {
	h := Durations(time.Microsecond, time.Second)
	if n := testing.AllocsPerRun(100, func() { h.Add(12345) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	h := Durations(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, time.Second)
	for b.Loop() {
		h.Add(2000)
	}
}
