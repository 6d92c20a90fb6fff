package phext

import "io"

// Stream yields the scrolls of a document of any size, piece by piece, in the
// memory of its window. A scroll that fits into the window comes in one piece. It
// allocates nothing for a scroll and copies no byte more than once.
//
// Its methods other than Next and Err describe the piece to which Next moved, and
// may be called until the next call of Next.
type Stream struct {
	r          io.Reader
	buf        []byte
	delimiters finder     // of what was read: the front of buf
	next       int        // where in buf that begins which was not yielded
	here       Coordinate // of what begins there
	base       int64      // offset of buf[0] in the stream
	ended      error      // what the reader said last: io.EOF or why it failed
	done       bool
	err        error

	start, end  int // the piece in buf
	c           Coordinate
	offset      int64
	length      int64
	first, last bool
}

const (
	streamWindow = 1 << 20
	emptyReads   = 100 // after so many in a row a reader is given up, as in bufio
)

// NewStream returns a stream over r. buf is its window, of one byte or more; nil
// stands for one of 1 MiB. The caller must not use buf meanwhile.
func NewStream(r io.Reader, buf []byte) *Stream {
	if len(buf) == 0 {
		buf = make([]byte, streamWindow)
	}
	return &Stream{r: r, buf: buf, here: First, last: true}
}

// Next moves to the next piece of a scroll that is not empty; false at the end,
// when Err tells how it ended. After a failed read the scrolls before it are
// yielded; the one in which it happened gets no last piece.
func (s *Stream) Next() bool {
	for !s.done {
		end := s.delimiters.next()
		if end == len(s.delimiters.text) {
			if s.ended == nil && (s.next > 0 || end < len(s.buf)) {
				s.fill()
				continue
			}
			return s.rest(end)
		}
		yields := s.piece(end, true)
		if s.count(end); yields {
			return true
		}
	}
	return false
}

// rest yields what was read up to end, where no delimiter is.
func (s *Stream) rest(end int) bool {
	if s.ended == nil {
		return s.piece(end, false)
	}
	s.done = true
	if s.ended != io.EOF {
		s.err = s.ended
		return false
	}
	return s.piece(end, true)
}

// piece makes what was not yielded up to end the current piece; false when it is
// an empty scroll.
func (s *Stream) piece(end int, last bool) bool {
	n := int64(end - s.next)
	if n == 0 && s.last {
		return false
	}
	if s.first = s.last; s.first {
		s.c, s.offset, s.length = s.here, s.base+int64(s.next), 0
	}
	s.start, s.end, s.last = s.next, end, last
	s.length += n
	s.next = end
	return true
}

// count takes the delimiter at end into account.
func (s *Stream) count(end int) {
	b := s.buf[end]
	if s.next = end + 1; !s.here.pass(b) {
		s.done, s.err = true, passed(s.base+int64(end), b)
	}
}

// fill moves what is left to the front of the window and reads on.
func (s *Stream) fill() {
	n := copy(s.buf, s.delimiters.text[s.next:])
	s.base += int64(s.next)
	s.next = 0
	known := n // to hold no delimiter
	for empty := 0; n == known && s.ended == nil; empty++ {
		if empty == emptyReads {
			s.ended = io.ErrNoProgress
			break
		}
		var more int
		more, s.ended = s.r.Read(s.buf[n:])
		n += more
	}
	s.delimiters = finder{text: s.buf[:n], at: known}
}

// Coordinate returns where the scroll is.
func (s *Stream) Coordinate() Coordinate { return s.c }

// Offset returns where the scroll's text begins in the stream, in bytes. It is
// the same for all pieces of a scroll.
func (s *Stream) Offset() int64 { return s.offset }

// Text returns the piece, a part of the window that the next call of Next
// overwrites. A piece may end inside a character. The last of several pieces may
// be empty.
func (s *Stream) Text() []byte { return s.buf[s.start:s.end:s.end] }

// First reports whether the piece is the first of its scroll.
func (s *Stream) First() bool { return s.first }

// Last reports whether the piece is the last of its scroll.
func (s *Stream) Last() bool { return s.last }

// Len returns the bytes of the scroll up to the end of this piece.
func (s *Stream) Len() int64 { return s.length }

// Err returns nil at the end of the document, and otherwise a *DimensionError, the
// error of the reader as it is, or io.ErrNoProgress when it went on reading
// nothing. It stands when Next has returned false.
func (s *Stream) Err() error { return s.err }
