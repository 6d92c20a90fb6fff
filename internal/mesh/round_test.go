package mesh_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// TestChangesTravel: what is changed on one side, and deleted, is so on the other after
// a round from either end.
func TestChangesTravel(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.put(t, scroll(1), "one")
	b.put(t, scroll(2), "two")
	if out := a.round(t, b); out.Taken != 1 || out.Sent != 1 {
		t.Errorf("%+v", out)
	}
	same(t, a, b, "one\x17two")
	a.put(t, scroll(1), "one, changed here")
	b.put(t, scroll(2), "")
	b.put(t, scroll(3), "three")
	if out := a.round(t, b); out.Taken != 1 || out.Sent != 1 || out.DeletedHere != 1 {
		t.Errorf("%+v", out)
	}
	same(t, a, b, "one, changed here\x17\x17three")
	a.put(t, scroll(3), "")
	if out := a.round(t, b); out.DeletedThere != 1 {
		t.Errorf("%+v", out)
	}
	same(t, a, b, "one, changed here")
	if out := a.round(t, b); out.Travelled() != 0 {
		t.Errorf("nothing had to be done: %+v", out)
	}
}

func same(t *testing.T, a, b *node, want string) {
	t.Helper()
	if a.all(notes) != want || b.all(notes) != want {
		t.Errorf("%q and %q, want %q", a.all(notes), b.all(notes), want)
	}
}

// TestConflictIsKeptTwice, is told once, and goes when somebody settles it here.
func TestConflictIsKeptTwice(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.put(t, scroll(1), "first")
	a.round(t, b)
	a.put(t, scroll(1), "of a")
	b.put(t, scroll(1), "of b")
	if out := a.round(t, b); out.New != 1 || len(out.Open) != 1 || out.Open[0] != scroll(1) {
		t.Errorf("%+v", out)
	}
	if a.get(notes, scroll(1)) != "of a" || b.get(notes, scroll(1)) != "of b" {
		t.Errorf("%q, %q", a.all(notes), b.all(notes))
	}
	kept := a.get("notes.conflicts", scroll(1))
	if want := fmt.Sprintf("=== sq mesh conflict: from b, 1970-01-01T00:00:00Z, checksum %v, bytes 4 ===\nof b\n", phext.Sum([]byte("of b"))); kept != want {
		t.Errorf("kept\n%swant\n%s", kept, want)
	}
	if out := a.round(t, b); out.New != 0 || len(out.Open) != 1 || out.Travelled() != 0 || a.get("notes.conflicts", scroll(1)) != kept {
		t.Errorf("the conflict is known: %+v", out)
	}
	b.put(t, scroll(1), "of b again")
	if out := a.round(t, b); out.New != 1 || !strings.HasPrefix(a.get("notes.conflicts", scroll(1)), kept) || !a.has("of b again") {
		t.Errorf("%+v, kept %q", out, a.get("notes.conflicts", scroll(1)))
	}
	a.put(t, scroll(1), "of both")
	if out := a.round(t, b); out.Sent != 1 || len(out.Open) != 0 {
		t.Errorf("%+v", out)
	}
	same(t, a, b, "of both")
}

// TestTextGoesBeforeDeletion whichever side has it.
func TestTextGoesBeforeDeletion(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.put(t, scroll(1), "one")
	a.put(t, scroll(2), "two")
	a.round(t, b)
	a.put(t, scroll(1), "")
	b.put(t, scroll(1), "one, changed")
	b.put(t, scroll(2), "")
	a.put(t, scroll(2), "two, changed")
	a.round(t, b)
	same(t, a, b, "one, changed\x17two, changed")
}

