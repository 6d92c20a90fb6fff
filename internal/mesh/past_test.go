package mesh_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/mesh"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// backup is what a node had at a moment.
type backup struct {
	texts map[sq.PhextName]string
	bases map[string][]byte
}

// backup returns what a node has, with what it has agreed on with peers.
func (n *node) backup(peers ...*node) backup {
	b := backup{map[sq.PhextName]string{}, map[string][]byte{}}
	for _, name := range []sq.PhextName{notes, notes + ".conflicts"} {
		b.texts[name] = n.all(name)
	}
	for _, p := range peers {
		if text, err := n.dir.ReadFile(baseWith(p)); err == nil {
			b.bases[p.id] = text
		}
	}
	return b
}

func baseWith(p *node) string { return ".sq/mesh/" + p.id + "/notes.base" }

// restore puts a node back; without bases that is a backup of the phexts alone.
func (n *node) restore(t testing.TB, b backup) {
	t.Helper()
	for name, text := range b.texts {
		if err := n.store.Replace(t.Context(), name, strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	n.dir = vfs.NewMem()
	for id, text := range b.bases {
		for _, dir := range []string{".sq", ".sq/mesh", ".sq/mesh/" + id} {
			n.dir.Mkdir(dir) // or it is there
		}
		if err := n.dir.WriteFile(".sq/mesh/"+id+"/notes.base", text); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRestored: a node that comes back from a backup takes from the others no text that is
// newer than the backup, whoever does the first round.
func TestRestored(t *testing.T) {
	for i := range 16 {
		shares, bases, first, between := i&1 > 0, i&2 > 0, i&4 > 0, i&8 > 0
		t.Run(fmt.Sprintf("nodes both %v, bases restored %v, a first %v, rounds of a between %v", shares, bases, first, between), func(t *testing.T) {
			a, b := newNode("a"), newNode("b")
			a.shares, b.shares = shares, shares
			rounds := func(n int) {
				for range n {
					a.round(t, b)
					b.round(t, a)
				}
			}
			a.put(t, scroll(1), "older")
			a.put(t, scroll(2), "as it was")
			a.put(t, scroll(3), "first")
			rounds(2)
			saved := a.backup(b)
			if !bases {
				saved.bases = nil
			}
			a.put(t, scroll(1), "newer")
			b.put(t, scroll(3), "second")
			a.put(t, scroll(4), "written since")
			b.put(t, scroll(5), "written since, too")
			if between {
				rounds(2)
			} else {
				b.round(t, a)
			}
			b.put(t, scroll(3), "third")
			if between {
				rounds(1)
			} else {
				b.round(t, a)
			}
			a.restore(t, saved)
			if first {
				a.round(t, b)
			}
			b.round(t, a)
			rounds(2)
			texts := []string{"newer", "third"}
			if shares { // an ordinary server has no memory by which a deletion could be doubted
				texts = append(texts, "written since", "written since, too")
			}
			for _, text := range texts {
				if !a.has(text) && !b.has(text) {
					t.Errorf("%q is lost; a has %q, %q, b %q, %q", text, a.all(notes), a.all("notes.conflicts"), b.all(notes), b.all("notes.conflicts"))
				}
			}
		})
	}
}

// TestDeletionIsDoubted: a scroll that is missing at a node which has not compared since it
// was there is kept before it is deleted.
func TestDeletionIsDoubted(t *testing.T) {
	for _, bases := range []bool{true, false} {
		a, b := newNode("a"), newNode("b")
		a.shares, b.shares = true, true
		a.put(t, scroll(1), "as it was")
		for range 2 {
			a.round(t, b)
			b.round(t, a)
		}
		saved := a.backup(b)
		if !bases {
			saved.bases = nil
		}
		a.put(t, scroll(2), "written since")
		b.round(t, a)
		a.restore(t, saved)
		if out := b.round(t, a); out.DeletedHere != 1 || !strings.Contains(b.get("notes.conflicts", scroll(2)), "=== sq mesh conflict: from here (deleted by a peer), ") || !b.has("written since") {
			t.Errorf("bases restored %v: %+v, kept %q", bases, out, b.all("notes.conflicts"))
		}
	}
}

// TestRestoredConflict: a node that comes back with a side of a conflict, which was settled by
// a deletion, takes nothing that was written since.
func TestRestoredConflict(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.shares, b.shares = true, true
	rounds := func() {
		for range 2 {
			a.round(t, b)
			b.round(t, a)
		}
	}
	a.put(t, scroll(1), "first")
	rounds()
	a.put(t, scroll(2), "of a")
	b.put(t, scroll(2), "of b")
	rounds()
	saved := a.backup(b)
	a.put(t, scroll(2), "")
	a.pair(b, &world{func(what string) error { // the deletion is sent, and then it dies
		if strings.HasPrefix(what, "create ") {
			return errKilled
		}
		return nil
	}}).Round(t.Context())
	b.round(t, a)
	a.put(t, scroll(2), "written since")
	b.round(t, a)
	a.restore(t, saved)
	b.round(t, a)
	if !a.has("written since") && !b.has("written since") {
		t.Errorf("lost; a has %q, b has %q, %q", a.all(notes), b.all(notes), b.all("notes.conflicts"))
	}
}

// TestNotNowIsNotNothing: a peer that told what it remembers, and now cannot be asked, is asked
// again by the next round; until then nothing is done.
func TestNotNowIsNotNothing(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.shares, b.shares = true, true
	a.put(t, scroll(1), "text")
	a.round(t, b)
	b.round(t, a)
	a.put(t, scroll(1), "changed")
	a.round(t, b)
	b.put(t, scroll(1), "")
	out, err := a.pair(b, &world{func(what string) error {
		if what == "base" {
			return errBroken
		}
		return nil
	}}).Round(t.Context())
	if !errors.Is(err, errBroken) || out.Travelled() != 0 || a.get(notes, scroll(1)) != "changed" {
		t.Errorf("%+v, %v", out, err)
	}
	if out := a.round(t, b); out.DeletedHere != 1 {
		t.Errorf("%+v", out)
	}
}

// TestOrdinaryEditsAreNotKept: what travels by rounds of both leaves no copies, unless somebody
// goes back to a text of before.
func TestOrdinaryEditsAreNotKept(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.shares, b.shares = true, true
	kept := func(when string, want bool) {
		t.Helper()
		if got := a.all("notes.conflicts") + b.all("notes.conflicts"); (got != "") != want {
			t.Errorf("%s: kept %q", when, got)
		}
	}
	a.put(t, scroll(1), "first")
	a.round(t, b)
	b.round(t, a)
	for i := range 6 {
		a.put(t, scroll(1), fmt.Sprint("text of a ", i))
		a.round(t, b)
		b.put(t, scroll(1), fmt.Sprint("text of b ", i))
		b.round(t, a)
		a.put(t, scroll(1), fmt.Sprint("once more, of a ", i))
		b.round(t, a)
		a.put(t, scroll(1), fmt.Sprint("and again ", i))
		b.round(t, a)
		a.put(t, scroll(2), fmt.Sprint("soon deleted ", i))
		a.round(t, b)
		b.round(t, a)
		a.put(t, scroll(2), "")
		map[bool]func(){true: func() { a.round(t, b) }, false: func() { b.round(t, a) }}[i%2 == 0]()
	}
	kept("edits", false)
	a.put(t, scroll(1), "text of b 3")
	b.round(t, a)
	kept("an older text", true)
	same(t, a, b, "text of b 3")
	if !b.has("and again 5") {
		t.Errorf("kept %q", b.all("notes.conflicts"))
	}
}

// TestEmptyTextOfAPeer is no deletion: a scroll has a text, or is missing.
func TestEmptyTextOfAPeer(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.put(t, scroll(1), "text")
	a.round(t, b)
	p := a.pair(b, &world{})
	p.Peer = emptied{p.Peer}
	b.put(t, scroll(2), "other")
	if _, err := p.Round(t.Context()); sq.ErrorCode(err) != sq.Unreadable || a.get(notes, scroll(1)) != "text" {
		t.Errorf("%v, here %q", err, a.all(notes))
	}
}

// emptied is a peer whose scrolls have no text.
type emptied struct{ mesh.Peer }

func (emptied) Delta(context.Context, sq.PhextName, iter.Seq2[phext.Coordinate, phext.Checksum]) iter.Seq2[mesh.Difference, error] {
	return func(yield func(mesh.Difference, error) bool) { yield(mesh.Difference{Coordinate: scroll(1)}, nil) }
}
