package load_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/wbic16/sq-go/internal/load"
)

// TestQuantiles compares with sorted values: never less, and 1.6 % more at most.
func TestQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var whole, half load.Histogram
	var values []time.Duration
	for i := range 20_000 {
		d := time.Duration(random.Uint64() >> (24 + random.IntN(40)))
		values = append(values, d)
		if i%2 == 0 {
			half.Add(d)
		} else {
			whole.Add(d)
		}
	}
	whole.Merge(&half)
	slices.Sort(values)
	for _, q := range []float64{0, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 1} {
		want := values[min(int(q*float64(len(values))), len(values)-1)]
		if got := whole.Quantile(q); got < want || float64(got) > float64(want)*(1+1.0/64) {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if whole.Count() != 20_000 || whole.Max() != values[len(values)-1] {
		t.Errorf("%d values up to %v", whole.Count(), whole.Max())
	}
}

func TestHistogramOfNothing(t *testing.T) {
	var h load.Histogram
	if h.Quantile(0.5) != 0 || h.Max() != 0 || h.Count() != 0 {
		t.Error("there is something in an empty histogram")
	}
	h.Add(-1)
	h.Add(1 << 62)
	if h.Quantile(0) != 0 || h.Max() != 1<<62 {
		t.Errorf("%v to %v", h.Quantile(0), h.Max())
	}
}
