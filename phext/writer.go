package phext

import (
	"bufio"
	"fmt"
	"io"
)

// Writer writes scrolls in order with the shortest delimiters between them: the
// normal form. It is buffered.
type Writer struct {
	w     *bufio.Writer
	at    Coordinate // of the last text
	next  Coordinate // of the scroll that was begun
	begun bool       // next has no text yet
	n     int64
	room  []byte
}

// NewWriter returns a writer on w. Flush must be called at the end.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: bufio.NewWriterSize(w, 64<<10), at: First}
}

// Begin starts the scroll at c, which must stand behind those before. A scroll
// that gets no text is not written.
func (w *Writer) Begin(c Coordinate) error {
	if !w.next.Less(c) {
		return fmt.Errorf("write scroll %v: is not behind %v", c, w.next)
	}
	w.next, w.begun = c, true
	return nil
}

// Write adds text to the scroll that was begun. It is not looked at: text with
// delimiters makes another document.
func (w *Writer) Write(text []byte) (int, error) {
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

// Offset returns the bytes that were written, buffered ones included.
func (w *Writer) Offset() int64 { return w.n }

// Flush hands on what is buffered.
func (w *Writer) Flush() error { return w.w.Flush() }
