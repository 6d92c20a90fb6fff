package storetest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// Run holds an engine to the contract of sq.Store. place returns a fresh place
// each time.
func Run(t *testing.T, place func(t *testing.T) Place) {
	for _, c := range []struct {
		name string
		test func(*bench)
	}{
		{"what is not there is empty, and reading makes nothing", nothing},
		{"operations do what they say", operations},
		{"a batch is done whole or not at all", wholeOrNot},
		{"conditions", conditions},
		{"what changes nothing leaves no trace", noTrace},
		{"append-next gives a place once", appendNext},
		{"a snapshot never changes", snapshots},
		{"scan has both ends", scans},
		{"all coordinates, large texts, many scrolls", extremes},
		{"replace", replace},
		{"drop", drop},
		{"list is sorted", list},
		{"watch tells changes in order", watch},
		{"watch resumes, or says that it cannot", watchResumes},
		{"watch by pattern", watchPattern},
		{"closing ends watches", watchEnds},
		{"writers do not lose each other's work", writers},
		{"readers see whole batches", readers},
		{"what was answered is there after closing", reopen},
		{"a closed store says so", closedStore},
		{"it does what the model does", random},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &bench{t: t, place: place(t)}
			b.open()
			c.test(b)
			if err := b.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

// bench is a store under test, with the phext "notes".
type bench struct {
	sq.Store
	t     *testing.T
	place Place
}

const notes sq.PhextName = "notes"

var (
	ctx = context.Background()
	one = phext.First
	two = phext.First.With(8, 2)
	far = phext.At(999, 999, 999, 999, 999, 999, 999, 999, 999)
)

func (b *bench) open() { b.Store = b.place.Open(b.t) }

func (b *bench) reopen() {
	b.t.Helper()
	if err := b.Close(); err != nil {
		b.t.Fatalf("close: %v", err)
	}
	b.open()
}

func op(kind sq.Kind, c phext.Coordinate, text string) sq.Op {
	o := sq.Op{Kind: kind, Coordinate: c}
	if kind != sq.Delete {
		o.Text = []byte(text)
	}
	return o
}

// apply applies a batch that must succeed.
func (b *bench) apply(batch ...sq.Op) []sq.Result {
	b.t.Helper()
	results, err := b.Apply(ctx, notes, batch)
	if err != nil || len(results) != len(batch) {
		b.t.Fatalf("apply: %d results, %v", len(results), err)
	}
	return results
}

// refused applies a batch that must fail with a code and change nothing.
func (b *bench) refused(code sq.Code, batch ...sq.Op) {
	b.t.Helper()
	before := Read(b.t, b, notes)
	if results, err := b.Apply(ctx, notes, batch); sq.ErrorCode(err) != code || results != nil {
		b.t.Errorf("apply: %v, %v; want %s", results, err, code)
	}
	b.holds(before)
}

func (b *bench) holds(want State) {
	b.t.Helper()
	if got := Read(b.t, b, notes); !maps.Equal(got, want) {
		b.t.Fatalf("the phext holds %q, want %q", got, want)
	}
}

func (b *bench) snapshot() sq.Snapshot {
	b.t.Helper()
	s, err := b.Snapshot(ctx, notes)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bench) exists(want bool) {
	b.t.Helper()
	s := b.snapshot()
	defer s.Close()
	if s.Exists() != want || s.Err() != nil {
		b.t.Fatalf("exists: %v, %v; want %v", s.Exists(), s.Err(), want)
	}
}

func nothing(b *bench) {
	b.holds(State{})
	b.exists(false)
	if err := b.Refresh(ctx, notes); err != nil {
		b.t.Error(err)
	}
	if names, err := b.List(ctx); err != nil || len(names) > 0 {
		b.t.Errorf("list: %v, %v", names, err)
	}
}

func operations(b *bench) {
	results := b.apply(op(sq.Put, one, "α"), op(sq.Append, one, "β"), op(sq.Append, two, "two"), op(sq.Put, one, "γδ"), op(sq.Delete, two, ""), op(sq.Delete, two, ""))
	want := []sq.Result{
		{Coordinate: one, After: 2}, {Coordinate: one, Before: 2, After: 4}, {Coordinate: two, After: 3},
		{Coordinate: one, Before: 4, After: 4}, {Coordinate: two, Before: 3}, {Coordinate: two},
	}
	if !slices.Equal(results, want) {
		b.t.Errorf("results %v, want %v", results, want)
	}
	b.holds(State{one: "γδ"})
	b.apply(op(sq.Put, one, ""))
	b.holds(State{})
	b.exists(true) // and empty
}

func wholeOrNot(b *bench) {
	b.apply(op(sq.Put, one, "a"))
	b.refused(sq.Invalid, op(sq.Put, two, "b"), op(sq.Put, one, "with \x17 delimiter"))
	b.refused(sq.Invalid, op(sq.Put, two, "b"), op(sq.Append, one, "br\xffken"))
	b.refused(sq.Invalid, op(sq.Put, two, "b"), op(sq.Put, phext.First.With(8, 1000), "too far"))
	b.refused(sq.Invalid, op(sq.Put, two, "b"), op(sq.Kind(9), one, "what?"))
	missing := op(sq.Put, one, "c")
	missing.If = sq.IfAbsent
	b.refused(sq.Precondition, op(sq.Put, two, "b"), op(sq.Append, one, "b"), op(sq.Delete, one, ""), op(sq.Put, one, "x"), missing)
	b.apply(op(sq.Append, one, "+"), op(sq.Put, two, "b"))
	b.holds(State{one: "a+", two: "b"})
}

func conditions(b *bench) {
	on := func(c sq.Condition, o sq.Op) sq.Op { o.If = c; return o }
	sum := func(text string) sq.Condition { return sq.IfMatches(phext.Sum([]byte(text))) }
	b.refused(sq.Precondition, on(sq.IfExists, op(sq.Append, one, "a")))
	b.refused(sq.Precondition, on(sum(""), op(sq.Put, one, "a")))
	b.apply(on(sq.IfAbsent, op(sq.Put, one, "a")))
	b.refused(sq.Precondition, on(sq.IfAbsent, op(sq.Put, one, "b")))
	b.apply(on(sum("a"), op(sq.Append, one, "b")), on(sum("ab"), op(sq.Append, one, "c")))
	b.refused(sq.Precondition, on(sum("ab"), op(sq.Delete, one, "")))
	b.apply(on(sum("abc"), op(sq.Append, one, "d")))
	b.apply(on(sum("abcd"), op(sq.Put, one, "e")), on(sq.IfExists, op(sq.Delete, one, "")), on(sq.IfAbsent, op(sq.Put, one, "f")))
	b.holds(State{one: "f"})
}

func noTrace(b *bench) {
	b.apply(op(sq.Delete, one, ""), op(sq.Append, one, ""), op(sq.Put, one, ""))
	b.apply()
	b.exists(false)
	b.apply(op(sq.Put, one, "a"))
	s := b.snapshot()
	defer s.Close()
	b.apply(op(sq.Append, one, ""), op(sq.Delete, two, ""))
	now := b.snapshot()
	defer now.Close()
	if s.Position() != now.Position() {
		b.t.Errorf("position %v, want %v as before", now.Position(), s.Position())
	}
}

func appendNext(b *bench) {
	next := func(c phext.Coordinate) phext.Coordinate {
		b.t.Helper()
		return b.apply(op(sq.AppendNext, c, "x"))[0].Coordinate
	}
	section := phext.At(1, 1, 1, 1, 1, 1, 1, 4, 1)
	b.apply(op(sq.Put, section.With(8, 5), "five"), op(sq.Put, section.With(7, 5), "next section"))
	for i, want := range []int{6, 7} {
		if got := next(section.With(8, 3)); got != section.With(8, want) {
			b.t.Fatalf("place %d: %v", i, got)
		}
	}
	b.apply(op(sq.Delete, section.With(8, 7), ""))
	if got := next(section); got != section.With(8, 8) {
		b.t.Errorf("after a delete: %v", got)
	}
	b.apply(op(sq.Put, section.With(8, 999), "last"))
	if got := next(section); got != section.With(7, 5).With(8, 2) {
		b.t.Errorf("after scroll 999: %v", got)
	}
	end := phext.At(1, 1, 1, 1, 1, 1, 1, 999, 999)
	b.apply(op(sq.Put, end, "the end"))
	b.refused(sq.Conflict, op(sq.Put, one, "not written"), op(sq.AppendNext, end, "x"))
	b.refused(sq.Invalid, op(sq.AppendNext, one, ""))
}

func snapshots(b *bench) {
	b.apply(op(sq.Put, one, "a"), op(sq.Put, two, "b"))
	s := b.snapshot()
	defer s.Close()
	want := State{one: "a", two: "b"}
	b.apply(op(sq.Append, one, "a"), op(sq.Delete, two, ""), op(sq.Put, far, "c"))
	b.stillHolds(s, want)
	if err := b.Drop(ctx, notes); err != nil {
		b.t.Fatal(err)
	}
	b.stillHolds(s, want)
	s.Close()
	s.Close()
}

// stillHolds holds a snapshot to what it was made of, after a change. A lazy one may
// say that it cannot be read any more.
func (b *bench) stillHolds(s sq.Snapshot, want State) {
	b.t.Helper()
	got, err := examine(b.t, s, math.MaxInt)
	if isLazy(b) && sq.ErrorCode(err) == sq.Busy {
		return
	}
	if err != nil || !maps.Equal(got, want) {
		b.t.Errorf("the snapshot holds %q now, %v", got, err)
	}
}

func scans(b *bench) {
	at := func(n int) phext.Coordinate { return phext.First.With(8, n) }
	for n := 1; n <= 9; n += 2 {
		b.apply(op(sq.Put, at(n), fmt.Sprint("text ", n)))
	}
	s := b.snapshot()
	defer s.Close()
	for _, c := range []struct {
		from, to int
		want     []int
	}{{1, 9, []int{1, 3, 5, 7, 9}}, {3, 7, []int{3, 5, 7}}, {2, 8, []int{3, 5, 7}}, {4, 4, nil}, {5, 5, []int{5}}, {7, 3, nil}, {9, 20, []int{9}}} {
		var got []int
		for scroll, err := range s.Scan(at(c.from), at(c.to)) {
			if err != nil || string(scroll.Text) != fmt.Sprint("text ", scroll.Coordinate.Component(8)) {
				b.t.Fatalf("%v is %q, %v", scroll.Coordinate, scroll.Text, err)
			}
			got = append(got, scroll.Coordinate.Component(8))
		}
		if !slices.Equal(got, c.want) {
			b.t.Errorf("%d to %d: %v, want %v", c.from, c.to, got, c.want)
		}
	}
	for range s.Scan(phext.Coordinate{}, phext.Last) {
		break // whoever stops early is not called again
	}
}

func extremes(b *bench) {
	large := strings.Repeat("a line of text, δ\n", 200_000)
	want := State{one: "first", far: "last", two: large}
	b.apply(op(sq.Put, far, "last"), op(sq.Put, one, "first"), op(sq.Put, two, large[:100]))
	b.apply(op(sq.Append, two, large[100:]))
	b.holds(want)
	var batch []sq.Op
	for n := range 20_000 {
		c := phext.At(2, 1, 1, 1, 1, 1, n/10_000+1, n/100%100+1, n%100+1)
		batch = append(batch, op(sq.Put, c, fmt.Sprint(n)))
		want[c] = fmt.Sprint(n)
	}
	b.apply(batch...)
	b.holds(want)
}

func replace(b *bench) {
	b.apply(op(sq.Put, one, "old"), op(sq.Put, two, "old"))
	before := b.position()
	if err := b.Replace(ctx, notes, strings.NewReader("new\x18\x18\x17\x17third\x17")); err != nil {
		b.t.Fatal(err)
	}
	if b.position() == before {
		b.t.Errorf("the position is %v still", before)
	}
	want := State{one: "new", phext.First.With(7, 3).With(8, 3): "third"}
	b.holds(want)
	for _, bad := range []string{"br\xffken", "cut \xe2\x82", strings.Repeat("\x17", phext.MaxStored) + "x"} {
		if err := b.Replace(ctx, notes, strings.NewReader(bad)); sq.ErrorCode(err) != sq.Invalid {
			b.t.Errorf("replace with %.20q: %v, want invalid", bad, err)
		}
	}
	b.holds(want)
	if err := b.Replace(ctx, notes, strings.NewReader(strings.Repeat("\x17", phext.MaxStored-1)+"high")); err != nil {
		b.t.Fatal(err)
	}
	high := phext.First.With(8, phext.MaxStored)
	b.holds(State{high: "high"})
	b.apply(op(sq.Delete, high, ""), op(sq.Append, one, "a"))
	b.holds(State{one: "a"})
	if err := b.Replace(ctx, notes, strings.NewReader("")); err != nil {
		b.t.Fatal(err)
	}
	b.exists(true)
	b.holds(State{})
}

func drop(b *bench) {
	if err := b.Drop(ctx, notes); sq.ErrorCode(err) != sq.NotFound {
		b.t.Errorf("drop of nothing: %v", err)
	}
	b.apply(op(sq.Put, one, "a"))
	before := b.position()
	if err := b.Drop(ctx, notes); err != nil {
		b.t.Fatal(err)
	}
	if b.position() == before {
		b.t.Errorf("the position is %v still", before)
	}
	b.exists(false)
	b.holds(State{})
	if names, err := b.List(ctx); err != nil || len(names) > 0 {
		b.t.Errorf("list: %v, %v", names, err)
	}
	b.apply(op(sq.Append, one, "b"))
	b.holds(State{one: "b"})
}

func list(b *bench) {
	names := []sq.PhextName{"Ω", "a b", "a", "b", "a.b", strings200()}
	for _, name := range names {
		if _, err := b.Apply(ctx, name, sq.Batch{op(sq.Put, one, string(name))}); err != nil {
			b.t.Fatal(err)
		}
	}
	slices.Sort(names)
	if got, err := b.List(ctx); err != nil || !slices.Equal(got, names) {
		b.t.Errorf("list: %q, %v; want %q", got, err, names)
	}
	for _, name := range names {
		if got := Read(b.t, b, name); !maps.Equal(got, State{one: string(name)}) {
			b.t.Errorf("%q holds %q", name, got)
		}
	}
}

func strings200() sq.PhextName { return sq.PhextName(strings.Repeat("n", sq.MaxPhextName)) }

func reopen(b *bench) {
	want := State{one: "a+b", two: strings.Repeat("x", 100_000)}
	b.apply(op(sq.Put, one, "a"))
	b.apply(op(sq.Append, one, "+b"), op(sq.Put, two, want[two]), op(sq.Put, far, "gone"))
	b.apply(op(sq.Delete, far, ""))
	b.reopen()
	if b.forgets() {
		return
	}
	b.holds(want)
	b.apply(op(sq.Append, one, "+c"))
	b.reopen()
	b.reopen()
	want[one] += "+c"
	b.holds(want)
}

func closedStore(b *bench) {
	b.apply(op(sq.Put, one, "a"))
	if err := b.Close(); err != nil {
		b.t.Fatal(err)
	}
	_, err1 := b.Apply(ctx, notes, sq.Batch{op(sq.Put, one, "b")})
	_, err2 := b.Snapshot(ctx, notes)
	_, err3 := b.List(ctx)
	for _, err := range []error{err1, err2, err3, b.Refresh(ctx, notes), b.Replace(ctx, notes, strings.NewReader("")), b.Drop(ctx, notes)} {
		if sq.ErrorCode(err) != sq.Closed {
			b.t.Errorf("%v, want closed", err)
		}
	}
}

// forgets reports whether the store keeps nothing when it is closed, as Model.
func (b *bench) forgets() bool {
	_, ok := b.Store.(interface{ Forgets() })
	return ok
}
