package storetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// writers has many append at once, to one scroll, to the next free places, and to
// phexts of their own.
func writers(b *bench) {
	const many, rounds = 8, 40
	var all sync.WaitGroup
	var mu sync.Mutex
	given := map[phext.Coordinate]string{}
	for w := range many {
		all.Go(func() {
			for i := range rounds {
				text := fmt.Sprintf("<%d.%d>", w, i)
				results, err := b.Apply(ctx, notes, sq.Batch{op(sq.Append, far, text), op(sq.AppendNext, one, text)})
				if err != nil {
					b.t.Error(err)
					return
				}
				mu.Lock()
				given[results[1].Coordinate] = text
				mu.Unlock()
				own := sq.PhextName(fmt.Sprint("own", w))
				if _, err := b.Apply(ctx, own, sq.Batch{op(sq.Append, one, text)}); err != nil {
					b.t.Error(err)
				}
			}
		})
	}
	all.Wait()
	got := Read(b.t, b, notes)
	b.inOrder(got[far], many, rounds)
	delete(got, far)
	if len(given) != many*rounds || !maps.Equal(got, given) {
		b.t.Errorf("%d places were given, %d hold a text; want %d, each its own", len(given), len(got), many*rounds)
	}
	for w := range many {
		want := ""
		for i := range rounds {
			want += fmt.Sprintf("<%d.%d>", w, i)
		}
		if got := Read(b.t, b, sq.PhextName(fmt.Sprint("own", w))); got[one] != want {
			b.t.Errorf("writer %d's own phext holds %q", w, got[one])
		}
	}
}

// inOrder holds that each writer's texts are there once, in its order.
func (b *bench) inOrder(text string, writers, rounds int) {
	next := make([]int, writers)
	for part := range strings.SplitSeq(strings.Trim(text, "<>"), "><") {
		var w, i int
		if _, err := fmt.Sscanf(part, "%d.%d", &w, &i); err != nil || next[w] != i {
			b.t.Fatalf("%q comes where writer %d is at %d", part, w, next[w])
		}
		next[w]++
	}
	for w, n := range next {
		if n != rounds {
			b.t.Errorf("writer %d: %d texts are there, want %d", w, n, rounds)
		}
	}
}

// moments are what was seen at each position: always the same.
type moments struct {
	mu   sync.Mutex
	seen map[sq.Position]State
}

// sees notes what a reader saw; false when another saw something else there.
func (m *moments) sees(at sq.Position, state State) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, known := m.seen[at]
	m.seen[at] = state
	return !known || maps.Equal(before, state)
}

// readers looks for half a batch, and for two moments at one position, while batches
// change two scrolls together.
func readers(b *bench) {
	seen := moments{seen: map[sq.Position]State{}}
	done := make(chan struct{})
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				state, at := readAt(b.t, b, notes)
				if state[one] != state[far] {
					b.t.Errorf("half a batch: %q and %q", state[one], state[far])
					return
				}
				if !seen.sees(at, state) {
					b.t.Errorf("at %v it was otherwise before: %q", at, state)
					return
				}
			}
		})
	}
	for i := range 150 {
		text := fmt.Sprint(i)
		switch i % 10 {
		case 7:
			b.apply(op(sq.Delete, one, ""), op(sq.Delete, far, ""))
		case 9:
			whole := phext.Implode(State{one: text, far: text})
			if err := b.Replace(ctx, notes, strings.NewReader(whole)); err != nil {
				b.t.Error(err)
			}
		default:
			b.apply(op(sq.Append, far, text), op(sq.Append, one, text))
		}
	}
	close(done)
	all.Wait()
}

// random does the same to the store and to a Model and compares.
func random(b *bench) {
	seed := rand.Uint64()
	b.t.Logf("seed %d", seed)
	rng, model := rand.New(rand.NewPCG(seed, 0)), NewModel()
	forgets := b.forgets()
	for i := range 400 {
		if rng.IntN(50) == 0 && !forgets {
			b.reopen()
		}
		batch := randomBatch(rng, i)
		got, err1 := b.Apply(ctx, notes, batch)
		want, err2 := model.Apply(ctx, notes, batch)
		if sq.ErrorCode(err1) != sq.ErrorCode(err2) || fmt.Sprint(got) != fmt.Sprint(want) {
			b.t.Fatalf("batch %d %v:\n got %v, %v\nwant %v, %v", i, batch, got, err1, want, err2)
		}
		if i%20 == 0 {
			b.holds(Read(b.t, model, notes))
		}
	}
	b.holds(Read(b.t, model, notes))
}

func randomBatch(rng *rand.Rand, i int) (batch sq.Batch) {
	for range rng.IntN(4) {
		c := phext.At(1, 1, 1, 1, 1, rng.IntN(2)+1, 1, rng.IntN(2)+1, rng.IntN(4)+1)
		o := op([]sq.Kind{sq.Put, sq.Append, sq.Delete, sq.Put, sq.Append}[rng.IntN(5)], c, fmt.Sprint("t", i%7))
		switch rng.IntN(12) {
		case 0:
			o.If = sq.IfExists
		case 1:
			o.If = sq.IfAbsent
		case 2:
			o.If = sq.IfMatches(phext.Sum(fmt.Appendf(nil, "t%d", rng.IntN(7))))
		case 3:
			o.Text = nil
		case 4:
			o.Coordinate = c.With(8, 0)
		}
		batch = append(batch, o)
	}
	return batch
}
