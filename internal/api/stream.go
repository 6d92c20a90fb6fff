package api

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// Long replies are written as they are read, in the memory of one scroll. What
// fails on the way breaks the connection: see call.fail.

// buffers hold the beginning of a reply back: while nothing of it was sent, what
// fails can still be said, or done again.
var buffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, piece) }}

// get answers the whole phext: in normal form, or as it is when it is none, and
// then its length is not known beforehand.
func (c *call) get() error {
	return c.reading(func(s sq.Snapshot) error {
		h := c.reply.Header()
		if delete(h, "Content-Length"); s.Err() == nil {
			h["Content-Length"] = []string{strconv.FormatInt(s.Size(), 10)}
		}
		return c.stream(plainText, func(w *bufio.Writer) error {
			_, err := s.WriteTo(w)
			return err
		})
	})
}

// streaming answers with what write makes of a snapshot.
func (c *call) streaming(kind []string, write func(*bufio.Writer, sq.Snapshot) error) error {
	return c.reading(func(s sq.Snapshot) error {
		if err := s.Err(); err != nil {
			return err
		}
		return c.stream(kind, func(w *bufio.Writer) error { return write(w, s) })
	})
}

// stream answers with what write writes. Nothing is read for HEAD.
func (c *call) stream(kind []string, write func(*bufio.Writer) error) error {
	c.reply.Header()["Content-Type"] = kind
	if c.request.Method == http.MethodHead {
		c.reply.WriteHeader(http.StatusOK)
		return nil
	}
	w := buffers.Get().(*bufio.Writer)
	defer func() {
		w.Reset(nil)
		buffers.Put(w)
	}()
	w.Reset(&c.reply)
	if err := write(w); err != nil {
		return err
	}
	return w.Flush()
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
