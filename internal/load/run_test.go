package load_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wbic16/sq-go/internal/load"
)

// sleeper is a worker whose requests take some time, and fail in turn.
type sleeper struct {
	takes  time.Duration
	kinds  []load.Kind
	errors []error
	n      int
}

func (s *sleeper) Do(context.Context) (load.Kind, error) {
	time.Sleep(s.takes)
	s.n++
	return s.kinds[s.n%len(s.kinds)], s.errors[s.n%len(s.errors)]
}

func (s *sleeper) Close() {}

func sleepers(n int, s sleeper) (all []load.Worker) {
	for range n {
		one := s
		all = append(all, &one)
	}
	return all
}

func TestRunCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		workers := sleepers(4, sleeper{takes: 8 * time.Millisecond, kinds: []load.Kind{load.Read, load.Write, load.Write}, errors: []error{nil}})
		r := load.Run(t.Context(), load.Options{For: 1201 * time.Millisecond}, workers)
		if r.Reads.Done != 4*50 || r.Writes.Done != 4*100 || r.Elapsed != 1201*time.Millisecond || r.Failed() != 0 {
			t.Errorf("%d reads and %d writes in %v, %v", r.Reads.Done, r.Writes.Done, r.Elapsed, r.Errors)
		}
		if r.Writes.Latency.Quantile(0.5) != 8*time.Millisecond || r.Reads.Latency.Max() != 8*time.Millisecond {
			t.Errorf("a read took %v, a write %v", r.Reads.Latency.Max(), r.Writes.Latency.Quantile(0.5))
		}
	})
}

func TestRunCountsErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errs := []error{nil, &load.StatusError{Status: 503}, fmt.Errorf("x: %w", load.ErrWrong), errors.New("gone")}
		workers := sleepers(1, sleeper{takes: 10 * time.Millisecond, kinds: []load.Kind{load.Read}, errors: errs})
		// Each fourth succeeds; after the others there is a pause of 1 ms.
		r := load.Run(t.Context(), load.Options{For: 430*time.Millisecond - 1}, workers)
		want := map[string]int64{"status 503": 10, "wrong reply": 10, "no reply": 10}
		if r.Reads.Done != 10 || !maps.Equal(r.Errors, want) || r.First == nil {
			t.Errorf("%d well, %v, %v", r.Reads.Done, r.Errors, r.First)
		}
	})
}

func TestRunKeepsARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		workers := sleepers(4, sleeper{takes: 10 * time.Millisecond, kinds: []load.Kind{load.Read}, errors: []error{nil}})
		r := load.Run(t.Context(), load.Options{For: time.Second, Rate: 100}, workers)
		if r.Reads.Done < 98 || r.Reads.Done > 100 || r.Reads.Latency.Max() != 10*time.Millisecond {
			t.Errorf("%d at a rate of 100, up to %v", r.Reads.Done, r.Reads.Latency.Max())
		}
		// One worker that answers 50 a second at the most, asked for 100: what waits
		// for its turn is late, and that counts.
		slow := sleepers(1, sleeper{takes: 20 * time.Millisecond, kinds: []load.Kind{load.Read}, errors: []error{nil}})
		r = load.Run(t.Context(), load.Options{For: time.Second, Rate: 100}, slow)
		if max := r.Reads.Latency.Max(); max < 500*time.Millisecond {
			t.Errorf("requests that waited half a second took %v", max)
		}
	})
}

// TestRunEnds: the end of the context is the end of the run, and progress was told.
func TestRunEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second+1)
		defer cancel()
		var told []int64
		workers := sleepers(2, sleeper{takes: 10 * time.Millisecond, kinds: []load.Kind{load.Write}, errors: []error{nil}})
		r := load.Run(ctx, load.Options{Progress: func(done int64, _ time.Duration) { told = append(told, done) }}, workers)
		if r.Writes.Done < 196 || r.Writes.Done > 200 || len(told) < 3 || told[0] < 40 {
			t.Errorf("%d in a second, told %v", r.Writes.Done, told)
		}
	})
}
