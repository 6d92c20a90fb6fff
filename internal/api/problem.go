package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/wbic16/sq-go"
)

// httpError is a failure that only HTTP has.
type httpError struct {
	status  int
	message string
	cause   error // for the log; may be nil
	noted   bool  // the log has it already
}

func (e *httpError) Error() string {
	if e.cause != nil {
		return e.message + ": " + e.cause.Error()
	}
	return e.message
}

// statusOf returns what an error is in HTTP.
func statusOf(err error) int {
	var e *httpError
	if errors.As(err, &e) {
		return e.status
	}
	return sq.ErrorCode(err).Status()
}

// detailOf returns what the caller is told of an error: one line.
func detailOf(err error) string {
	var e *httpError
	if errors.As(err, &e) {
		return e.message
	}
	detail := oneLine(sq.ErrorMessage(err))
	var at *lineError
	if errors.As(err, &at) {
		detail = fmt.Sprintf("line %d: %s", at.line, detail)
	}
	return detail
}

// lineError says which line of a body is why it was refused.
type lineError struct {
	line int // from 1
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

// oneLine returns a text with spaces for control characters.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// problem is an RFC 9457 problem document. Its type is about:blank, for which
// the title is that of the status; the code says what kind of failure it is to
// programs, who find the codes in package sq.
type problem struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail"`
	Code   sq.Code `json:"code,omitempty"`
	Line   int     `json:"line,omitempty"` // of the body that is why
}

// fail answers with an error, or breaks the connection when part of another
// answer was sent: what is cut short must not look complete.
func (c *call) fail(err error) {
	status := statusOf(err)
	c.note(err, status)
	if c.reply.started() {
		c.broken = true
		return
	}
	h := c.reply.Header()
	delete(h, "Etag")
	h["Cache-Control"] = noStore
	h["X-Request-Id"] = []string{c.id()}
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
	}
	kind, text := c.describe(err, status)
	h["Content-Type"] = kind
	delete(h, "Content-Length") // net/http counts short texts itself
	c.reply.WriteHeader(status)
	c.reply.Write(text) // a client that is gone misses nothing
	if !c.body.done {
		// net/http waits for the body, as long as that may stand still, before it
		// sends a short answer.
		c.reply.setDeadline(time.Now().Add(2 * c.reply.stall))
	}
}

// describe returns an error in the form that the client accepts.
func (c *call) describe(err error, status int) (kind []string, text []byte) {
	if !wantsProblem(c.request.Header["Accept"]) {
		return plainText, []byte(detailOf(err))
	}
	p := problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detailOf(err)}
	var at *lineError
	if errors.As(err, &at) {
		p.Line = at.line
	}
	var e *httpError
	if !errors.As(err, &e) {
		p.Code = sq.ErrorCode(err)
	}
	text, _ = json.Marshal(p) // strings and a number cannot fail
	return problemText, text
}

// note logs what went wrong on our side, which the caller is not told whole. The
// caller has the name of the call to ask with.
func (c *call) note(err error, status int) {
	var e *httpError
	if status < http.StatusInternalServerError || c.isGone(err) || errors.As(err, &e) && e.noted {
		return
	}
	level := slog.LevelError
	switch sq.ErrorCode(err) {
	case sq.Busy, sq.Closed, sq.Full:
		level = slog.LevelDebug
	case sq.Unreadable:
		level = slog.LevelWarn
	}
	c.server.log.Log(context.Background(), level, "request failed", slog.String("request", c.id()),
		slog.String("endpoint", c.name), slog.String("tenant", c.tenant.Name), slog.Any("error", err))
}

// isGone reports whether err only says that the client left, or that Shutdown
// did not wait.
func (c *call) isGone(err error) bool {
	return c.reply.lost || errors.Is(err, context.Canceled)
}
