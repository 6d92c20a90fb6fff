package load

import (
	"math/bits"
	"time"
)

const (
	steps     = 64 // of a power of two: a value is known to 1.6 %
	stepBits  = 6
	mostValue = 1<<41 - 1 // nanoseconds, about 37 minutes; longer ones count as that
)

// Histogram counts durations. The zero Histogram is empty.
type Histogram struct {
	counts [(41 - stepBits + 1) * steps]uint64
	n      uint64
	max    time.Duration
}

// bucket returns where a value is counted: below 64 each has its own, and from
// there each power of two is cut into 64.
func bucket(v uint64) int {
	shift := max(bits.Len64(v)-stepBits-1, 0)
	return shift<<stepBits + int(v>>shift)
}

// most returns the largest value of a bucket.
func most(bucket int) uint64 {
	if bucket < 2*steps {
		return uint64(bucket)
	}
	shift := bucket>>stepBits - 1
	return uint64(bucket-shift<<stepBits+1)<<shift - 1
}

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucket(uint64(min(max(d, 0), mostValue)))]++
	h.n++
	h.max = max(h.max, d)
}

// Merge adds what another histogram has.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.n += other.n
	h.max = max(h.max, other.max)
}

// Count is the number of durations.
func (h *Histogram) Count() uint64 { return h.n }

// Max is the longest duration.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile returns the duration that a share q of all do not exceed, 1.6 % too
// long at the most; 0 where there are none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank, seen := uint64(q*float64(h.n)), uint64(0)
	for i, n := range h.counts {
		if seen += n; n > 0 && (seen > rank || seen == h.n) {
			return min(time.Duration(most(i)), h.max)
		}
	}
	return 0
}
