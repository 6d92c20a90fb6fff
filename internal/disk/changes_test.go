package disk

import (
	"testing"

	"github.com/wbic16/sq-go"
)

// TestChangesStay: what a watcher was given stays what it was, though the log is
// shortened in its place; and the log has the newest changes, and says what it lost.
func TestChangesStay(t *testing.T) {
	var l changes
	sequence := uint64(0)
	add := func(n int) {
		for range n {
			sequence++
			l.add([]sq.Change{{Position: sq.Position{Sequence: sequence}}})
		}
	}
	check := func(found []sq.Change, from uint64) {
		t.Helper()
		for i, c := range found {
			if want := from + uint64(i); c.Position.Sequence != want {
				t.Fatalf("change %d is that of %d, want %d", i, c.Position.Sequence, want)
			}
		}
	}
	add(2 * changesKept)
	early, whole, _ := l.after(0)
	if len(early) != 2*changesKept || !whole {
		t.Fatalf("%d changes, whole: %v", len(early), whole)
	}
	add(3 * changesKept)
	check(early, 1)
	if _, whole, _ := l.after(0); whole {
		t.Error("nothing is lost")
	}
	if len(l.kept) < changesKept || len(l.kept) > 2*changesKept {
		t.Errorf("%d changes are kept", len(l.kept))
	}
	late, whole, _ := l.after(l.lost)
	if !whole || len(late) != len(l.kept) || late[len(late)-1].Position.Sequence != sequence {
		t.Errorf("%d changes of %d, whole: %v", len(late), len(l.kept), whole)
	}
	check(late, l.lost+1)
}

// TestChangesOnce: each change is in the log once, whichever groups and batches it came
// with, and what was refused is not.
func TestChangesOnce(t *testing.T) {
	r := newRig(t)
	put := func(n int) sq.Op { return sq.Op{Kind: sq.Put, Coordinate: nth(n), Text: []byte("text")} }
	refused := put(9)
	refused.If = sq.IfExists
	for n, batch := range []sq.Batch{{put(0)}, {put(1), put(2)}, {put(3), refused}, {put(4)}} {
		if _, err := r.store.Apply(background, "notes", batch); (err != nil) != (n == 2) {
			t.Fatalf("batch %d: %v", n, err)
		}
	}
	found, _, _ := r.handle().log.after(0)
	want := []int{0, 1, 2, 4}
	if len(found) != len(want) {
		t.Fatalf("%d changes: %v", len(found), found)
	}
	for i, n := range want {
		if found[i].Coordinate != nth(n) || found[i].Kind != sq.Updated {
			t.Errorf("change %d: %v of %v", i, found[i].Kind, found[i].Coordinate)
		}
	}
}
