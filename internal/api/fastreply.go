package api

import (
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fastReply is the reply to a plain request. A whole one goes out in one write; of a long
// one, whose length has to be announced, pieces do. It belongs to the goroutine
// that reads, as the request does.
type fastReply struct {
	conn   *framedConn
	header http.Header
	names  []string // of header, to sort

	status int
	length int64 // of the body, as announced; -1: it is what was written
	bytes  int64 // of the body, so far
	closes bool  // it is the last on its connection
	room   *[]byte
	text   []byte // that was not sent yet, the head in front once the length is known
	err    error

	second int64  // that date is of
	date   []byte // the header
}

// rooms are what replies are put together in.
var rooms = sync.Pool{New: func() any { return new([]byte) }}

// begin begins the next reply.
func (w *fastReply) begin(closes bool) {
	if w.header == nil {
		w.header = make(http.Header, 8)
	}
	clear(w.header)
	w.status, w.length, w.bytes, w.closes, w.err = 0, -1, 0, closes, nil
	w.room = rooms.Get().(*[]byte)
	w.text = (*w.room)[:0]
}

func (w *fastReply) Header() http.Header { return w.header }

// WriteHeader sends the status, once. One that only informs is nobody's here.
func (w *fastReply) WriteHeader(status int) {
	if w.status != 0 || status < http.StatusOK {
		return
	}
	w.status = status
	if w.closes = w.closes || w.conn.all.ending.Load() || slices.Contains(w.header["Connection"], "close"); w.closes {
		w.header["Connection"] = closing
	}
	if told := w.header["Content-Length"]; len(told) == 1 {
		if n, err := strconv.ParseInt(told[0], 10, 64); err == nil {
			w.length = n
			w.text = w.appendHead(w.text)
		}
	}
}

// Write takes a part of the body. It goes out at the end, when the request has given back
// what it held: the next one of the client may need that. Of a body that was announced,
// what has come together goes out before when it is much.
func (w *fastReply) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	switch {
	case !hasBody(w.status):
		return 0, http.ErrBodyNotAllowed
	case w.length >= 0 && w.bytes+int64(len(p)) > w.length:
		return 0, http.ErrContentLength
	}
	if w.bytes += int64(len(p)); w.length < 0 || len(w.text)+len(p) <= piece {
		w.text = append(w.text, p...)
	} else if w.send(); w.err == nil {
		_, w.err = w.conn.Write(p)
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

// SetWriteDeadline and SetReadDeadline are for http.ResponseController.
func (w *fastReply) SetWriteDeadline(t time.Time) error { return w.conn.SetWriteDeadline(t) }

// SetReadDeadline does nothing: the body is there.
func (w *fastReply) SetReadDeadline(time.Time) error { return nil }

// hasBody reports whether replies of a status have one (RFC 9110, section 6.4.1).
func hasBody(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

// end sends what was not sent yet. The connection cannot go on after an error.
func (w *fastReply) end() error {
	w.WriteHeader(http.StatusOK)
	if w.length < 0 {
		w.length = w.bytes
		if hasBody(w.status) {
			w.header["Content-Length"] = []string{strconv.FormatInt(w.length, 10)}
		}
		w.text = append(w.appendHead(nil), w.text...)
	}
	if w.send(); w.err == nil && w.bytes < w.length && hasBody(w.status) {
		w.err = io.ErrUnexpectedEOF // of what was announced
	}
	if cap(w.text) <= piece {
		*w.room = w.text
		rooms.Put(w.room)
	}
	w.room, w.text = nil, nil
	return w.err
}

// send sends what was not sent yet.
func (w *fastReply) send() {
	if w.err == nil && len(w.text) > 0 {
		_, w.err = w.conn.Write(w.text)
	}
	w.text = w.text[:0]
}

// appendHead appends the status and the headers, sorted.
func (w *fastReply) appendHead(b []byte) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(w.status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(w.status)...)
	b = append(b, "\r\n"...)
	w.names = w.names[:0]
	for name := range w.header {
		w.names = append(w.names, name)
	}
	slices.Sort(w.names)
	for _, name := range w.names {
		for _, value := range w.header[name] {
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, inOneLine(value)...)
			b = append(b, "\r\n"...)
		}
	}
	b = append(b, w.dateLine(time.Now())...)
	return append(b, "\r\n"...)
}

// dateLine returns the header that says when the reply was made, which changes once
// a second.
func (w *fastReply) dateLine(now time.Time) []byte {
	if now.Unix() != w.second {
		w.second = now.Unix()
		w.date = now.UTC().AppendFormat(append(w.date[:0], "Date: "...), http.TimeFormat+"\r\n")
	}
	return w.date
}

// inOneLine returns the value of a header, without ends of lines.
func inOneLine(value string) string {
	if strings.IndexByte(value, '\r') < 0 && strings.IndexByte(value, '\n') < 0 {
		return value
	}
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(value)
}
