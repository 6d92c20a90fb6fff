package disk

import (
	"github.com/tidwall/btree"

	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/phext"
)

// layer holds what batches did to the scrolls below it: the index of the file,
// or another layer. A layer that was published is only read; the committer
// works on a copy, which shares what does not change. The zero layer has nothing, and
// is only read.
type layer struct{ tree *btree.BTreeG[entry] }

// entry is what became of one scroll. It is small, since a tree copies the entries
// around one that is changed.
type entry struct {
	coordinate phext.Coordinate
	*fate
}

// fate is what became of a scroll, and never changes. A Put holds all places of the
// new text, an Append those behind the text below, a Delete none.
type fate struct {
	kind  journal.OpKind
	size  int64   // of all places
	first place   // of them; empty when there is none
	more  []place // never changed below its length: later fates share it
}

// nothing is the fate of a scroll that a layer does not have.
var nothing = &fate{kind: journal.Append}

func newLayer() layer {
	before := func(a, b entry) bool { return a.coordinate.Less(b.coordinate) }
	return layer{btree.NewBTreeGOptions(before, btree.Options{NoLocks: true, Degree: 16})}
}

// copy returns a layer that can be changed while this one is read. Only the
// committer may call it: it writes to both.
func (l layer) copy() layer {
	if l.tree == nil {
		return newLayer()
	}
	return layer{l.tree.Copy()}
}

func (l layer) empty() bool { return l.tree == nil || l.tree.Len() == 0 }

// published returns the layer as readers see it: whether there is anything costs
// them nothing to find out.
func (l layer) published() layer {
	if l.empty() {
		return layer{}
	}
	return l
}

// entryBytes is about what an entry takes of memory.
const entryBytes = 160

func (l layer) memory() int64 {
	if l.tree == nil {
		return 0
	}
	return int64(l.tree.Len()) * entryBytes
}

// find returns what became of a scroll; nothing, and false, when the layer does not
// have it.
func (l layer) find(c phext.Coordinate) (*fate, bool) {
	if l.tree == nil {
		return nothing, false
	}
	if e, ok := l.tree.Get(entry{coordinate: c}); ok {
		return e.fate, true
	}
	return nothing, false
}

// each calls f for each entry, in order, until it is false.
func (l layer) each(f func(entry) bool) {
	if l.tree != nil {
		l.tree.Scan(f)
	}
}

// put, add and remove change a layer that was not published.

func (l layer) put(c phext.Coordinate, p place) {
	l.tree.Set(entry{c, &fate{kind: journal.Put, size: p.length, first: p}})
}

func (l layer) add(c phext.Coordinate, p place) {
	f, _ := l.find(c)
	next := *f
	if f.kind == journal.Delete {
		next.kind = journal.Put
	}
	if next.size += p.length; f.first.length == 0 {
		next.first = p
	} else {
		next.more = append(f.more, p)
	}
	l.tree.Set(entry{c, &next})
}

func (l layer) remove(c phext.Coordinate) {
	l.tree.Set(entry{c, &fate{kind: journal.Delete}})
}

// appendPlaces appends where the text stands.
func (f *fate) appendPlaces(places []place) []place {
	if f.first.length == 0 {
		return places
	}
	return append(append(places, f.first), f.more...)
}

// over returns a layer that does what below and then l do.
func (l layer) over(below layer) layer {
	switch {
	case below.empty():
		return l
	case l.empty():
		return below
	}
	merged := below.copy()
	l.each(func(e entry) bool {
		if e.kind == journal.Append {
			for _, p := range e.appendPlaces(nil) {
				merged.add(e.coordinate, p)
			}
		} else {
			merged.tree.Set(e)
		}
		return true
	})
	return merged
}

// before returns the last coordinate before c that has an entry.
func (l layer) before(c phext.Coordinate) (found phext.Coordinate, ok bool) {
	if l.tree == nil {
		return found, false
	}
	l.tree.Descend(entry{coordinate: c}, func(e entry) bool {
		if e.coordinate == c {
			return true
		}
		found, ok = e.coordinate, true
		return false
	})
	return found, ok
}

// cursor walks the entries of a layer in order.
type cursor struct {
	iter btree.IterG[entry]
	at   entry
	ok   bool
}

// cursor returns a cursor on the first entry at c or behind it.
func (l layer) cursor(c phext.Coordinate) cursor {
	if l.empty() {
		return cursor{}
	}
	k := cursor{iter: l.tree.Iter()}
	if k.ok = k.iter.Seek(entry{coordinate: c}); k.ok {
		k.at = k.iter.Item()
	}
	return k
}

func (k *cursor) next() {
	if k.ok = k.iter.Next(); k.ok {
		k.at = k.iter.Item()
	}
}