// TestLostBase: without it nothing is deleted and nothing overwritten.
func TestLostBase(t *testing.T) {
	for name, lose := range map[string]func(*node){
		"gone": func(n *node) { n.dir.Remove(".sq/mesh/b/notes.base") },
		"cut": func(n *node) {
			text, _ := n.dir.ReadFile(".sq/mesh/b/notes.base")
			n.dir.WriteFile(".sq/mesh/b/notes.base", text[:len(text)-1])
		},
	} {
		a, b := newNode("a"), newNode("b")
		for i := range 3 {
			a.put(t, scroll(i+1), fmt.Sprint("text ", i))
		}
		a.round(t, b)
		b.put(t, scroll(1), "")
		b.put(t, scroll(2), "changed")
		lose(a)
		if out := a.round(t, b); out.New != 1 || out.Sent != 1 || out.Travelled() != 1 {
			t.Errorf("%s: %+v", name, out)
		}
		if !a.has("text 0") || !a.has("text 1") || !a.has("changed") {
			t.Errorf("%s: %q, %q", name, a.all(notes), a.all("notes.conflicts"))
		}
	}
}

// TestLostBaseStaysLost: what the peer knows does not stand in for it, since more than the
// base may be lost here: these texts may be from a backup.
func TestLostBaseStaysLost(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.shares, b.shares = true, true
	a.put(t, scroll(1), "older")
	a.round(t, b)
	b.put(t, scroll(1), "newer")
	b.round(t, a)
	b.round(t, a)
	a.put(t, scroll(1), "older")
	a.dir.Remove(".sq/mesh/b/notes.base")
	for range 2 {
		a.round(t, b)
	}
	if b.get(notes, scroll(1)) != "newer" || a.get(notes, scroll(1)) != "older" || !a.has("newer") {
		t.Errorf("%q, %q", a.all(notes), b.all(notes))
	}
}

// TestKeptOnce: a round that dies when a text was kept does not have it kept again.
func TestKeptOnce(t *testing.T) {
	for dies := 1; ; dies++ {
		a, b := newNode("a"), newNode("b")
		a.put(t, scroll(1), "of a")
		b.put(t, scroll(1), "of b")
		step := 0
		_, err := a.pair(b, &world{func(string) error {
			if step++; step >= dies {
				return errKilled
			}
			return nil
		}}).Round(t.Context())
		if out := a.round(t, b); len(out.Open) != 1 || strings.Count(a.all("notes.conflicts"), "bytes 4 ===\nof b\n") != 1 {
			t.Errorf("dies at step %d: %+v, kept %q", dies, out, a.all("notes.conflicts"))
		}
		if err == nil {
			return
		}
	}
}

// TestKeptBesideNotes: what people wrote among the texts that were kept stays.
func TestKeptBesideNotes(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	for _, kept := range []string{"a note without a line break", "=== sq mesh conflict: from b, forged, bytes 99 ===\nof", "\n\n"} {
		op := sq.Op{Kind: sq.Put, Coordinate: scroll(1), Text: []byte(kept)}
		if _, err := a.store.Apply(t.Context(), "notes.conflicts", sq.Batch{op}); err != nil {
			t.Fatal(err)
		}
		a.put(t, scroll(1), "of a, "+kept[:2])
		b.put(t, scroll(1), "of b, "+kept[:2])
		a.round(t, b)
		if got := a.get("notes.conflicts", scroll(1)); !strings.HasPrefix(got, kept) || !strings.Contains(got, "===\nof b, "+kept[:2]+"\n") || !strings.Contains(got[len(kept)-1:], "\n=== sq mesh conflict: from b, 1970") {
			t.Errorf("kept %q", got)
		}
	}
}

// TestDroppedMeanwhile: a phext that is dropped while a round deletes is filled again.
func TestDroppedMeanwhile(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.put(t, scroll(1), "one")
	a.put(t, scroll(2), "two")
	a.round(t, b)
	b.put(t, scroll(1), "")
	looks := 0
	out, err := a.pair(b, &world{func(what string) error {
		if what != "b snapshot notes" {
			return nil
		}
		if looks++; looks == 3 { // there, the delta, and before it deletes
			return b.store.Drop(context.Background(), notes)
		}
		return nil
	}}).Round(t.Context())
	if err != nil || out.DeletedHere != 0 {
		t.Errorf("%+v, %v", out, err)
	}
	same(t, a, b, "one\x17two")
}

