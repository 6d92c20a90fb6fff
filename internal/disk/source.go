package disk

import (
	"errors"
	"io"
	"slices"
	"sync/atomic"

	"github.com/zeebo/xxh3"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// source is an open file that texts are read from. Its count is the number of
// generations that hold it; the last one closes it.
type source struct {
	file    vfs.File
	segment bool // of the journal, which nobody else may write to
	refs    atomic.Int64
}

func newSource(file vfs.File) *source { return &source{file: file} }

// close closes what is only read: nothing can be lost.
func (s *source) close() { s.file.Close() }

func newSegmentSource(file vfs.File) *source { return &source{file: file, segment: true} }

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

// release is for each who counted; who is the last has to close it.
func (g *generation) release() (last bool) { return g.refs.Add(-1) == 0 }

// close closes the files that no other generation has.
func (g *generation) close() {
	for _, s := range g.sources {
		if s.refs.Add(-1) == 0 {
			s.close()
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

// errRotten says that a segment has not the bytes any more that were written to
// it and read back when it was opened.
var errRotten = sq.Errorf(sq.Unreadable, "the journal is damaged: it has not the text any more that was written to it; writes are refused and nothing is cut: sq check tells more")

// read fills dst, which has the length of the place.
func (p place) read(dst []byte) error {
	if n, err := p.source.file.ReadAt(dst, p.offset); n < len(dst) {
		return p.source.short(err)
	}
	if xxh3.Hash(dst) != p.hash {
		return p.source.changed()
	}
	return nil
}

// changed is the error of bytes that are not those that were there.
func (s *source) changed() error {
	if s.segment {
		return errRotten
	}
	return errChanged
}

// short says what a read that found too little means.
func (s *source) short(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return s.changed() // cut
	}
	return sq.Wrap(err, sq.Internal, "read a scroll")
}

func lengthOf(places []place) (n int64) {
	for _, p := range places {
		n += p.length
	}
	return n
}

// readAll appends the text that places make up. A text in many pieces is read
// through a window, since they were often written one after the other.
func readAll(dst []byte, places []place) ([]byte, error) {
	const few = 32
	at, all := len(dst), int(lengthOf(places))
	text := slices.Grow(dst, all)
	if len(places) > few {
		var w window
		return w.append(text, places)
	}
	text = text[:at+all]
	for _, p := range places {
		if err := p.read(text[at:][:p.length]); err != nil {
			return dst, err
		}
		at += int(p.length)
	}
	return text, nil
}

// window reads ahead, for places that follow each other: one view of the phext's
// file, and one of a segment, since a scan goes to and fro between them. A place
// that does not follow the last one there is read by itself. The zero window is
// ready. It is for one goroutine.
type window struct {
	file, segment ahead
	own           []byte // for a place that is read by itself
}

// ahead is a part of one source that was read ahead.
type ahead struct {
	source *source
	offset int64
	room   []byte
	bytes  []byte // what was read, a part of room
	end    int64  // of the place that was asked for last
}

const (
	windowBytes = 256 << 10
	nearBytes   = 32 << 10 // a place so far behind the last one follows it
)

// text returns the text at places, in room where it has to be put together. It is
// good until the next one.
func (w *window) text(room []byte, places []place) (text, roomThen []byte, err error) {
	if len(places) == 1 && places[0].length <= windowBytes/2 {
		text, err = w.read(places[0])
		return text, room, err
	}
	room, err = w.append(room[:0], places)
	return room, room, err
}

// append appends the text at places to dst.
func (w *window) append(dst []byte, places []place) ([]byte, error) {
	for _, p := range places {
		n := len(dst)
		if p.length > windowBytes/2 {
			dst = append(dst, make([]byte, p.length)...)
			if err := p.read(dst[n:]); err != nil {
				return nil, err
			}
			continue
		}
		text, err := w.read(p)
		if err != nil {
			return nil, err
		}
		dst = append(dst, text...)
	}
	return dst, nil
}

// read returns the text of a place that is shorter than the window. It is good
// until the next read.
func (w *window) read(p place) ([]byte, error) {
	a := &w.file
	if p.source.segment {
		a = &w.segment
	}
	follows := a.follows(p)
	a.end = p.offset + p.length
	switch {
	case a.has(p):
	case follows:
		if err := a.fill(p); err != nil {
			return nil, err
		}
	default:
		if a.source != p.source {
			a.source, a.bytes = p.source, nil
		}
		w.own = append(w.own[:0], make([]byte, p.length)...)
		return w.own, p.read(w.own)
	}
	text := a.bytes[p.offset-a.offset:][:p.length]
	if xxh3.Hash(text) != p.hash {
		return nil, p.source.changed()
	}
	return text, nil
}

func (a *ahead) has(p place) bool {
	return a.source == p.source && p.offset >= a.offset && p.offset+p.length <= a.offset+int64(len(a.bytes))
}

// follows reports whether a place stands a little behind the last one.
func (a *ahead) follows(p place) bool {
	return a.source == p.source && p.offset >= a.end && p.offset-a.end <= nearBytes
}

func (a *ahead) fill(p place) error {
	if a.room == nil {
		a.room = make([]byte, windowBytes)
	}
	n, err := p.source.file.ReadAt(a.room, p.offset)
	a.offset, a.bytes = p.offset, a.room[:n]
	if int64(n) < p.length {
		return p.source.short(err)
	}
	return nil
}
