package disk

import (
	"io"
	"iter"
	"sync/atomic"

	"github.com/zeebo/xxh3"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// snapshot is a view that is held, so that the files it reads stay open.
type snapshot struct {
	view   *view
	handle *handle
	closed atomic.Bool
}

var _ sq.Snapshot = (*snapshot)(nil)

func (s *snapshot) Exists() bool { return s.view.exists }
func (s *snapshot) Err() error {
	if s.view.opaque {
		return s.view.problem
	}
	return nil
}
func (s *snapshot) Scrolls() int { return s.view.scrolls }
func (s *snapshot) Size() int64  { return s.view.size }

func (s *snapshot) Position() sq.Position {
	return sq.Position{Epoch: s.handle.epoch, Sequence: s.view.sequence}
}

func (s *snapshot) Has(c phext.Coordinate) (int64, bool) {
	size := s.view.has(c)
	return size, size > 0
}

func (s *snapshot) Get(c phext.Coordinate) ([]byte, bool, error) {
	if err := s.Err(); err != nil {
		return nil, false, err
	}
	var room [4]place
	places := s.view.find(c, room[:0])
	if len(places) == 0 {
		return nil, false, nil
	}
	text, err := readAll(places)
	s.suspect(err)
	return text, err == nil, err
}

// suspect has the file looked at again when a read found other bytes than those
// that were indexed.
func (s *snapshot) suspect(err error) {
	if err == errChanged {
		s.handle.look.Store(0)
	}
}

func (s *snapshot) Scan(from, to phext.Coordinate) iter.Seq2[sq.Scroll, error] {
	return func(yield func(sq.Scroll, error) bool) {
		if err := s.Err(); err != nil {
			yield(sq.Scroll{}, err)
			return
		}
		s.scan(from, to, yield)
	}
}

func (s *snapshot) scan(from, to phext.Coordinate, yield func(sq.Scroll, error) bool) {
	var places []place
	var text []byte
	window := window{}
	for m := s.view.merge(from); ; {
		c, ok := m.next()
		if !ok || to.Less(c) {
			return
		}
		places = s.view.find(c, places[:0])
		text = text[:0]
		for _, p := range places {
			piece, err := window.read(p)
			if err != nil {
				s.suspect(err)
				yield(sq.Scroll{}, err)
				return
			}
			text = append(text, piece...)
		}
		if !yield(sq.Scroll{Coordinate: c, Text: text}, nil) {
			return
		}
	}
}

func (s *snapshot) WriteTo(w io.Writer) (int64, error) {
	if s.view.opaque {
		return io.Copy(w, io.NewSectionReader(s.view.file.file, 0, s.handle.rawSize.Load()))
	}
	out := phext.NewWriter(w)
	for scroll, err := range s.Scan(phext.Coordinate{}, phext.Last) {
		if err == nil {
			err = out.WriteScroll(scroll.Coordinate, scroll.Text)
		}
		if err != nil {
			return out.Offset(), err
		}
	}
	return out.Offset(), out.Flush()
}

func (s *snapshot) Checksum() (phext.Checksum, error) {
	if err := s.Err(); err != nil {
		return phext.Checksum{}, err
	}
	sum := xxh3.New()
	if _, err := s.WriteTo(sum); err != nil {
		return phext.Checksum{}, err
	}
	return phext.Checksum(sum.Sum128().Bytes()), nil
}

func (s *snapshot) Close() {
	if s.closed.CompareAndSwap(false, true) {
		s.view.files.release()
		s.handle.unpin()
	}
}

// window reads a file ahead, for places that follow each other.
type window struct {
	source *source
	offset int64
	bytes  []byte
	big    []byte
}

const windowBytes = 256 << 10

// read returns the text of a place, valid until the next read.
func (w *window) read(p place) ([]byte, error) {
	if p.length > windowBytes/2 {
		if int64(cap(w.big)) < p.length {
			w.big = make([]byte, p.length)
		}
		w.big = w.big[:p.length]
		return w.big, p.read(w.big)
	}
	if p.source != w.source || p.offset < w.offset || p.offset+p.length > w.offset+int64(len(w.bytes)) {
		if err := w.fill(p); err != nil {
			return nil, err
		}
	}
	text := w.bytes[p.offset-w.offset:][:p.length]
	if xxh3.Hash(text) != p.hash {
		return nil, errChanged
	}
	return text, nil
}

func (w *window) fill(p place) error {
	if w.bytes == nil {
		w.bytes = make([]byte, windowBytes)
	}
	n, err := p.source.file.ReadAt(w.bytes[:windowBytes], p.offset)
	w.source, w.offset, w.bytes = p.source, p.offset, w.bytes[:n]
	if int64(n) < p.length {
		if err == nil || isEOF(err) {
			return errChanged
		}
		return sq.Wrap(err, sq.Internal, "read a scroll")
	}
	return nil
}
