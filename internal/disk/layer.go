package disk

import (
	"github.com/tidwall/btree"

	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/phext"
)

// layer holds what batches did to the scrolls below it: the index of the file,
// or another layer. A layer that was published is only read; the committer
// works on a copy, which shares what does not change.
type layer struct{ tree *btree.BTreeG[entry] }

// entry is what became of one scroll. A Put holds all places of the new text, an
// Append those behind the text below, a Delete none.
type entry struct {
	coordinate phext.Coordinate
	kind       journal.OpKind
	places     []place // never changed below its length: later entries share it
	size       int64
}

func newLayer() layer {
	before := func(a, b entry) bool { return a.coordinate.Less(b.coordinate) }
	return layer{btree.NewBTreeGOptions(before, btree.Options{NoLocks: true, Degree: 16})}
}

// copy returns a layer that can be changed while this one is read. Only the
// committer may call it: it writes to both.
func (l layer) copy() layer { return layer{l.tree.Copy()} }

func (l layer) empty() bool { return l.tree.Len() == 0 }

// entryBytes is about what an entry takes of memory.
const entryBytes = 160

func (l layer) memory() int64 { return int64(l.tree.Len()) * entryBytes }

func (l layer) find(c phext.Coordinate) (entry, bool) { return l.tree.Get(entry{coordinate: c}) }

// put, add and remove change a layer that was not published.

func (l layer) put(c phext.Coordinate, p place) {
	l.tree.Set(entry{c, journal.Put, []place{p}, p.length})
}

func (l layer) add(c phext.Coordinate, p place) {
	e, ok := l.find(c)
	switch {
	case !ok:
		e = entry{coordinate: c, kind: journal.Append}
	case e.kind == journal.Delete:
		e = entry{coordinate: c, kind: journal.Put}
	}
	e.places, e.size = append(e.places, p), e.size+p.length
	l.tree.Set(e)
}

func (l layer) remove(c phext.Coordinate) {
	l.tree.Set(entry{coordinate: c, kind: journal.Delete})
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
	l.tree.Scan(func(e entry) bool {
		if e.kind == journal.Append {
			for _, p := range e.places {
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
