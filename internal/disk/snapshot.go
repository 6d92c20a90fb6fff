package disk

import (
	"io"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// snapshot is a view that is held, so that the files it reads stay open and the
// phext is not closed.
type snapshot struct {
	*view
	handle *handle
	closed atomic.Bool
}

var _ sq.Snapshot = (*snapshot)(nil)

// checksum is that of the normal form of a view, reckoned once.
type checksum struct {
	mu   sync.Mutex
	done bool
	sum  phext.Checksum
}

func (s *snapshot) Exists() bool { return s.exists }
func (s *snapshot) Scrolls() int { return s.scrolls }
func (s *snapshot) Size() int64  { return s.size }

func (s *snapshot) Err() error {
	if s.opaque {
		return s.problem
	}
	return nil
}

// Problem is why the phext cannot be written to though it may be read: its journal is
// damaged (Unreadable), or there was no room to open it. nil when it can.
func (s *snapshot) Problem() error { return s.problem }

// Modified is when the phext was written last: its file, or its journal where the file
// does not hold all yet. Folding the journal into the file counts, so it may be
// later than the newest change by as long as that waits. False when there is no
// file. It asks the file system.
func (s *snapshot) Modified() (newest time.Time, ok bool) {
	for _, source := range s.files.sources {
		if source.segment && !s.pending() {
			continue
		}
		info, err := source.file.Stat()
		if err == nil && info.Identity.Modified.After(newest) {
			newest = info.Identity.Modified
		}
	}
	return newest, !newest.IsZero()
}

func (s *snapshot) Position() sq.Position {
	return sq.Position{Epoch: s.handle.epoch, Sequence: s.sequence}
}

func (s *snapshot) Has(c phext.Coordinate) (int64, bool) {
	if s.opaque {
		return 0, false
	}
	size := s.has(c)
	return size, size > 0
}

func (s *snapshot) Get(dst []byte, c phext.Coordinate) ([]byte, bool, error) {
	if err := s.Err(); err != nil {
		return dst, false, err
	}
	var room [4]place
	places := s.find(c, room[:0])
	if len(places) == 0 {
		return dst, false, nil
	}
	text, err := readAll(dst, places)
	s.handle.suspect(err)
	return text, err == nil, err
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
	var text, room []byte
	var w window
	for m := s.merge(from); m.next() && !to.Less(m.coordinate); {
		var err error
		if text, room, err = w.text(room, m.places); err != nil {
			s.handle.suspect(err)
			yield(sq.Scroll{}, err)
			return
		}
		if !yield(sq.Scroll{Coordinate: m.coordinate, Text: text}, nil) {
			return
		}
	}
}

func (s *snapshot) WriteTo(w io.Writer) (int64, error) {
	if s.opaque {
		if s.file == nil {
			return 0, s.problem
		}
		return io.Copy(w, io.NewSectionReader(s.file.file, 0, s.identity.Size))
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

// Checksum costs nothing for a phext at rest whose file is in normal form: there
// is no other text as short that has the same scrolls, so equal sizes tell.
func (s *snapshot) Checksum() (phext.Checksum, error) {
	if err := s.Err(); err != nil {
		return phext.Checksum{}, err
	}
	s.sum.mu.Lock()
	defer s.sum.mu.Unlock()
	if s.sum.done {
		return s.sum.sum, nil
	}
	if s.file != nil && !s.pending() && s.identity.Size == s.size {
		return s.identity.Sum, nil
	}
	sum := xxh3.New()
	if _, err := s.WriteTo(sum); err != nil {
		return phext.Checksum{}, err
	}
	s.sum.sum, s.sum.done = phext.Checksum(sum.Sum128().Bytes()), true
	return s.sum.sum, nil
}

func (s *snapshot) Close() {
	if s.closed.CompareAndSwap(false, true) {
		s.handle.release(s.files)
		s.handle.unpin()
	}
}
