package mesh

import (
	"iter"
	"slices"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// state is a scroll as a comparison sees it. The zero state is its absence.
type state struct {
	sum   phext.Checksum
	there bool
}

// stateOf returns the state of a scroll with a text that is not empty.
func stateOf(text []byte) state { return state{phext.Sum(text), true} }

// condition holds where a scroll is in the state.
func (s state) condition() sq.Condition {
	if s.there {
		return sq.IfMatches(s.sum)
	}
	return sq.IfAbsent
}

// held is a scroll of a manifest.
type held struct {
	at  phext.Coordinate
	sum phext.Checksum
}

// manifest is the scrolls of a phext in their order: 32 bytes each.
type manifest []held

// readManifest reads a phext once, which costs a pass over its texts.
func readManifest(s sq.Snapshot) (manifest, error) {
	m := make(manifest, 0, s.Scrolls())
	for scroll, err := range s.Scan(phext.Coordinate{}, phext.Last) {
		if err != nil {
			return nil, err
		}
		m = append(m, held{scroll.Coordinate, phext.Sum(scroll.Text)})
	}
	return m, nil
}

// state returns the state of a scroll. It costs a search.
func (m manifest) state(c phext.Coordinate) state {
	i, ok := slices.BinarySearchFunc(m, c, func(h held, c phext.Coordinate) int { return h.at.Compare(c) })
	if !ok {
		return state{}
	}
	return state{m[i].sum, true}
}

// all yields the scrolls as Peer.Delta wants them.
func (m manifest) all() iter.Seq2[phext.Coordinate, phext.Checksum] {
	return func(yield func(phext.Coordinate, phext.Checksum) bool) {
		for _, h := range m {
			if !yield(h.at, h.sum) {
				return
			}
		}
	}
}
