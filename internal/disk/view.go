package disk

import (
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/phext"
)

// view is one state of a phext: what the file holds, what is being folded into
// it, and what is newer. It never changes once it is published.
type view struct {
	// What a search for one scroll reads stands together.
	files    *generation
	file     *source // nil when there is no file
	base     index
	frozen   layer // between the file and active, while a checkpoint runs
	active   layer
	problem  error // the file is no phext, or the journal is damaged: no writes
	opaque   bool  // the file is no phext: its bytes are all there is
	exists   bool
	sequence uint64

	identity journal.Identity // of the file
	scrolls  int
	size     int64 // of the normal form
	sum      *checksum
}

// find appends to places where the text of the scroll at c is. Nothing appended
// means that there is no scroll.
func (v *view) find(c phext.Coordinate, places []place) []place {
	above, ok := v.active.find(c)
	if ok && above.kind != journal.Append {
		return above.appendPlaces(places)
	}
	places = v.findBelow(c, places)
	return above.appendPlaces(places)
}

func (v *view) findBelow(c phext.Coordinate, places []place) []place {
	e, ok := v.frozen.find(c)
	if ok && e.kind != journal.Append {
		return e.appendPlaces(places)
	}
	if p, ok := v.base.find(c, v.file); ok {
		places = append(places, p)
	}
	return e.appendPlaces(places)
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
	return m.coordinate, m.next()
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

// recount sets the numbers of a view by walking it.
func (v *view) recount() {
	v.scrolls, v.size = 0, 0
	at := phext.First
	for m := v.merge(phext.Coordinate{}); m.next(); at = m.coordinate {
		v.scrolls++
		v.size += phext.DelimiterBytes(at, m.coordinate) + lengthOf(m.places)
	}
}

// pending reports whether there is anything that the file does not hold.
func (v *view) pending() bool { return !v.active.empty() || !v.frozen.empty() }

func (v *view) memory() int64 {
	return v.base.memory + v.frozen.memory() + v.active.memory()
}
