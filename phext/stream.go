package phext

import (
	"errors"
	"io"
)

// Stream yields the scrolls of a document of any size, piece by piece, in the
// memory of its window. A scroll that fits into the window comes in one piece.
// It allocates nothing for a scroll.
type Stream struct {
	r     io.Reader
	buf   []byte
	start int   // what was not yielded yet
	seen  int   // what is known to hold no delimiter, from start on
	end   int   // what was read
	base  int64 // offset of buf[0] in the stream
	here  Coordinate
	err   error
	eof   bool

	c           Coordinate
	offset      int64
	text        []byte
	length      int64
	first, last bool
}

const streamWindow = 1 << 20

// NewStream returns a stream over r. buf is its window; nil stands for one of 1
// MiB.
func NewStream(r io.Reader, buf []byte) *Stream {
	if len(buf) == 0 {
		buf = make([]byte, streamWindow)
	}
	return &Stream{r: r, buf: buf, here: First, last: true}
}

// Next moves to the next piece of a scroll that is not empty; false at the end,
// when Err tells how it ended.
func (s *Stream) Next() bool {
	for s.err == nil {
		n := s.seen + indexDelimiter(s.buf[s.start+s.seen:s.end])
		whole := s.start+n < s.end
		if !whole && !s.eof && (s.start > 0 || s.end < len(s.buf)) {
			s.seen = n
			s.fill()
			continue
		}
		if s.piece(n, whole || s.eof) {
			if whole {
				s.count()
			}
			return true
		}
		if whole {
			s.count()
		} else if s.eof {
			return false
		}
	}
	return false
}

// piece makes the next n bytes the current piece; false when they are none.
func (s *Stream) piece(n int, last bool) bool {
	if n == 0 && s.last {
		return false // an empty scroll
	}
	if s.first = s.last; s.first {
		s.c, s.offset, s.length = s.here, s.base+int64(s.start), 0
	}
	s.text, s.last = s.buf[s.start:s.start+n], last
	s.length += int64(n)
	s.start, s.seen = s.start+n, 0
	return true
}

// count takes the delimiter at start into account.
func (s *Stream) count() {
	i := int(counts[s.buf[s.start]]) - 1
	next, ok := s.here.after(i)
	if s.here = next; !ok {
		s.err = &DimensionError{s.base + int64(s.start), names[i]}
	}
	s.start++
	s.seen = 0
}

// fill moves what is left to the front of the window and reads on.
func (s *Stream) fill() {
	if s.start > 0 {
		copy(s.buf, s.buf[s.start:s.end])
		s.base += int64(s.start)
		s.start, s.end = 0, s.end-s.start
	}
	n, err := s.r.Read(s.buf[s.end:])
	s.end += n
	if errors.Is(err, io.EOF) {
		s.eof = true
	} else if err != nil {
		s.err = err
	}
}

// Coordinate returns where the scroll is.
func (s *Stream) Coordinate() Coordinate { return s.c }

// Offset returns where the scroll's text begins in the stream, in bytes.
func (s *Stream) Offset() int64 { return s.offset }

// Text returns the piece, valid until Next. The last piece of a scroll in
// several may be empty.
func (s *Stream) Text() []byte { return s.text }

// First and Last report whether the piece is the first or last of its scroll.
func (s *Stream) First() bool { return s.first }

// Last is described at First.
func (s *Stream) Last() bool { return s.last }

// Len returns the bytes of the scroll up to the end of this piece.
func (s *Stream) Len() int64 { return s.length }

// Err returns nil at the end of the document, a *DimensionError, or the error of
// the reader.
func (s *Stream) Err() error { return s.err }
