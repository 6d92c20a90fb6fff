package phext

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Writer writes scrolls in order with the shortest delimiters between them: the
// normal form. It is buffered: what was written is whole when Flush has returned
// nil. After an error of the writer below, every call returns that.
type Writer struct {
	w     *bufio.Writer
	at    Coordinate // of the last text
	next  Coordinate // of the scroll that was begun
	begun bool       // next has no text yet
	n     int64
	room  []byte // for delimiters
}

const (
	writeBuffer  = 64 << 10
	memoryBuffer = 4 << 10
)

// NewWriter returns a writer on w with a buffer of 64 KiB. Flush must be called at
// the end.
func NewWriter(w io.Writer) *Writer { return newWriter(w, writeBuffer) }

func newWriter(w io.Writer, buffer int) *Writer {
	return &Writer{w: bufio.NewWriterSize(w, buffer), at: First}
}

// Begin begins the scroll at c, which must stand behind those before and have no
// component 0; otherwise it returns an error and changes nothing. A scroll that
// gets no text is not written.
func (w *Writer) Begin(c Coordinate) error {
	if !c.hasPlace() {
		return fmt.Errorf("write scroll %v: a component is 0", c)
	}
	if !w.next.Less(c) {
		return fmt.Errorf("write scroll %v: is not behind %v", c, w.next)
	}
	w.next, w.begun = c, true
	return nil
}

var errNotBegun = errors.New("write text: no scroll was begun")

// Write adds text to the scroll that was begun last. It is not looked at: text
// with delimiters makes another document. It returns how much of text was taken.
func (w *Writer) Write(text []byte) (int, error) {
	if w.next.IsZero() {
		return 0, errNotBegun
	}
	if len(text) == 0 {
		return 0, nil
	}
	if w.begun {
		w.room = AppendDelimiters(w.room[:0], w.at, w.next)
		n, err := w.w.Write(w.room)
		w.n += int64(n)
		if err != nil {
			return 0, err
		}
		w.at, w.begun = w.next, false
	}
	n, err := w.w.Write(text)
	w.n += int64(n)
	return n, err
}

// WriteScroll is Begin and Write.
func (w *Writer) WriteScroll(c Coordinate, text []byte) error {
	if err := w.Begin(c); err != nil {
		return err
	}
	_, err := w.Write(text)
	return err
}

// Offset returns how many bytes the document has so far, delimiters included.
func (w *Writer) Offset() int64 { return w.n }

// Flush hands on what is buffered, and nothing is written behind the last text.
func (w *Writer) Flush() error { return w.w.Flush() }
