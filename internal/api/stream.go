package api

import (
	"bufio"
	"encoding/json"
	"io"
	"strconv"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// Long replies are written as they are read, in the memory of one scroll. What
// fails on the way breaks the connection: see call.fail.

// get answers the whole phext: in normal form, or as it is when it is none.
func (c *call) get() error {
	return c.reading(func(s sq.Snapshot) error {
		h := c.reply.Header()
		h["Content-Type"] = plainText
		if s.Err() == nil {
			h["Content-Length"] = []string{strconv.FormatInt(s.Size(), 10)}
		}
		_, err := s.WriteTo(&c.reply)
		return err
	})
}

// streaming answers with what write makes of a snapshot.
func (c *call) streaming(kind []string, write func(*bufio.Writer, sq.Snapshot) error) error {
	return c.reading(func(s sq.Snapshot) error {
		if err := s.Err(); err != nil {
			return err
		}
		c.reply.Header()["Content-Type"] = kind
		w := bufio.NewWriterSize(&c.reply, piece)
		if err := write(w, s); err != nil {
			return err
		}
		return w.Flush()
	})
}

// toc answers a line for each scroll.
func (c *call) toc() error {
	return c.streaming(plainText, func(w *bufio.Writer, s sq.Snapshot) error {
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
	})
}

// exportJSON answers a JSON array of all scrolls.
func (c *call) exportJSON() error {
	return c.streaming(jsonText, func(w *bufio.Writer, s sq.Snapshot) error {
		before := "["
		for scroll, err := range s.Scan(phext.Coordinate{}, phext.Last) {
			if err == nil {
				_, err = w.WriteString(before)
			}
			if err == nil {
				err = writeJSON(w, scroll)
			}
			if err != nil {
				return err
			}
			before = ","
		}
		if before == "[" {
			w.WriteString(before) // an error stays, and Flush returns it
		}
		_, err := w.WriteString("]\n")
		return err
	})
}

// writeJSON writes one scroll as {"coord": …, "scroll": …}.
func writeJSON(w io.Writer, scroll sq.Scroll) error {
	text, err := json.Marshal(struct {
		Coord  string `json:"coord"`
		Scroll string `json:"scroll"`
	}{scroll.Coordinate.String(), string(scroll.Text)})
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