// TestOtherServer: what was agreed on with a server is void for another one.
func TestOtherServer(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.put(t, scroll(1), "text")
	a.round(t, b)
	b.put(t, scroll(1), "of another server")
	p := a.pair(b, &world{})
	p.Identity = "another"
	if out, err := p.Round(t.Context()); err != nil || out.New != 1 || a.get(notes, scroll(1)) != "text" {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestMissingPhext: one that is not there as a whole was not deleted a scroll at a time.
func TestMissingPhext(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.put(t, scroll(1), "text")
	a.round(t, b)
	if err := b.store.Drop(t.Context(), notes); err != nil {
		t.Fatal(err)
	}
	a.round(t, b)
	same(t, a, b, "text")
	if err := a.store.Drop(t.Context(), notes); err != nil {
		t.Fatal(err)
	}
	a.round(t, b)
	same(t, a, b, "text")
}

// TestHalfFilled: a round that dies while it fills a phext again leaves nothing that the
// next one takes for deletions.
func TestHalfFilled(t *testing.T) {
	for dies := 1; ; dies++ {
		a, b := newNode("a"), newNode("b")
		var batch sq.Batch
		for i := range 1010 {
			batch = append(batch, sq.Op{Kind: sq.Put, Coordinate: scroll(i%505+1).With(7, i/505+1), Text: fmt.Append(nil, i)})
		}
		if _, err := a.store.Apply(t.Context(), notes, batch); err != nil {
			t.Fatal(err)
		}
		a.round(t, b)
		want := a.all(notes)
		if err := b.store.Drop(t.Context(), notes); err != nil {
			t.Fatal(err)
		}
		step := 0
		_, err := a.pair(b, &world{func(what string) error {
			if what == "delta" { // there are 1,000 of these
				return nil
			}
			if step++; step >= dies {
				return errKilled
			}
			return nil
		}}).Round(t.Context())
		a.lossOfPower(rand.New(rand.NewPCG(1, uint64(dies))))
		a.round(t, b)
		same(t, a, b, want)
		if err == nil {
			return
		}
	}
}

// TestBothDoRounds: what came from the other node is not taken for an edit of it.
func TestBothDoRounds(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.shares, b.shares = true, true
	a.put(t, scroll(1), "first")
	a.put(t, scroll(2), "second")
	a.round(t, b)
	b.round(t, a)
	a.put(t, scroll(1), "of a")
	a.put(t, scroll(3), "new")
	a.round(t, b)
	b.put(t, scroll(1), "of b, who has seen that of a")
	b.put(t, scroll(3), "")
	if out := b.round(t, a); out.New != 0 || out.Sent != 1 || out.DeletedThere != 1 {
		t.Errorf("%+v", out)
	}
	same(t, a, b, "of b, who has seen that of a\x17second")
	if out := a.round(t, b); out.Travelled()+out.New != 0 {
		t.Errorf("%+v", out)
	}
	// A conflict that one has kept is not known to the other.
	a.put(t, scroll(2), "second of a")
	b.put(t, scroll(2), "second of b")
	a.round(t, b)
	if out := b.round(t, a); out.New != 1 || !b.has("second of a") || !a.has("second of b") {
		t.Errorf("%+v", out)
	}
	b.put(t, scroll(2), "settled")
	a.round(t, b)
	b.round(t, a)
	same(t, a, b, "of b, who has seen that of a\x17settled")
}

// TestOlderBaseIsLeft: the peer's base does not stand in for one that is newer.
func TestOlderBaseIsLeft(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.shares, b.shares = true, true
	a.put(t, scroll(1), "text 0")
	a.round(t, b)
	b.round(t, a)
	for i := range 2 {
		a.put(t, scroll(1), fmt.Sprint("text ", i+1))
		if out := a.round(t, b); out.New != 0 || out.Sent != 1 {
			t.Errorf("round %d: %+v", i, out)
		}
	}
	same(t, a, b, "text 2")
}

// TestConflictIsNotForgotten when the other node, which does not know of it, has a later
// base.
func TestConflictIsNotForgotten(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.shares, b.shares = true, true
	a.put(t, scroll(1), "one")
	a.round(t, b)
	b.round(t, a)
	a.put(t, scroll(5), "of a")
	b.put(t, scroll(5), "of b")
	a.round(t, b)
	a.put(t, scroll(2), "two")
	b.put(t, scroll(3), "three")
	for range 3 { // takes and then fails, so that its base counts on and lacks the conflict
		a.put(t, scroll(2), a.get(notes, scroll(2))+"!")
		_, err := b.pair(a, &world{func(what string) error {
			if what == "a apply notes" {
				return sq.Errorf(sq.Busy, "no")
			}
			return nil
		}}).Round(t.Context())
		if err == nil {
			t.Error("the round went well")
		}
	}
	if out := a.round(t, b); out.New != 0 || len(out.Open) != 1 || out.Open[0] != scroll(5) {
		t.Errorf("%+v", out)
	}
}

// TestMostIsDeleted: the deletion travels, and the texts are kept on the node that does
// the round.
func TestMostIsDeleted(t *testing.T) {
	for _, here := range []bool{true, false} {
		a, b := newNode("a"), newNode("b")
		for i := range 12 {
			a.put(t, scroll(i+1), fmt.Sprint("text ", i, "."))
		}
		a.round(t, b)
		for i := range 10 {
			map[bool]*node{true: a, false: b}[here].put(t, scroll(i+1), "")
		}
		if out := a.round(t, b); out.DeletedHere+out.DeletedThere != 10 {
			t.Errorf("%+v", out)
		}
		for i := range 12 {
			if !a.has(fmt.Sprint("text ", i, ".")) {
				t.Errorf("deleted here %v: text %d is gone", here, i)
			}
		}
		if b.get(notes, scroll(1)) != "" || a.get(notes, scroll(1)) != "" {
			t.Error("the deletion did not travel")
		}
	}
}

// TestIdleCostsPositions: where neither side changed the peer is asked for its position
// alone.
func TestIdleCostsPositions(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.put(t, scroll(1), "text")
	var steps []string
	p := a.pair(b, &world{func(what string) error { steps = append(steps, what); return nil }})
	for range 2 { // one does something, one finds that there is nothing to do
		if _, err := p.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	steps = nil
	out, err := p.Round(t.Context())
	if err != nil || !out.Unchanged || strings.Join(steps, ", ") != "a snapshot notes, b snapshot notes" {
		t.Errorf("%+v, %v, %q", out, err, steps)
	}
	b.put(t, scroll(2), "more")
	if out, err = p.Round(t.Context()); err != nil || out.Taken != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestDryRun decides and does nothing.
func TestDryRun(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.put(t, scroll(1), "here")
	b.put(t, scroll(1), "there")
	b.put(t, scroll(2), "new")
	a.put(t, scroll(3), "newer")
	p := a.pair(b, &world{func(what string) error {
		if strings.Contains(what, "apply") || strings.Contains(what, "create") {
			t.Errorf("a dry run does %q", what)
		}
		return nil
	}})
	p.DryRun = true
	if out, err := p.Round(t.Context()); err != nil || out.New != 1 || out.Taken != 1 || out.Sent != 1 || len(out.Open) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestRefusedScroll: what one side does not take keeps nothing else from travelling.
func TestRefusedScroll(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	far := phext.First.With(0, 1001) // a file may count so far, a client may not
	text := "near\x17also near"
	s := strings.Repeat("\x01", 1000) + "far"
	if err := a.store.Replace(t.Context(), notes, strings.NewReader(text+s)); err != nil {
		t.Fatal(err)
	}
	out := a.round(t, b)
	if out.Sent != 2 || out.Refused != 1 || sq.ErrorCode(out.Refusal) != sq.Invalid || !strings.Contains(out.Refusal.Error(), far.String()) {
		t.Errorf("%+v", out)
	}
	if b.all(notes) != text {
		t.Errorf("%q", b.all(notes))
	}
}

// TestBigTexts are sent and taken one at a time.
func TestManyTexts(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	var batch sq.Batch
	for i := range 2500 {
		text := strings.Repeat(fmt.Sprint(i, " "), 1+i%7*300)
		batch = append(batch, sq.Op{Kind: sq.Put, Coordinate: scroll(i%999+1).With(7, i/999+1), Text: []byte(text)})
	}
	if _, err := a.store.Apply(t.Context(), notes, batch); err != nil {
		t.Fatal(err)
	}
	if out := a.round(t, b); out.Sent != 2500 || a.all(notes) != b.all(notes) {
		t.Errorf("%+v", out)
	}
	c := newNode("c")
	if out := c.round(t, b); out.Taken != 2500 || c.all(notes) != b.all(notes) {
		t.Errorf("%+v", out)
	}
}

// TestEditInBetween: an edit between the decision and the write makes that fail, and is
// decided on anew in the same round.
func TestEditInBetween(t *testing.T) {
	for _, row := range []struct {
		name         string
		at           string // the step before which it happens
		edit         func(a, b *node)
		wantA, wantB string
		open         int
	}{
		{"here, while a conflict is kept", "a apply notes.conflicts", func(a, b *node) { a.put(t, scroll(3), "edit") }, "edit", "third of b", 1},
		{"here, before a text is taken", "a apply notes", func(a, b *node) { a.put(t, scroll(1), "edit") }, "edit", "of b", 1},
		{"there, before a text is taken", "a apply notes", func(a, b *node) { b.put(t, scroll(1), "edit") }, "of b", "edit", 0},
		{"here, before a text is sent", "b apply notes", func(a, b *node) { a.put(t, scroll(2), "edit") }, "edit", "of a", 0},
		{"there, before a text is sent", "b apply notes", func(a, b *node) { b.put(t, scroll(2), "edit") }, "of a", "edit", 1},
	} {
		a, b := newNode("a"), newNode("b")
		a.put(t, scroll(1), "first")
		a.put(t, scroll(2), "second")
		a.put(t, scroll(3), "third")
		a.round(t, b)
		b.put(t, scroll(1), "of b")
		a.put(t, scroll(2), "of a")
		if strings.Contains(row.name, "conflict") {
			a.put(t, scroll(3), "third of a")
			b.put(t, scroll(3), "third of b")
		}
		once := true
		out, err := a.pair(b, &world{func(what string) error {
			if what == row.at && once {
				once = false
				row.edit(a, b)
			}
			return nil
		}}).Round(t.Context())
		c := scroll(1)
		switch {
		case strings.Contains(row.name, "sent"):
			c = scroll(2)
		case strings.Contains(row.name, "conflict"):
			c = scroll(3)
		}
		if err != nil || len(out.Open) != row.open || a.get(notes, c) != row.wantA || b.get(notes, c) != row.wantB {
			t.Errorf("%s: %+v, %v; here %q, there %q", row.name, out, err, a.get(notes, c), b.get(notes, c))
		}
		// An edit that came while a conflict was kept is no answer to it.
		if again := a.round(t, b); row.open > 0 && (again.Travelled()+again.New != 0 || b.get(notes, c) != row.wantB) {
			t.Errorf("%s, once more: %+v; there %q", row.name, again, b.get(notes, c))
		}
	}
}

// TestEndedContext ends a round, and says so.
func TestEndedContext(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	a.put(t, scroll(1), "text")
	ctx, cancel := context.WithCancel(t.Context())
	_, err := a.pair(b, &world{func(string) error { cancel(); return ctx.Err() }}).Round(ctx)
	if err == nil {
		t.Error("no error")
	}
}
