package mesh

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wbic16/sq-go/phext"
)

// states are the states that a scroll can be in, as far as decisions tell them apart:
// absent, or one of four texts. There are no more than four in one decision.
var states = []state{{}, stateOf([]byte("a")), stateOf([]byte("b")), stateOf([]byte("c")), stateOf([]byte("d"))}

func (s state) letter() string {
	for i, t := range states {
		if s == t {
			return string("-abcd"[i])
		}
	}
	return "?"
}

// each calls do with all there is to decide about.
func each(do func(k known, local, remote state)) {
	for _, kl := range states {
		for _, kr := range states {
			for _, l := range states {
				for _, r := range states {
					do(known{kl, kr}, l, r)
				}
			}
		}
	}
}

// TestTable is the rules, a line for each shape that what is known and the two sides can
// have: what is known here and there, what the sides have, what is done. All 625
// decisions have one of these shapes.
func TestTable(t *testing.T) {
	want := map[string]action{}
	for line := range strings.Lines(table) {
		if words := strings.Fields(line); len(words) >= 5 {
			want[strings.Join(words[:4], " ")] = map[string]action{"nothing": nothing, "take": take, "send": send, "conflict": conflict, "wait": wait}[words[4]]
		}
	}
	met := map[string]bool{}
	each(func(k known, local, remote state) {
		shape := shapeOf(k.local, k.remote, local, remote)
		a, ok := want[shape]
		if met[shape] = true; !ok {
			t.Fatalf("no line for %s", shape)
		}
		if got := decide(k, local, remote); got != a {
			t.Errorf("%s: %v, want %v", shape, got, a)
		}
	})
	if len(met) != len(want) {
		t.Errorf("%d shapes and %d lines", len(met), len(want))
	}
}

// shapeOf names the texts in the order in which they come.
func shapeOf(all ...state) string {
	seen := map[state]string{}
	var words []string
	for _, s := range all {
		if s.there && seen[s] == "" {
			seen[s] = string("abcd"[len(seen)])
		}
		if !s.there {
			words = append(words, "-")
		} else {
			words = append(words, seen[s])
		}
	}
	return strings.Join(words, " ")
}

const table = `
	- - - -  nothing
	- - a a  nothing
	- - - a  take      it was written there
	- - a -  send      it was written here
	- - a b  conflict

	a a - -  nothing
	a a a a  nothing
	a a b b  nothing
	a a - a  send      deleted here
	a a a -  take      deleted there
	a a b a  send
	a a a b  take
	a a b -  send      a text goes before its deletion
	a a - b  take
	a a b c  conflict

	a b - -  nothing   settled
	a b a a  nothing
	a b b b  nothing
	a b c c  nothing
	a b a b  nothing   the conflict is known
	a b c b  send      settled here
	a b - b  send      settled here: deleted
	a b b a  conflict
	a b a c  conflict  changed there: it is here that the conflict is shown
	a b a -  wait
	a b - a  take
	a b b -  send
	a b - c  take
	a b c -  send
	a b b c  conflict
	a b c a  conflict
	a b c d  conflict

	a - - -  nothing
	a - a a  nothing
	a - b b  nothing
	a - a -  nothing   the conflict is known
	a - b -  send
	a - - a  take
	a - - b  take
	a - a b  conflict
	a - b a  conflict
	a - b c  conflict

	- a - -  nothing
	- a a a  nothing
	- a b b  nothing
	- a - a  nothing   the conflict is known
	- a b a  send
	- a a -  send
	- a - b  take
	- a b -  send
	- a a b  conflict
	- a b c  conflict
`

// TestNothingIsOverwrittenUnseen: what an action writes over is known to whoever wrote
// what comes in its place, or was kept.
func TestNothingIsOverwrittenUnseen(t *testing.T) {
	each(func(k known, local, remote state) {
		what := fmt.Sprintf("known %s %s, local %s, remote %s", k.local.letter(), k.remote.letter(), local.letter(), remote.letter())
		switch decide(k, local, remote) {
		case take:
			if local.there && (!k.agreed() || local != k.local) {
				t.Errorf("%s: the local text was not agreed on, and is overwritten", what)
			}
		case send:
			if remote.there && remote != k.remote {
				t.Errorf("%s: the remote text was not seen here, and is overwritten", what)
			}
		case conflict:
			if !remote.there || !local.there {
				t.Errorf("%s: a conflict of one text", what)
			}
		}
	})
}

// TestBothEndsDecideAlike where something was agreed on: a round from there does what a
// round from here does.
func TestBothEndsDecideAlike(t *testing.T) {
	mirror := map[action]action{nothing: nothing, take: send, send: take, conflict: conflict}
	each(func(k known, local, remote state) {
		if here, there := decide(k, local, remote), decide(k, remote, local); k.agreed() && mirror[here] != there {
			t.Errorf("known %s, local %s, remote %s: %v here and %v there", k.local.letter(), local.letter(), remote.letter(), here, there)
		}
	})
}

// TestDecisionsSettle: carried out, an action leaves nothing to do.
func TestDecisionsSettle(t *testing.T) {
	each(func(k known, local, remote state) {
		a := decide(k, local, remote)
		next := a.after(k, local, remote)
		switch a {
		case take:
			local = remote
		case send:
			remote = local
		}
		if again := decide(next, local, remote); again != nothing {
			t.Errorf("after %v: %v", a, again)
		}
	})
}

// TestNoBaseNoHarm: where nothing is known nothing is deleted and nothing overwritten.
func TestNoBaseNoHarm(t *testing.T) {
	for _, local := range states {
		for _, remote := range states {
			switch a := decide(known{}, local, remote); {
			case a == take && local.there, a == send && remote.there:
				t.Errorf("local %s, remote %s: %v", local.letter(), remote.letter(), a)
			}
		}
	}
}

func TestBaseReturns(t *testing.T) {
	b := &base{pair: "0123456789abcdef", round: 7}
	at := phext.First
	each(func(k known, _, _ state) {
		if at = at.With(8, at.Component(8)%999+1).With(0, at.Component(0)+at.Component(8)/999); k != (known{}) {
			b.all = append(b.all, knownAt{at, k})
		}
	})
	text := b.encode()
	got, err := parseBase(text)
	if err != nil || !got.equal(b) {
		t.Fatalf("%v\n%s", err, text)
	}
	for i := range text[:400] {
		if _, err := parseBase(append(append([]byte{}, text[:i]...), text[i+1:]...)); err == nil {
			t.Errorf("without byte %d it still is a base", i)
		}
		if _, err := parseBase(text[:i]); err == nil {
			t.Errorf("the first %d bytes are a base", i)
		}
	}
}

func FuzzBase(f *testing.F) {
	f.Add((&base{pair: "x", all: []knownAt{{phext.First, known{states[1], states[2]}}, {phext.At(1, 1, 1, 1, 1, 1, 1, 1, 2), known{states[1], states[1]}}}}).encode())
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := parseBase(text)
		if err == nil && string(b.encode()) != string(text) {
			t.Errorf("there are two ways to write %q", text)
		}
	})
}
