package storetest

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// Outcome is what a client knows of what it asked for.
type Outcome uint8

// The outcomes.
const (
	Done    Outcome = iota // it was answered
	Refused                // its condition did not hold, and nothing was done
	Open                   // it was not answered
)

// Call is one operation of a client on one scroll, with what came of it.
type Call struct {
	Client  int
	Op      sq.Op // of Kind 0: a read
	Outcome Outcome
	Text    string // that a read saw; empty where there is no scroll
	Before  int64  // bytes that the scroll had, where the answer told; otherwise -1

	began, ended int64 // by the clock of the history
}

// History is what many clients at once did with the scrolls of one phext, and
// saw of them. Goroutines may share it while they call Begin and End.
type History struct {
	begin State
	clock atomic.Int64

	mu    sync.Mutex
	calls map[phext.Coordinate][]*Call // guarded by mu
}

// NewHistory begins with what the phext holds.
func NewHistory(begin State) *History {
	return &History{begin: maps.Clone(begin), calls: map[phext.Coordinate][]*Call{}}
}

// Begin notes that a client is about to ask for something.
func (h *History) Begin(client int, op sq.Op) *Call {
	return &Call{Client: client, Op: op, Before: -1, began: h.clock.Add(1)}
}

// End notes what came of a call. An open one may still have its effect, until
// Settle is called.
func (h *History) End(c *Call, outcome Outcome) {
	c.Outcome, c.ended = outcome, h.clock.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls[c.Op.Coordinate] = append(h.calls[c.Op.Coordinate], c)
}

// Settle notes that the process that served the phext is gone: what it did not
// answer has happened by now, or never will. It is called when all calls have
// ended. Reads may come behind it.
func (h *History) Settle() {
	now := h.clock.Add(1)
	for _, calls := range h.calls {
		for _, c := range calls {
			if c.Outcome == Open {
				c.ended = now
			}
		}
	}
}

// Len returns how many calls there are.
func (h *History) Len() (n int) {
	for _, calls := range h.calls {
		n += len(calls)
	}
	return n
}

// Check returns the scrolls whose calls are not linearizable: there is no order in
// which they could have happened one after another, each at a moment between its
// beginning and its end, with these answers (Herlihy and Wing 1990). Scrolls are
// independent of each other, so each is looked at by itself. A scroll for which that
// could not be decided in half a minute counts as a violation.
func (h *History) Check() (violations []phext.Coordinate) {
	for c, calls := range h.calls {
		if !linearizable(h.begin[c], decided(calls)) && !linearizable(h.begin[c], calls) {
			violations = append(violations, c)
		}
	}
	return violations
}

// undecided is how long the search for an order may take. It is short where there is
// one; where there is none, it may have to try very many.
const undecided = 30 * time.Second

func linearizable(begin string, calls []*Call) bool {
	return porcupine.CheckOperationsTimeout(registerModel(begin), porcupineOperations(calls), undecided) == porcupine.Ok
}

// decided guesses of the open calls which of them happened: those whose texts
// somebody saw. An order for that is one for the calls as they are, and is found
// much sooner.
func decided(calls []*Call) (guessed []*Call) {
	for _, c := range calls {
		if c.Outcome != Open || c.Op.Kind == sq.Delete {
			guessed = append(guessed, c)
		} else if c.wasSeen(calls) {
			happened := *c
			happened.Outcome = Done
			guessed = append(guessed, &happened)
		}
	}
	return guessed
}

func (c *Call) wasSeen(calls []*Call) bool {
	return c.Op.Kind != 0 && slices.ContainsFunc(calls, func(r *Call) bool { return r.isRead() && strings.Contains(r.Text, string(c.Op.Text)) })
}

// Describe returns the last calls of a scroll for a person to read, in the order of
// their beginnings.
func (h *History) Describe(c phext.Coordinate, most int) string {
	calls := slices.SortedFunc(slices.Values(h.calls[c]), func(a, b *Call) int { return cmp.Compare(a.began, b.began) })
	var b strings.Builder
	for _, c := range calls[max(0, len(calls)-most):] {
		fmt.Fprintln(&b, c)
	}
	return b.String()
}

