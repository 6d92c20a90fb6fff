package api

import (
	"bufio"
	"fmt"
	"io"
	"iter"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// The words of the replies, which the commands of the program print as well. Those
// that write are for long replies: they read the snapshot as they go.

// Inserted is the reply to an insert of a text of n bytes.
func Inserted(n int) string { return fmt.Sprintf("Inserted %d bytes", n) }

// Updated is the reply to an update with a text of n bytes.
func Updated(n int) string { return fmt.Sprintf("Updated %d bytes", n) }

// Removed is the reply to the removal of a scroll of n bytes.
func Removed(n int64) string { return fmt.Sprintf("Removed %d bytes", n) }

// StatusLines is the reply to status: four lines. The connection is a number that
// the server counts, the bytes are those of the normal form.
func StatusLines(name sq.PhextName, connection uint64, bytes int64, scrolls int) string {
	return fmt.Sprintf("Hosting: %s.phext\nConnection ID: %d\nPhext Size: %d\nScrolls: %d\n", name, connection, bytes, scrolls)
}

// WriteToc writes a line for each scroll.
func WriteToc(w io.Writer, s sq.Snapshot) error {
	var line []byte
	for scroll, err := range s.Scan(phext.Coordinate{}, phext.Last) {
		if err != nil {
			return err
		}
		line = phext.AppendTocLine(line[:0], scroll.Coordinate, scroll.Text)
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return nil
}

// WriteJSON writes a JSON array of all scrolls.
func WriteJSON(w *bufio.Writer, s sq.Snapshot) error {
	line := []byte{'['}
	for scroll, err := range s.Scan(phext.Coordinate{}, phext.Last) {
		if err != nil {
			return err
		}
		line = appendScroll(line, scroll)
		if _, err := w.Write(line); err != nil {
			return err
		}
		line = append(line[:0], ',')
	}
	if line[0] == '[' {
		w.Write(line) // an error stays, and Flush returns it
	}
	_, err := w.WriteString("]\n")
	return err
}

// DeltaMissing is the text, in a delta, of a scroll that only the caller has.
const DeltaMissing = missing

// Have reads lines COORD: CHECKSUM of what a caller has, as the body of a delta has
// them. Invalid: a line is none.
func Have(lines []byte) (iter.Seq2[phext.Coordinate, phext.Checksum], error) {
	list, err := parseHad(lines)
	return func(yield func(phext.Coordinate, phext.Checksum) bool) {
		for _, h := range list {
			if !yield(h.coordinate, h.sum) {
				return
			}
		}
	}, err
}

// Delta calls each with the scrolls whose checksum differs from those in the lines of
// have, and with the coordinates that are only there, in order. The text is valid
// until each returns. Invalid: a line is none, and each was not called.
func Delta(s sq.Snapshot, have []byte, each func(at phext.Coordinate, text []byte, missing bool) error) error {
	list, err := parseHad(have)
	if err != nil {
		return err
	}
	return writeDelta(eachDelta(each), s, list, between{})
}

// eachDelta is a delta that is told to a function.
type eachDelta func(at phext.Coordinate, text []byte, missing bool) error

func (f eachDelta) scroll(c phext.Coordinate, text []byte) error { return f(c, text, false) }
func (f eachDelta) missing(c phext.Coordinate) error             { return f(c, nil, true) }
