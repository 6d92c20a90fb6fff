package tenant

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// TestInParts: every number is in one part, however many parts there are.
func TestInParts(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	for _, n := range []int{0, 1, partLeast - 1, partLeast, 2*partLeast + 1, 10*partLeast + 7} {
		seen := make([]atomic.Int32, n)
		inParts(n, func(from, to int) {
			for i := from; i < to; i++ {
				seen[i].Add(1)
			}
		})
		for i := range seen {
			if times := seen[i].Load(); times != 1 {
				t.Fatalf("of %d: %d is in %d parts", n, i, times)
			}
		}
	}
}
