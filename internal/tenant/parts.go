package tenant

import (
	"runtime"
	"sync"
)

// partLeast is how many pieces of work are worth a goroutine.
const partLeast = 500

// inParts calls do for the parts of the numbers from 0 up to n, which together are
// all of them, each on a processor of its own, and waits for all.
func inParts(n int, do func(from, to int)) {
	parts := min(runtime.GOMAXPROCS(0), n/partLeast+1)
	var all sync.WaitGroup
	for i := range parts {
		all.Go(func() { do(n*i/parts, n*(i+1)/parts) })
	}
	all.Wait()
}
