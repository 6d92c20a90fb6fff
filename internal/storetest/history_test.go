package storetest

import (
	"math/rand/v2"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// TestCheckKnowsHistories holds Check to histories that are known to be
// linearizable or not. A line is a client's call: when it began, when it ended,
// and what came of it.
func TestCheckKnowsHistories(t *testing.T) {
	put, add := op(sq.Put, one, "a"), op(sq.Append, one, "b")
	swap := op(sq.Put, one, "c")
	swap.If = sq.IfMatches(phext.Sum([]byte("a")))
	create := op(sq.Put, one, "d")
	create.If = sq.IfAbsent
	read := func(began, ended int64, text string) *Call {
		return &Call{Op: sq.Op{Coordinate: one}, Text: text, Before: -1, began: began, ended: ended}
	}
	call := func(op sq.Op, began, ended int64, outcome Outcome) *Call {
		return &Call{Op: op, Outcome: outcome, Before: -1, began: began, ended: ended}
	}
	remove := func(began, ended, before int64) *Call {
		return &Call{Op: op(sq.Delete, one, ""), Before: before, began: began, ended: ended}
	}
	for _, row := range []struct {
		name  string
		calls []*Call
		want  bool
	}{
		{"a write is seen", []*Call{call(put, 1, 2, Done), read(3, 4, "a")}, true},
		{"a write is not seen", []*Call{call(put, 1, 2, Done), read(3, 4, "")}, false},
		{"a write is seen while it is under way, or not", []*Call{call(put, 1, 6, Done), read(2, 3, ""), read(4, 5, "a")}, true},
		{"a write is seen and then not", []*Call{call(put, 1, 6, Done), read(2, 3, "a"), read(4, 5, "")}, false},
		{"an append is lost", []*Call{call(put, 1, 2, Done), call(add, 3, 4, Done), read(5, 6, "a")}, false},
		{"an append happens twice", []*Call{call(put, 1, 2, Done), call(add, 3, 4, Done), read(5, 6, "abb")}, false},
		{"an append of two at once", []*Call{call(put, 1, 4, Done), call(add, 2, 3, Done), read(5, 6, "ab")}, true},
		{"what was not answered happened", []*Call{call(put, 1, 4, Open), read(5, 6, "a")}, true},
		{"what was not answered did not happen", []*Call{call(put, 1, 4, Open), read(5, 6, "")}, true},
		{"what was not answered happens after the process is gone", []*Call{call(put, 1, 4, Open), read(5, 6, ""), read(7, 8, "a")}, false},
		{"what was not answered is seen and then not", []*Call{call(put, 1, 6, Open), read(2, 3, "a"), read(7, 8, "")}, false},
		{"a condition holds", []*Call{call(put, 1, 2, Done), call(swap, 3, 4, Done), read(5, 6, "c")}, true},
		{"a condition did not hold and was let through", []*Call{call(put, 1, 2, Done), call(add, 3, 4, Done), call(swap, 5, 6, Done)}, false},
		{"a condition held and was refused", []*Call{call(put, 1, 2, Done), call(swap, 3, 4, Refused)}, false},
		{"what was refused has an effect", []*Call{call(put, 1, 2, Done), call(create, 3, 4, Refused), read(5, 6, "d")}, false},
		{"of two who create one is refused", []*Call{call(create, 1, 3, Done), call(create, 2, 4, Refused)}, true},
		{"two create", []*Call{call(create, 1, 3, Done), call(create, 2, 4, Done)}, false},
		{"a delete tells how much it removed", []*Call{call(put, 1, 2, Done), remove(3, 4, 1)}, true},
		{"a delete removes something else", []*Call{call(put, 1, 2, Done), remove(3, 4, 2)}, false},
	} {
		h := NewHistory(nil)
		h.calls[one] = row.calls
		if got := len(h.Check()) == 0; got != row.want {
			t.Errorf("%s: linearizable is %v, want %v", row.name, got, row.want)
		}
	}
}

// TestPlantedReadsAreFound plants stale reads in a history without a flaw.
func TestPlantedReadsAreFound(t *testing.T) {
	h := NewHistory(State{one: "begin"})
	for i := range 100 {
		text := string(rune('a' + i))
		h.End(h.Begin(0, op(sq.Put, one, text)), Done)
		c := h.Begin(0, sq.Op{Coordinate: one})
		c.Text = text
		h.End(c, Done)
	}
	if h.Settle(); len(h.Check()) > 0 {
		t.Fatal("a history without a flaw is refused")
	}
	for seed := range uint64(20) {
		planted := PlantStale([]*History{h}, rand.New(rand.NewPCG(seed, 1)), 100)
		if len(planted) != 1 || len(planted[0].Check()) == 0 {
			t.Errorf("seed %d: %d histories with a stale read, and it is not found", seed, len(planted))
		}
	}
}
