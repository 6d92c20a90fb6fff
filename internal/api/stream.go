package api

import (
	"bufio"
	"net/http"
	"strconv"
	"sync"

	"github.com/wbic16/sq-go"
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
	return c.streaming(plainText, func(w *bufio.Writer, s sq.Snapshot) error { return WriteToc(w, s) })
}

// exportJSON answers a JSON array of all scrolls.
func (c *call) exportJSON() error { return c.streaming(jsonText, WriteJSON) }

// appendScroll appends a scroll as {"coord": …, "scroll": …}.
func appendScroll(dst []byte, scroll sq.Scroll) []byte {
	dst = append(dst, `{"coord":"`...)
	dst, _ = scroll.Coordinate.AppendText(dst)
	dst = append(dst, `","scroll":`...)
	return append(appendJSON(dst, scroll.Text), '}')
}

// plainInJSON has the bytes that stand for themselves in a string of JSON (RFC
// 8259, section 7). Those that begin or end something in HTML do not.
var plainInJSON = func() (plain [256]bool) {
	for b := range plain {
		plain[b] = b >= ' ' && b != '"' && b != '\\' && b != '<' && b != '>' && b != '&'
	}
	return plain
}()

// appendJSON appends text, which must be UTF-8, as a string of JSON. It is here
// because encoding/json takes seven times as long over a whole phext.
func appendJSON(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i, b := range text {
		if plainInJSON[b] {
			continue
		}
		dst = append(dst, text[from:i]...)
		switch from = i + 1; b {
		case '\n':
			dst = append(dst, '\\', 'n')
		case '"', '\\':
			dst = append(dst, '\\', b)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
		}
	}
	return append(append(dst, text[from:]...), '"')
}
