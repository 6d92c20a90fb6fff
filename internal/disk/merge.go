package disk

import (
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/phext"
)

// merge walks the scrolls of a view in order. It is for one goroutine.
type merge struct {
	coordinate phext.Coordinate // of the scroll that next found
	places     []place          // of its text; good until the next step

	view *view
	spot spot
	over [2]cursor // frozen, active: later ones stand above
}

// merge returns a walk over the scrolls from a coordinate on.
func (v *view) merge(from phext.Coordinate) *merge {
	return &merge{
		view: v, spot: v.base.seek(from),
		over: [2]cursor{v.frozen.cursor(from), v.active.cursor(from)},
	}
}

// next moves to the next scroll; false at the end.
func (m *merge) next() bool {
	for m.places = m.places[:0]; len(m.places) == 0; {
		if !m.least() {
			return false
		}
		m.gather()
	}
	return true
}

// least makes the coordinate the first one that any part has; false when none
// has any.
func (m *merge) least() (ok bool) {
	if ok = m.view.base.valid(m.spot); ok {
		m.coordinate = m.view.base.coordinate(m.spot)
	}
	for i := range m.over {
		k := &m.over[i]
		if k.ok && (!ok || k.at.coordinate.Less(m.coordinate)) {
			m.coordinate, ok = k.at.coordinate, true
		}
	}
	return ok
}

// gather collects the places at the coordinate, and moves every part past it.
// None means that the scroll was removed.
func (m *merge) gather() {
	base := &m.view.base
	if base.valid(m.spot) && base.coordinate(m.spot) == m.coordinate {
		m.places = append(m.places, base.place(m.spot, m.view.file))
		m.spot = base.next(m.spot)
	}
	for i := range m.over {
		k := &m.over[i]
		if !k.ok || k.at.coordinate != m.coordinate {
			continue
		}
		if k.at.kind != journal.Append {
			m.places = m.places[:0]
		}
		m.places = k.at.appendPlaces(m.places)
		k.next()
	}
}
