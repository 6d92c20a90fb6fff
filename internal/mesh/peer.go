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
	// Delta yields where the peer's phext is not as have says, each coordinate once: all
	// of one moment. Memory does not grow with the phext.
	Delta(ctx context.Context, name sq.PhextName, have iter.Seq2[phext.Coordinate, phext.Checksum]) iter.Seq2[Difference, error]
	// Version asks whether the peer answers, and takes the key.
	Version(ctx context.Context) (string, error)
}

// Difference is a scroll that a peer has otherwise.
type Difference struct {
	Coordinate phext.Coordinate
	// Missing says that the peer has no such scroll.
	Missing bool
	// Text is what it has. It is valid until the next step.
	Text []byte
}
