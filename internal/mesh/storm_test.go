package mesh_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/mesh"
	"github.com/wbic16/sq-go/phext"
)

var (
	storms    = flag.Int("storms", 300, "how many storms go over a mesh in memory")
	stormSeed = flag.Uint64("storm-seed", 1, "the first storm's seed")
)

// storm is nodes that each synchronise with each other while clients edit, links break,
// rounds are killed at any step and machines lose power. Every text is written once only,
// so it can be told what became of it.
type storm struct {
	t          testing.TB
	rng        *rand.Rand
	nodes      []*node
	texts      map[string]bool // whether a later edit or deletion had seen it
	n          int
	happenings []string

	ring  bool                    // each does rounds with the next one alone
	pairs map[[2]*node]*mesh.Pair // of processes that go on; they know when nothing changed

	restores bool // in the place of bases that are lost and phexts that are dropped
	restored bool
	backups  map[*node]backup
}

// TestStorm: when it is over the nodes agree once people have settled the conflicts, and
// every text that was answered is there, was kept, or was seen by who changed it.
func TestStorm(t *testing.T) {
	for i := range *storms {
		seed := *stormSeed + uint64(i)
		s := &storm{t: t, rng: rand.New(rand.NewPCG(seed, 7)), texts: map[string]bool{}, restores: seed%4 == 3, ring: seed%5 == 0, backups: map[*node]backup{}, pairs: map[[2]*node]*mesh.Pair{}}
		nodes := 2 + s.rng.IntN(3)
		if s.restores {
			nodes = 2 // a third one may have been told of a text by the one that was restored
		}
		for j := range nodes {
			s.nodes = append(s.nodes, newNode(string(rune('a'+j))))
			s.nodes[j].shares = seed%3 > 0 || s.restores
		}
		if s.restores { // they know each other
			for range 2 {
				s.edit(s.any(), scroll(1))
				s.calm()
			}
		}
		s.rage(20 + s.rng.IntN(60))
		s.settle()
		s.count()
		if t.Failed() {
			for _, h := range s.happenings {
				t.Log(h)
			}
			t.Fatalf("seed %d: -storm-seed %d -storms 1 shows it again", seed, seed)
		}
	}
}

func (s *storm) note(format string, args ...any) {
	s.happenings = append(s.happenings, fmt.Sprintf(format, args...))
}

// rage lets things happen.
func (s *storm) rage(happenings int) {
	for range happenings {
		switch s.rng.IntN(11) {
		case 0, 1, 2, 3:
			s.edit(s.any(), scroll(1+s.rng.IntN(3)))
		case 4:
			n := s.any()
			s.note("%s loses power", n.id)
			n.lossOfPower(s.rng)
			s.begins(n)
		case 5:
			if n := s.any(); s.restores {
				s.backUp(n)
			} else {
				s.lose(n)
			}
		default:
			s.round(true)
		}
	}
}

// lose has a node lose a phext, which somebody drops, or what it has agreed on with a peer.
func (s *storm) lose(n *node) {
	if s.rng.IntN(3) > 0 {
		peer := s.any()
		s.note("%s loses its base with %s", n.id, peer.id)
		n.dir.Remove(".sq/mesh/" + peer.id + "/notes.base") // where there is one
		return
	}
	s.note("%s drops the phext", n.id)
	for i := range 3 {
		if text := n.get(notes, scroll(i+1)); text != "" {
			s.texts[text] = true
		}
	}
	n.store.Drop(context.Background(), notes) // where there is one
}

// linked reports whether a node does rounds with another.
func (s *storm) linked(a, b *node) bool {
	if !s.ring {
		return a != b
	}
	next := (slices.Index(s.nodes, a) + 1) % len(s.nodes)
	return s.nodes[next] == b
}

// pair returns the pair of two nodes in a world, as a process has it that did rounds before.
func (s *storm) pair(a, b *node, w *world) *mesh.Pair {
	fresh, key := a.pair(b, w), [2]*node{a, b}
	if p := s.pairs[key]; p != nil {
		p.Local, p.Peer, p.Bases = fresh.Local, fresh.Peer, fresh.Bases
		return p
	}
	s.pairs[key] = fresh
	return fresh
}

// begins has the process of a node begin anew.
func (s *storm) begins(n *node) {
	for key := range s.pairs {
		if key[0] == n {
			delete(s.pairs, key)
		}
	}
}

// backUp makes a backup of a node when all have compared, or restores it from the last one:
// with what it had agreed on, or of the phexts alone. What only that node had is lost then.
// An edit of what was restored, before that was compared, would be one of somebody who has
// seen no more.
func (s *storm) backUp(n *node) {
	b, ok := s.backups[n]
	if !ok {
		s.note("%s is backed up", n.id)
		s.calm()
		s.calm()
		s.backups[n] = n.backup(s.nodes...)
		return
	}
	if s.restored {
		return // a second one, of another node, is no longer told from edits
	}
	s.restored = true
	if s.rng.IntN(2) == 0 {
		b.bases = nil
	}
	s.note("%s is restored, with %d bases", n.id, len(b.bases))
	n.restore(s.t, b)
	s.begins(n)
	for text := range s.texts {
		if !slices.ContainsFunc(s.nodes, func(n *node) bool { return n.has(text) }) {
			s.texts[text] = true
		}
	}
	s.calm()
}

