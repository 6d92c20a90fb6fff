package storetest

import (
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// Model is a store in memory over plain maps: obviously right rather than fast.
// It forgets everything when it is closed.
type Model struct {
	mu     sync.Mutex // guards what follows
	phexts map[sq.PhextName]*modelPhext
	closed bool
	signal chan struct{} // closed, and replaced, at each change
}

type modelPhext struct {
	exists   bool
	state    State
	sequence uint64
	changes  []sq.Change
	high     map[phext.Coordinate]int // by section: the highest scroll that append-next gave
}

var _ sq.Store = (*Model)(nil)

const modelEpoch = 1

var errClosed = sq.Errorf(sq.Closed, "the store is closed")

// NewModel returns an empty store.
func NewModel() *Model {
	return &Model{phexts: map[sq.PhextName]*modelPhext{}, signal: make(chan struct{})}
}

// Forgets tells the suite that what it held is gone after Close.
func (m *Model) Forgets() {}

// openLocked returns a phext, made up where there is none.
func (m *Model) openLocked(name sq.PhextName) (*modelPhext, error) {
	if m.closed {
		return nil, errClosed
	}
	p := m.phexts[name]
	if p == nil {
		p = &modelPhext{state: State{}, high: map[phext.Coordinate]int{}}
		m.phexts[name] = p
	}
	return p, nil
}

// List is described at sq.Store.
func (m *Model) List(context.Context) (names []sq.PhextName, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errClosed
	}
	for name, p := range m.phexts {
		if p.exists {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Snapshot is described at sq.Store.
func (m *Model) Snapshot(_ context.Context, name sq.PhextName) (sq.Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := m.openLocked(name)
	if err != nil {
		return nil, err
	}
	return &modelSnapshot{p.exists, maps.Clone(p.state), sq.Position{Epoch: modelEpoch, Sequence: p.sequence}}, nil
}

// Apply is described at sq.Store.
func (m *Model) Apply(_ context.Context, name sq.PhextName, batch sq.Batch) ([]sq.Result, error) {
	for i, op := range batch {
		if err := op.Check(); err != nil {
			return nil, &sq.OpError{Index: i, Err: err}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := m.openLocked(name)
	if err != nil {
		return nil, err
	}
	next := &modelPhext{true, maps.Clone(p.state), p.sequence + 1, slices.Clone(p.changes), maps.Clone(p.high)}
	var results []sq.Result
	for i, op := range batch {
		result, err := next.do(op)
		if err != nil {
			return nil, &sq.OpError{Index: i, Err: err}
		}
		results = append(results, result)
	}
	if len(next.changes) > len(p.changes) {
		*p = *next
		m.tellLocked()
	}
	return results, nil
}

func (m *Model) tellLocked() {
	close(m.signal)
	m.signal = make(chan struct{})
}

// do carries out one operation.
func (p *modelPhext) do(op sq.Op) (sq.Result, error) {
	c, err := p.place(op)
	if err != nil {
		return sq.Result{}, err
	}
	before, there := p.state[c]
	ok, err := op.If.Holds(there, func() (phext.Checksum, error) { return phext.Sum([]byte(before)), nil })
	if err != nil || !ok {
		return sq.Result{}, errors.Join(err, sq.Errorf(sq.Precondition, "the condition does not hold"))
	}
	after := string(op.Text)
	switch op.Kind {
	case sq.Append:
		after = before + after
	case sq.Delete:
		after = ""
	}
	if after != "" || before != "" {
		p.change(op, c, after)
	}
	return sq.Result{Coordinate: c, Before: int64(len(before)), After: int64(len(after))}, nil
}

func (p *modelPhext) change(op sq.Op, c phext.Coordinate, after string) {
	change := sq.Change{Position: sq.Position{Epoch: modelEpoch, Sequence: p.sequence}, Coordinate: c, Kind: sq.Updated}
	switch {
	case after == "":
		change.Kind = sq.Deleted
		delete(p.state, c)
	case op.Kind == sq.Append && len(op.Text) == 0:
		return
	case op.Kind == sq.Append:
		change.Kind = sq.Inserted
	}
	if after != "" {
		p.state[c] = after
		change.Bytes, change.Checksum = int64(len(op.Text)), phext.Sum(op.Text)
	}
	p.changes = append(p.changes, change)
}

// place is where an operation goes.
func (p *modelPhext) place(op sq.Op) (phext.Coordinate, error) {
	if op.Kind != sq.AppendNext {
		return op.Coordinate, nil
	}
	for s := op.Coordinate.Component(7); s <= phext.MaxComponent; s++ {
		section := op.Coordinate.With(7, s).With(8, 1)
		last := p.high[section]
		for c := range p.state {
			if c.With(8, 1) == section {
				last = max(last, c.Component(8))
			}
		}
		if last < phext.MaxComponent {
			p.high[section] = last + 1
			return section.With(8, last+1), nil
		}
	}
	return op.Coordinate, sq.Errorf(sq.Conflict, "no place is left")
}

// Replace is described at sq.Store.
func (m *Model) Replace(_ context.Context, name sq.PhextName, r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return sq.Wrap(err, sq.Invalid, "read the phext")
	}
	state, err := phext.Explode(string(text))
	if err != nil || !phext.ValidUTF8(text) {
		return sq.Errorf(sq.Invalid, "no phext")
	}
	return m.reset(name, func(p *modelPhext) error {
		p.exists, p.state = true, state
		return nil
	})
}

// Drop is described at sq.Store.
func (m *Model) Drop(_ context.Context, name sq.PhextName) error {
	return m.reset(name, func(p *modelPhext) error {
		if !p.exists {
			return sq.Errorf(sq.NotFound, "there is no phext %q", name)
		}
		p.exists, p.state = false, State{}
		return nil
	})
}

// reset changes a phext as a whole.
func (m *Model) reset(name sq.PhextName, change func(*modelPhext) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := m.openLocked(name)
	if err != nil {
		return err
	}
	if err := change(p); err != nil {
		return err
	}
	p.sequence++
	p.changes = append(p.changes, sq.Change{Position: sq.Position{Epoch: modelEpoch, Sequence: p.sequence}, Kind: sq.Reset})
	m.tellLocked()
	return nil
}

// Refresh is described at sq.Store.
func (m *Model) Refresh(_ context.Context, name sq.PhextName) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.openLocked(name)
	return err
}

// Watch is described at sq.Store. All changes are kept.
func (m *Model) Watch(ctx context.Context, name sq.PhextName, under phext.Pattern, after sq.Position) iter.Seq2[sq.Change, error] {
	return func(yield func(sq.Change, error) bool) {
		for first := true; ; first = false {
			found, signal, err := m.changes(name, &after, first)
			if err != nil {
				yield(sq.Change{}, err)
				return
			}
			if len(found) > 0 {
				after = found[len(found)-1].Position
			}
			found = slices.DeleteFunc(found, func(c sq.Change) bool { return c.Kind != sq.Reset && !under.Matches(c.Coordinate) })
			for i, c := range found {
				c.More = i+1 < len(found) && found[i+1].Position == c.Position
				if !yield(c, nil) {
					return
				}
			}
			select {
			case <-signal:
			case <-ctx.Done():
				return
			}
		}
	}
}

// changes returns those behind a position, and what is closed at the next one.
func (m *Model) changes(name sq.PhextName, after *sq.Position, first bool) ([]sq.Change, <-chan struct{}, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := m.openLocked(name)
	if err != nil {
		return nil, nil, err
	}
	now := sq.Position{Epoch: modelEpoch, Sequence: p.sequence}
	switch {
	case first && *after == sq.Position{}:
		*after = now
	case first && (after.Epoch != modelEpoch || after.Sequence > now.Sequence):
		return []sq.Change{{Position: now, Kind: sq.Reset}}, m.signal, nil
	}
	i := slices.IndexFunc(p.changes, func(c sq.Change) bool { return c.Position.Sequence > after.Sequence })
	if i < 0 {
		return nil, m.signal, nil
	}
	return slices.Clone(p.changes[i:]), m.signal, nil
}

// Close is described at sq.Store.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.closed = true
		m.tellLocked()
	}
	return nil
}

// modelSnapshot is a copy.
type modelSnapshot struct {
	exists   bool
	state    State
	position sq.Position
}

func (s *modelSnapshot) Exists() bool          { return s.exists }
func (s *modelSnapshot) Err() error            { return nil }
func (s *modelSnapshot) Position() sq.Position { return s.position }
func (s *modelSnapshot) Scrolls() int          { return len(s.state) }
func (s *modelSnapshot) Size() int64           { return int64(len(phext.Implode(s.state))) }
func (s *modelSnapshot) Close()                {}

func (s *modelSnapshot) Has(c phext.Coordinate) (int64, bool) {
	text, ok := s.state[c]
	return int64(len(text)), ok
}

func (s *modelSnapshot) Get(dst []byte, c phext.Coordinate) ([]byte, bool, error) {
	text, ok := s.state[c]
	return append(dst, text...), ok, nil
}

func (s *modelSnapshot) Scan(from, to phext.Coordinate) iter.Seq2[sq.Scroll, error] {
	return func(yield func(sq.Scroll, error) bool) {
		for _, c := range slices.SortedFunc(maps.Keys(s.state), phext.Coordinate.Compare) {
			if !c.Less(from) && !to.Less(c) && !yield(sq.Scroll{Coordinate: c, Text: []byte(s.state[c])}, nil) {
				return
			}
		}
	}
}

func (s *modelSnapshot) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, strings.NewReader(phext.Implode(s.state)))
}

func (s *modelSnapshot) Checksum() (phext.Checksum, error) {
	return phext.Sum([]byte(phext.Implode(s.state))), nil
}
