package disk

import (
	"sync/atomic"

	"github.com/zeebo/xxh3"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// source is an open file that texts are read from. Its count is the number of
// generations that hold it; the last one closes it.
type source struct {
	file vfs.File
	refs atomic.Int64
}

func newSource(file vfs.File) *source { return &source{file: file} }

// generation is the set of files that a run of views reads. It is alive while
// its count is not 0: one for being the current generation, one for each
// snapshot.
type generation struct {
	refs    atomic.Int64
	sources []*source
}

func newGeneration(sources ...*source) *generation {
	g := &generation{sources: sources}
	g.refs.Store(1)
	for _, s := range sources {
		s.refs.Add(1)
	}
	return g
}

// acquire counts a reader; false when the generation is gone already.
func (g *generation) acquire() bool {
	for {
		n := g.refs.Load()
		if n == 0 {
			return false
		}
		if g.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (g *generation) release() {
	if g.refs.Add(-1) != 0 {
		return
	}
	for _, s := range g.sources {
		if s.refs.Add(-1) == 0 {
			s.file.Close() // read only by now: nothing to lose
		}
	}
}

// place is where a piece of a text stands, and 64 bits of its XXH3.
type place struct {
	source *source
	offset int64
	length int64
	hash   uint64
}

// errChanged says that the bytes under a place are not those that were there:
// someone else writes to the file.
var errChanged = sq.Errorf(sq.Busy, "the file was changed by someone else while it was read, try again")

// read fills dst, which has the length of the place.
func (p place) read(dst []byte) error {
	if n, err := p.source.file.ReadAt(dst, p.offset); n < len(dst) {
		if err == nil || isEOF(err) {
			return errChanged // cut by someone else
		}
		return sq.Wrap(err, sq.Internal, "read a scroll")
	}
	if xxh3.Hash(dst) != p.hash {
		return errChanged
	}
	return nil
}

// readAll returns the text that places make up.
func readAll(places []place) ([]byte, error) {
	size := int64(0)
	for _, p := range places {
		size += p.length
	}
	text, at := make([]byte, size), int64(0)
	for _, p := range places {
		if err := p.read(text[at : at+p.length]); err != nil {
			return nil, err
		}
		at += p.length
	}
	return text, nil
}
