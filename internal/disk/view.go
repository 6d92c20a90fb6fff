package disk

import (
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/phext"
)

// view is one state of a phext: what the file holds, what is being folded into
// it, and what is newer. It never changes once it is published.
type view struct {
	exists   bool
	problem  error // the file is no phext, or the journal is damaged: no writes
	opaque   bool  // the file is no phext: its bytes are all there is
	sequence uint64
	scrolls  int
	size     int64 // of the normal form

	file   *source // nil when there is no file
	base   *index
	frozen layer // between the file and active, while a checkpoint runs
	active layer
	files  *generation
}

// find appends to places where the text of the scroll at c is. Nothing appended
// means that there is no scroll.
func (v *view) find(c phext.Coordinate, places []place) []place {
	above, ok := v.active.find(c)
	if ok && above.kind != journal.Append {
		return append(places, above.places...)
	}
	places = v.findBelow(c, places)
	return append(places, above.places...)
}

func (v *view) findBelow(c phext.Coordinate, places []place) []place {
	e, ok := v.frozen.find(c)
	if ok && e.kind != journal.Append {
		return append(places, e.places...)
	}
	if p, ok := v.base.find(c, v.file); ok {
		places = append(places, p)
	}
	return append(places, e.places...)
}

// has returns the bytes of the scroll at c, 0 when there is none.
func (v *view) has(c phext.Coordinate) (size int64) {
	above, ok := v.active.find(c)
	if ok && above.kind != journal.Append {
		return above.size
	}
	size = above.size
	e, ok := v.frozen.find(c)
	size += e.size
	if ok && e.kind != journal.Append {
		return size
	}
	if p, ok := v.base.find(c, v.file); ok {
		size += p.length
	}
	return size
}

// before returns the last scroll before c.
func (v *view) before(c phext.Coordinate) (phext.Coordinate, bool) {
	for {
		var last phext.Coordinate
		if s, ok := v.base.previous(v.base.seek(c)); ok {
			last = v.base.coordinate(s)
		}
		for _, l := range []layer{v.frozen, v.active} {
			if found, ok := l.before(c); ok && last.Less(found) {
				last = found
			}
		}
		if last.IsZero() {
			return last, false
		}
		if v.has(last) > 0 {
			return last, true
		}
		c = last // removed, look further
	}
}

// after returns the first scroll behind c.
func (v *view) after(c phext.Coordinate) (phext.Coordinate, bool) {
	m := v.merge(successor(c))
	e, ok := m.next()
	return e, ok
}

func successor(c phext.Coordinate) phext.Coordinate {
	hi, lo := c.Words()
	if lo++; lo == 0 {
		hi++
	}
	return phext.FromWords(hi, lo)
}

// resized returns by how many bytes the delimiters of the normal form grow when
// a scroll comes to stand at c, where there is none now.
func (v *view) resized(c phext.Coordinate) int64 {
	from := phext.First
	if p, ok := v.before(c); ok {
		from = p
	}
	n := phext.DelimiterBytes(from, c)
	if next, ok := v.after(c); ok {
		n += phext.DelimiterBytes(c, next) - phext.DelimiterBytes(from, next)
	}
	return n
}

// merge walks the scrolls of a view in order.
type merge struct {
	view *view
	spot spot
	from phext.Coordinate
}

func (v *view) merge(from phext.Coordinate) *merge {
	return &merge{view: v, spot: v.base.seek(from), from: from}
}

// next returns the coordinate of the next scroll.
func (m *merge) next() (phext.Coordinate, bool) {
	v := m.view
	for {
		least, ok := phext.Coordinate{}, false
		inBase := v.base.valid(m.spot)
		if inBase {
			least, ok = v.base.coordinate(m.spot), true
		}
		for _, l := range []layer{v.frozen, v.active} {
			if l.empty() {
				continue
			}
			if e, found := l.from(m.from); found && (!ok || e.coordinate.Less(least)) {
				least, ok = e.coordinate, true
			}
		}
		if !ok {
			return least, false
		}
		if inBase && v.base.coordinate(m.spot) == least {
			m.spot = v.base.next(m.spot)
		}
		m.from = successor(least)
		if v.has(least) > 0 {
			return least, true
		}
	}
}
