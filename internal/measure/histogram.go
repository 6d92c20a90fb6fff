// Package measure counts how often values fall between fixed bounds, from many
// goroutines at once, without a lock and without an allocation. Who shows the
// counts to people is another's affair: this package knows no format.
package measure

import (
	"sync/atomic"
	"time"
)

// Histogram counts values. Goroutines share it. It must be made by New.
type Histogram struct {
	bounds []int64 // rising; never changed
	counts []atomic.Uint64
	sum    atomic.Int64
}

// New returns a histogram that counts how many values are at most each of the
// bounds, which must rise, and how many are above them all. What it counts has one
// unit, that of the bounds.
func New(bounds ...int64) *Histogram {
	return &Histogram{bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
}

// Durations returns a histogram with bounds of time. It counts nanoseconds.
func Durations(bounds ...time.Duration) *Histogram {
	n := make([]int64, len(bounds))
	for i, b := range bounds {
		n[i] = int64(b)
	}
	return New(n...)
}

// Add counts a value. It costs a look at each bound below the value and two atomic
// additions.
func (h *Histogram) Add(value int64) {
	i := 0
	for i < len(h.bounds) && value > h.bounds[i] {
		i++
	}
	h.counts[i].Add(1)
	h.sum.Add(value)
}

// Counts is what a histogram had counted by some moment.
type Counts struct {
	Bounds []int64  // rising; shared, and not to be changed
	UpTo   []uint64 // for each bound, how many values were at most that
	All    uint64   // how many values there were
	Sum    int64    // of all values
}

// Counts returns what was counted. Values that are added meanwhile are in it or
// not; All is never less than the last of UpTo.
func (h *Histogram) Counts() Counts {
	c := Counts{Bounds: h.bounds, UpTo: make([]uint64, len(h.bounds)), Sum: h.sum.Load()}
	for i := range h.counts {
		c.All += h.counts[i].Load()
		if i < len(c.UpTo) {
			c.UpTo[i] = c.All
		}
	}
	return c
}
