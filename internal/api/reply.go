package api

import (
	"net/http"
	"strconv"
	"time"
)

// reply is the response to one request. It knows what was sent, and moves the
// write deadline on as the client takes it: a slow reader may take all day, one
// that stands still may not.
type reply struct {
	http.ResponseWriter
	progress
	status int   // 0 while nothing was sent
	bytes  int64 // of the body
	lost   bool  // the client did not take it
}

// piece is how much is written under one deadline.
const piece = 64 << 10

// Unwrap is for http.ResponseController.
func (w *reply) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// started reports whether the client may have seen something of the reply.
func (w *reply) started() bool { return w.status != 0 }

// WriteHeader sends a status; one that only informs is not the reply's.
func (w *reply) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		w.status = status
	}
	w.move(w.setDeadline)
	w.ResponseWriter.WriteHeader(status)
}

func (w *reply) Write(p []byte) (n int, err error) {
	if !w.started() {
		w.WriteHeader(http.StatusOK)
	}
	for len(p) > 0 && err == nil {
		m := min(len(p), piece)
		w.move(w.setDeadline)
		m, err = w.ResponseWriter.Write(p[:m])
		n += m
		p = p[m:]
	}
	w.bytes += int64(n)
	w.lost = err != nil
	return n, err
}

// FlushError is what http.ResponseController flushes with. A small piece of a stream
// fails here and not when it is written, once the client has left.
func (w *reply) FlushError() error {
	if !w.started() {
		w.WriteHeader(http.StatusOK)
	}
	w.move(w.setDeadline)
	err := http.NewResponseController(w.ResponseWriter).Flush()
	w.lost = w.lost || err != nil
	return err
}

func (w *reply) setDeadline(t time.Time) {
	http.NewResponseController(w.ResponseWriter).SetWriteDeadline(t) // where there is none, none is needed
}

// progress is a deadline that is moved on.
type progress struct {
	stall time.Duration
	moved time.Time
}

// move sets the deadline one stall ahead, unless that was done a moment ago: it
// falls between 7/8 and a whole stall ahead.
func (p *progress) move(set func(time.Time)) {
	if now := time.Now(); now.Sub(p.moved) > p.stall/8 {
		p.moved = now
		set(now.Add(p.stall))
	}
}

// The values of headers that are shared by all replies; nobody changes them.
var (
	plainText   = []string{"text/plain; charset=utf-8"}
	jsonText    = []string{"application/json"}
	jsonLines   = []string{"application/x-ndjson"}
	eventText   = []string{"text/event-stream"}
	problemText = []string{"application/problem+json"}
	noSniff     = []string{"nosniff"}
	noStore     = []string{"no-store"}
	ask         = []string{"private, no-cache"} // keep it for yourself, and ask before you use it again
	closing     = []string{"close"}
	anyOrigin   = []string{"*"}
)

// send answers with a whole text.
func (c *call) send(kind []string, text []byte) error {
	h := c.reply.Header()
	h["Content-Type"] = kind
	h["Content-Length"] = []string{strconv.Itoa(len(text))}
	_, err := c.reply.Write(text)
	return err
}

// sendLine answers with a line of text.
func (c *call) sendLine(text string) error { return c.send(plainText, []byte(text)) }
