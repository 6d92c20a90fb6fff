package mesh

import (
	"context"
	"iter"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// Peer is another server as a round uses it. Goroutines may share it.
type Peer interface {
	// Snapshot and Apply are those of sq.Store. Of the snapshot only whether the phext
	// exists, what keeps it from being read, and its position are looked at.
	Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error)
	Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) ([]sq.Result, error)
	// List returns the phexts that the peer has.
	List(ctx context.Context) ([]sq.PhextName, error)
	// Delta yields where the peer's phext is not as have says, in order, each coordinate once.
	// What is said of a scroll held at some moment of the call. Memory does not grow with the
	// phext.
	Delta(ctx context.Context, name sq.PhextName, have iter.Seq2[phext.Coordinate, phext.Checksum]) iter.Seq2[Difference, error]
	// Version asks whether the peer answers, and takes the key.
	Version(ctx context.Context) (string, error)
}

// Sharer is a peer that may be a node of the mesh as well. It tells what it has agreed on
// with this node by rounds of its own, so that neither takes what came from it for an edit
// of the other. What it tells must be true: it is this node that it means.
type Sharer interface {
	// Base returns what Bases.Share returned there for this node, of so many bytes at the
	// most. NotFound, or any other error: nothing is known. Busy: not now, that is.
	Base(ctx context.Context, name sq.PhextName, most int64) ([]byte, error)
}

// Difference is a scroll that a peer has otherwise.
type Difference struct {
	Coordinate phext.Coordinate
	// Missing says that the peer has no such scroll.
	Missing bool
	// Text is what it has. It is valid until the next step.
	Text []byte
}

// Differences yields where a phext is not as have says, which is in order. It reads the
// phext whole.
func Differences(s sq.Snapshot, have iter.Seq2[phext.Coordinate, phext.Checksum]) iter.Seq2[Difference, error] {
	return func(yield func(Difference, error) bool) {
		next, stop := iter.Pull2(have)
		defer stop()
		at, sum, more := next()
		for scroll, err := range s.Scan(phext.Coordinate{}, phext.Last) {
			if err != nil {
				yield(Difference{}, err)
				return
			}
			for ; more && at.Less(scroll.Coordinate); at, sum, more = next() {
				if !yield(Difference{Coordinate: at, Missing: true}, nil) {
					return
				}
			}
			same := more && at == scroll.Coordinate && sum == phext.Sum(scroll.Text)
			if more && at == scroll.Coordinate {
				at, sum, more = next()
			}
			if !same && !yield(Difference{Coordinate: scroll.Coordinate, Text: scroll.Text}, nil) {
				return
			}
		}
		for ; more; at, sum, more = next() {
			if !yield(Difference{Coordinate: at, Missing: true}, nil) {
				return
			}
		}
	}
}
