package storetest

import (
	"context"
	"io"
	"iter"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// broken are stores that each break one promise. The suite must find each out.
var broken = map[string]func(*Model) sq.Store{
	"half a batch stays":                func(m *Model) sq.Store { return halfBatch{m} },
	"an append is lost now and then":    func(m *Model) sq.Store { return &losesAppends{Model: m} },
	"a snapshot is of a moment ago":     func(m *Model) sq.Store { return &stale{Model: m} },
	"a snapshot counts wrongly":         func(m *Model) sq.Store { return counts{m} },
	"a watcher misses a change":         func(m *Model) sq.Store { return deaf{m} },
	"conditions are not looked at":      func(m *Model) sq.Store { return careless{m} },
	"a position is that of two moments": func(m *Model) sq.Store { return still{m} },
	"append-next takes a place of once": func(m *Model) sq.Store { return forgetful{m} },
}

const brokenVariable = "SQ_STORETEST_BROKEN"

// TestBroken runs the suite on each broken store, in a process of its own since
// it is to fail.
func TestBroken(t *testing.T) {
	if name := os.Getenv(brokenVariable); name != "" {
		Run(t, func(*testing.T) Place { return brokenPlace(name) })
		return
	}
	for name := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(os.Args[0], "-test.run=^TestBroken$", "-test.failfast", "-test.timeout=60s")
			cmd.Env = append(os.Environ(), brokenVariable+"="+name)
			if out, err := cmd.CombinedOutput(); err == nil {
				t.Errorf("the suite finds nothing wrong:\n%s", out)
			}
		})
	}
}

type brokenPlace string

func (p brokenPlace) Open(*testing.T) sq.Store { return broken[string(p)](NewModel()) }

type halfBatch struct{ *Model }

func (s halfBatch) Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) (all []sq.Result, err error) {
	for _, op := range batch {
		results, err := s.Model.Apply(ctx, name, sq.Batch{op})
		if err != nil {
			return nil, err
		}
		all = append(all, results...)
	}
	return all, nil
}

type losesAppends struct {
	*Model
	n atomic.Int64
}

func (s *losesAppends) Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) ([]sq.Result, error) {
	if len(batch) > 0 && batch[0].Kind == sq.Append && s.n.Add(1)%50 == 0 {
		return make([]sq.Result, len(batch)), nil
	}
	return s.Model.Apply(ctx, name, batch)
}

type stale struct {
	*Model
	last atomic.Pointer[sq.Snapshot]
}

func (s *stale) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	now, err := s.Model.Snapshot(ctx, name)
	if before := s.last.Swap(&now); before != nil && *before != nil {
		return *before, err
	}
	return now, err
}

type counts struct{ *Model }

func (s counts) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	now, err := s.Model.Snapshot(ctx, name)
	return wrongSize{now}, err
}

type wrongSize struct{ sq.Snapshot }

func (s wrongSize) Size() int64 { return s.Snapshot.Size() + int64(s.Scrolls()/3) }

type deaf struct{ *Model }

func (s deaf) Watch(ctx context.Context, name sq.PhextName, under phext.Pattern, after sq.Position) iter.Seq2[sq.Change, error] {
	return func(yield func(sq.Change, error) bool) {
		n := 0
		for c, err := range s.Model.Watch(ctx, name, under, after) {
			if n++; n != 2 && !yield(c, err) {
				return
			}
		}
	}
}

type careless struct{ *Model }

func (s careless) Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) ([]sq.Result, error) {
	var free sq.Batch
	for _, op := range batch {
		op.If = sq.Condition{}
		free = append(free, op)
	}
	return s.Model.Apply(ctx, name, free)
}

type forgetful struct{ *Model }

func (s forgetful) Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) ([]sq.Result, error) {
	s.mu.Lock()
	if p := s.phexts[name]; p != nil {
		clear(p.high)
	}
	s.mu.Unlock()
	return s.Model.Apply(ctx, name, batch)
}

type still struct{ *Model }

func (s still) Replace(ctx context.Context, name sq.PhextName, r io.Reader) error {
	err := s.Model.Replace(ctx, name, r)
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.phexts[name]; p != nil && err == nil {
		p.sequence--
	}
	return err
}