func (s *storm) any() *node { return s.nodes[s.rng.IntN(len(s.nodes))] }

// edit is that of a client, who has seen what it replaces.
func (s *storm) edit(n *node, c phext.Coordinate) {
	before := n.get(notes, c)
	s.n++
	text := fmt.Sprintf("<%d of %s>", s.n, n.id)
	if before != "" && s.rng.IntN(4) == 0 {
		text = ""
	}
	s.note("%s %v: %s -> %s", n.id, c, before, text)
	n.put(s.t, c, text)
	if before != "" {
		s.texts[before] = true
	}
	if text != "" {
		s.texts[text] = false
	}
}

var errBroken = sq.Errorf(sq.Busy, "the connection was lost")

// round is one of two nodes, in a storm or not.
func (s *storm) round(stormy bool) {
	a, b := s.any(), s.any()
	if !s.linked(a, b) {
		return
	}
	w := &world{}
	dies, edits, breaks := -1, -1, -1
	if stormy && s.rng.IntN(3) == 0 {
		dies = s.rng.IntN(30)
	}
	if stormy && s.rng.IntN(3) == 0 {
		edits = s.rng.IntN(20)
	}
	if stormy && s.rng.IntN(3) == 0 {
		breaks = s.rng.IntN(12)
	}
	step := 0
	w.before = func(what string) error {
		if step++; step == edits {
			s.edit(s.any(), scroll(1+s.rng.IntN(3)))
		}
		if step == breaks && !strings.Contains(what, "sq/mesh") { // this once
			s.note("breaks at %s", what)
			return errBroken
		}
		if dies >= 0 && step >= dies {
			return errKilled
		}
		return nil
	}
	out, err := s.pair(a, b, w).Round(context.Background())
	s.note("round of %s with %s: %d taken, %d sent, %d+%d deleted, %d conflicts, open %v, %v", a.id, b.id, out.Taken, out.Sent, out.DeletedHere, out.DeletedThere, out.New, out.Open, err)
	if err != nil && !errors.Is(err, errKilled) && !errors.Is(err, errBroken) && sq.ErrorCode(err) != sq.Internal {
		s.t.Errorf("round: %v", err)
	}
}

// settle ends the storm: rounds in any order until nothing moves, and people who settle
// a conflict where it is shown.
func (s *storm) settle() {
	for range 40 {
		n, open := s.calm()
		if n == nil {
			return
		}
		text := fmt.Sprintf("<settled %d>", s.n)
		s.n++
		s.note("%s settles %v: %s", n.id, open, text)
		s.texts[n.get(notes, open)] = true
		s.texts[text] = false
		n.put(s.t, open, text)
	}
	s.t.Error("people settle conflicts without end")
}

// calm does rounds until nothing moves, and returns a conflict that is open then.
func (s *storm) calm() (*node, phext.Coordinate) {
	const sweeps = 40
	for range sweeps {
		type link struct{ a, b *node }
		var links []link
		for _, a := range s.nodes {
			for _, b := range s.nodes {
				if s.linked(a, b) {
					links = append(links, link{a, b})
				}
			}
		}
		s.rng.Shuffle(len(links), func(i, j int) { links[i], links[j] = links[j], links[i] })
		moved := 0
		var where *node
		var open phext.Coordinate
		for _, l := range links {
			out, err := s.pair(l.a, l.b, &world{}).Round(context.Background())
			if err != nil {
				s.t.Fatal(err)
			}
			s.note("calm: %s with %s: %d taken, %d sent, %d+%d deleted, %d new, open %v", l.a.id, l.b.id, out.Taken, out.Sent, out.DeletedHere, out.DeletedThere, out.New, out.Open)
			moved += out.Travelled() + out.New
			if len(out.Open) > 0 {
				where, open = l.a, out.Open[0]
			}
		}
		if moved == 0 {
			return where, open
		}
	}
	s.t.Error("rounds move something without end")
	return nil, phext.Coordinate{}
}

// count looks for every text.
func (s *storm) count() {
	for _, n := range s.nodes[1:] {
		if n.all(notes) != s.nodes[0].all(notes) {
			s.t.Errorf("%s has %q, %s has %q", s.nodes[0].id, s.nodes[0].all(notes), n.id, n.all(notes))
		}
	}
	for text, seen := range s.texts {
		if !seen && text != "" && !slices.ContainsFunc(s.nodes, func(n *node) bool { return n.has(text) }) {
			s.t.Errorf("%s is lost", text)
		}
	}
}