// String returns the call on one line.
func (c *Call) String() string {
	kind, saw := "read", fmt.Sprintf("%.40q of %d bytes", c.Text, len(c.Text))
	if c.Op.Kind != 0 {
		kind, saw = c.Op.Kind.String(), fmt.Sprintf("%d bytes before", c.Before)
	}
	if !c.Op.If.Always() {
		kind += " if"
	}
	return fmt.Sprintf("%d to %d, client %d: %s %.40q: %s, %s", c.began, c.ended, c.Client, kind, c.Op.Text, [...]string{"done", "refused", "open"}[c.Outcome], saw)
}

func porcupineOperations(calls []*Call) (ops []porcupine.Operation) {
	for _, c := range calls {
		ops = append(ops, porcupine.Operation{ClientId: c.Client, Input: c, Call: c.began, Return: c.ended})
	}
	return ops
}

// registerModel is a scroll that begins with a text.
func registerModel(text string) porcupine.Model {
	seed := maphash.MakeSeed()
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{text} },
		Step: func(text, c, _ any) []any { return c.(*Call).step(text.(string)) },
		Hash: func(text any) uint64 { return maphash.String(seed, text.(string)) },
	}
	return m.ToModel()
}

// step returns the texts that a scroll may have after a call; none if the call
// would have been answered otherwise.
func (c *Call) step(text string) []any {
	holds, _ := c.Op.If.Holds(text != "", func() (phext.Checksum, error) { return phext.Sum([]byte(text)), nil })
	then := c.effect(text)
	switch {
	case c.Outcome == Open && holds && then != text:
		return []any{text, then}
	case c.Outcome == Open, c.Outcome == Refused && !holds:
		return []any{text}
	case c.Outcome == Refused, !holds:
		return nil
	case c.Op.Kind == 0 && c.Text != text, c.Before >= 0 && c.Before != int64(len(text)):
		return nil
	}
	return []any{then}
}

// effect returns the text after the operation, where its condition holds.
func (c *Call) effect(text string) string {
	switch c.Op.Kind {
	case sq.Put:
		return string(c.Op.Text)
	case sq.Append:
		return text + string(c.Op.Text)
	case sq.Delete:
		return ""
	}
	return text
}

// PlantStale returns copies of histories in which one read of every n sees an old
// text: one that somebody had read before somebody else read a newer one, before
// the read began. They show that Check finds such a read. No text may have been
// written twice. Histories in which nothing is planted are left out.
func PlantStale(histories []*History, rng *rand.Rand, n int) (planted []*History) {
	until := rng.IntN(n)
	for _, h := range histories {
		copied := &History{begin: h.begin, calls: maps.Clone(h.calls)}
		found := false
		for _, c := range slices.SortedFunc(maps.Keys(h.calls), phext.Coordinate.Compare) {
			calls := slices.Clone(h.calls[c])
			copied.calls[c] = calls
			for i := range calls {
				if !calls[i].isRead() {
					continue
				}
				if until--; until >= 0 {
					continue
				}
				if old, ok := staleText(calls, calls[i].began); ok {
					stale := *calls[i]
					stale.Text = old
					calls[i], found, until = &stale, true, n
				}
			}
		}
		if found {
			planted = append(planted, copied)
		}
	}
	return planted
}

func (c *Call) isRead() bool { return c.Op.Kind == 0 && c.Outcome == Done }

// staleText returns a text that was overwritten for certain before a moment.
func staleText(calls []*Call, moment int64) (string, bool) {
	newer := lastRead(calls, moment, func(*Call) bool { return true })
	if newer == nil {
		return "", false
	}
	older := lastRead(calls, newer.began, func(c *Call) bool { return c.Text != "" && c.Text != newer.Text })
	if older == nil {
		return "", false
	}
	return older.Text, true
}

// lastRead returns the last read of some that had ended before a moment; nil
// where there is none.
func lastRead(calls []*Call, moment int64, which func(*Call) bool) (last *Call) {
	for _, c := range calls {
		if c.isRead() && c.ended < moment && which(c) && (last == nil || last.ended < c.ended) {
			last = c
		}
	}
	return last
}
