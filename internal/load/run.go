package load

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Kind is what a request did.
type Kind uint8

// The kinds.
const (
	Read Kind = iota
	Write
)

// Worker is one client.
type Worker interface {
	// Do makes one request and waits for the reply. An error says that there was
	// none, or that it was not what it has to be.
	Do(ctx context.Context) (Kind, error)
	// Close lets its connection go.
	Close()
}

// StatusError is a reply that says that a request failed.
type StatusError struct {
	Status int
	Text   string // the reply's, cut short
}

// Error gives the status and the text.
func (e *StatusError) Error() string { return "status " + strconv.Itoa(e.Status) + ": " + e.Text }

// ErrWrong is an error for a reply that says something else than it must.
var ErrWrong = errors.New("wrong reply")

// Options is how workers are to work.
type Options struct {
	// For is how long; 0: until the context ends.
	For time.Duration
	// Rate is how many requests all of them together begin in a second; 0: each
	// begins one when it has the reply to the one before. With a rate, the
	// latency of a request that had to begin late counts from when it was due.
	Rate float64
	// Progress, where it is not nil, is called several times a second with the
	// requests so far.
	Progress func(done int64, elapsed time.Duration)
}

// Sum is what became of the requests of one kind.
type Sum struct {
	// Done is how many were answered well within Elapsed.
	Done int64
	// Latency is that of all that were answered well.
	Latency Histogram
}

// Result is what a run came to.
type Result struct {
	Elapsed time.Duration
	Reads   Sum
	Writes  Sum
	// Errors counts the requests that failed, by status, such as "status 503",
	// "wrong reply", or "no reply".
	Errors map[string]int64
	// First is one of these errors; nil when there is none.
	First error
}

// Failed is how many requests failed.
func (r *Result) Failed() (n int64) {
	for _, m := range r.Errors {
		n += m
	}
	return n
}

// PerSecond is how many requests were answered well in a second.
func (r *Result) PerSecond() float64 {
	return float64(r.Reads.Done+r.Writes.Done) / r.Elapsed.Seconds()
}

// merge adds what one of the workers did.
func (r *Result) merge(other *Result) {
	for _, pair := range [][2]*Sum{{&r.Reads, &other.Reads}, {&r.Writes, &other.Writes}} {
		pair[0].Done += pair[1].Done
		pair[0].Latency.Merge(&pair[1].Latency)
	}
	for what, n := range other.Errors {
		r.Errors[what] += n
	}
	if r.First == nil {
		r.First = other.First
	}
}

func (r *Result) fail(err error) {
	what := "no reply"
	var status *StatusError
	switch {
	case errors.As(err, &status):
		what = "status " + strconv.Itoa(status.Status)
	case errors.Is(err, ErrWrong):
		what = ErrWrong.Error()
	}
	r.Errors[what]++
	if r.First == nil {
		r.First = err
	}
}

// run is the work of all workers together.
type run struct {
	options Options
	workers int
	begun   time.Time
	over    atomic.Bool
	done    []count
}

// count is the requests of one worker, apart from those of others in memory.
type count struct {
	n atomic.Int64
	_ [56]byte
}

// Run has all workers work at once until the time is over or ctx ends, and waits
// for the replies that are under way. Each makes a request beforehand that is
// not counted, so that there is a connection. The caller closes the workers.
func Run(ctx context.Context, o Options, workers []Worker) *Result {
	r := &run{options: o, workers: len(workers), done: make([]count, len(workers))}
	r.each(workers, func(_ int, w Worker) { w.Do(ctx) })
	if o.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.For)
		defer cancel()
	}
	sum := &Result{Errors: map[string]int64{}}
	parts := make([]*Result, len(workers))
	r.begun = time.Now()
	var clock sync.WaitGroup
	clock.Go(func() { sum.Elapsed = r.attend(ctx) })
	// The context that ends the run does not end the last requests.
	requests := context.WithoutCancel(ctx)
	r.each(workers, func(i int, w Worker) { parts[i] = r.work(requests, ctx.Done(), i, w) })
	clock.Wait()
	for _, part := range parts {
		sum.merge(part)
	}
	return sum
}

func (r *run) each(workers []Worker, do func(int, Worker)) {
	var all sync.WaitGroup
	for i, w := range workers {
		all.Go(func() { do(i, w) })
	}
	all.Wait()
}

// attend waits for the end, and returns how long that took.
func (r *run) attend(ctx context.Context) time.Duration {
	watch(ctx.Done(), func() {
		if r.options.Progress != nil {
			r.options.Progress(r.total(), time.Since(r.begun))
		}
	})
	r.over.Store(true)
	return time.Since(r.begun)
}

// watch calls look several times a second until the end.
func watch(end <-chan struct{}, look func()) {
	ticker := time.NewTicker(250 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-end:
			return
		case <-ticker.C:
			look()
		}
	}
}

func (r *run) total() (n int64) {
	for i := range r.done {
		n += r.done[i].n.Load()
	}
	return n
}

// work has one worker work.
func (r *run) work(ctx context.Context, end <-chan struct{}, number int, w Worker) *Result {
	part := &Result{Errors: map[string]int64{}}
	pace := r.pace(number)
	for {
		start := pace.wait(end)
		select {
		case <-end:
			return part
		default:
		}
		kind, err := w.Do(ctx)
		if err != nil {
			part.fail(err)
			rest(end)
			continue
		}
		sum := &part.Reads
		if kind == Write {
			sum = &part.Writes
		}
		sum.Latency.Add(time.Since(start))
		if !r.over.Load() {
			sum.Done++
			r.done[number].n.Add(1)
		}
	}
}

// rest lets a moment pass after a failure, so that a server that is gone is not
// called a million times.
func rest(end <-chan struct{}) {
	timer := time.NewTimer(time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-end:
	}
}

// pace is when the requests of one worker are due.
type pace struct {
	every time.Duration // 0: as soon as it can
	due   time.Time
}

func (r *run) pace(number int) *pace {
	if r.options.Rate <= 0 {
		return &pace{}
	}
	every := time.Duration(float64(r.workers) / r.options.Rate * float64(time.Second))
	return &pace{every: every, due: r.begun.Add(every * time.Duration(number) / time.Duration(r.workers))}
}

// wait waits until a request is due, and returns when its latency begins: then,
// or where it was late, when it was due. That the clock wakes a worker late does
// not count.
func (p *pace) wait(end <-chan struct{}) time.Time {
	now := time.Now()
	if p.every == 0 {
		return now
	}
	due := p.due
	p.due = due.Add(p.every)
	if !due.After(now) {
		return due
	}
	timer := time.NewTimer(due.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-end:
	}
	return time.Now()
}
