package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wbic16/sq-go"
)

// unanswered says what it means that no answer came, or half of one. sent tells
// that the server may have seen the request.
func (c *Client) unanswered(ctx context.Context, q *ask, sent bool, err error) error {
	var ours *sq.Error
	if errors.As(err, &ours) {
		return err // of the body that was to be sent
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the URL, which the message has, and the texts in it
	}
	gone := c.ctx.Err() != nil
	if ended := ctx.Err(); ended != nil {
		err = ended
	}
	switch {
	case q.writes && sent:
		return sq.Wrap(err, sq.Uncertain, "%s did not answer %s: it was done or not; look before you do it again", c.name, q.endpoint)
	case gone:
		return errClosed
	case ctx.Err() != nil:
		return sq.Wrap(err, sq.Busy, "%s was not waited for", c.name)
	case sent:
		return sq.Wrap(err, sq.Busy, "the connection to %s was lost", c.name)
	}
	return sq.Wrap(err, sq.Busy, "no server answers at %s", c.name)
}

// problem is an RFC 9457 problem document, as far as it matters here.
type problem struct {
	Detail string  `json:"detail"`
	Code   sq.Code `json:"code"`
	Line   int     `json:"line"`
}

// mostRefusal is how long the body of an error is read.
const mostRefusal = 64 << 10

// refusal returns the error that an answer is. The server's words are the message;
// where they tell a person too little, what to do is behind them.
func (a *answer) refusal() error {
	text, err := io.ReadAll(io.LimitReader(a.Body, mostRefusal))
	if err != nil {
		return a.client.unanswered(a.ctx, a.ask, true, err)
	}
	if a.ask.method == http.MethodHead { // which has no words
		return sq.Errorf(sq.StatusCode(a.StatusCode), "%s answers %s %s with %d %s", a.client.name, a.ask.method, a.ask.endpoint, a.StatusCode, http.StatusText(a.StatusCode))
	}
	var p problem
	if !a.is("application/problem+json") || json.Unmarshal(text, &p) != nil || p.Detail == "" {
		return a.foreign(text)
	}
	if !p.Code.Known() {
		return a.unknown(p.Detail)
	}
	err = sq.Errorf(p.Code, "%s", a.explained(p))
	if p.Line > 0 {
		err = &sq.OpError{Index: p.Line - 1, Err: err}
	}
	return err
}

// explained returns the server's words with what to do.
func (a *answer) explained(p problem) string {
	detail := printable(p.Detail)
	switch {
	case p.Code == sq.Unauthorized && a.client.token == "":
		return fmt.Sprintf("%s: %s wants a token, and none was given", detail, a.client.name)
	case p.Code == sq.Unauthorized:
		return fmt.Sprintf("%s: %s does not know the token", detail, a.client.name)
	}
	return detail
}

// unknown is an error of HTTP itself: a path or a method that there is none of, a
// request that the server could not read.
func (a *answer) unknown(detail string) error {
	detail = printable(detail)
	switch a.StatusCode {
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return sq.Errorf(sq.Invalid, "%s: %s does not know %s %s; it may be an older SQ", detail, a.client.name, a.ask.method, a.ask.endpoint)
	}
	return sq.Errorf(sq.StatusCode(a.StatusCode), "%s", detail)
}

// foreign is an answer that is no problem document: of a proxy, of another program,
// or of an SQ of old, which has only text.
func (a *answer) foreign(text []byte) error {
	code, what := sq.StatusCode(a.StatusCode), fmt.Sprintf("%s answers %s %s with %d %s", a.client.name, a.ask.method, a.ask.endpoint, a.StatusCode, http.StatusText(a.StatusCode))
	if to, err := a.Location(); err == nil && a.StatusCode < http.StatusBadRequest {
		return sq.Errorf(sq.Invalid, "%s, which leads to %s; give that as the server if it is to be asked", what, printable(to.Scheme+"://"+to.Host))
	}
	if a.ask.writes && (a.StatusCode == http.StatusBadGateway || a.StatusCode == http.StatusGatewayTimeout) {
		return sq.Errorf(sq.Uncertain, "%s: what stands in front of the server has lost it; it was done or not, look before you do it again", what)
	}
	if a.StatusCode < http.StatusBadRequest {
		return sq.Errorf(sq.Internal, "%s, which no SQ does", what)
	}
	said, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if !a.is("text/plain") || said == "" || !utf8.ValidString(said) {
		return sq.Errorf(code, "%s, in words that are no SQ's: it comes from a proxy or from another program", what)
	}
	return sq.Errorf(code, "%s: %s", what, printable(said))
}

// stranger is an answer that went well and is none that an SQ gives.
func (a *answer) stranger(format string, args ...any) error {
	return a.client.strange(a.ask, format, args...)
}

// strange is an answer to q that no SQ gives. Nobody knows what was done where q
// writes.
func (c *Client) strange(q *ask, format string, args ...any) error {
	code := sq.Invalid
	if q.writes {
		code = sq.Uncertain
	}
	return sq.Errorf(code, "%s is no SQ, or one that this client does not know: its answer to %s %s %s", c.name, q.method, q.endpoint, fmt.Sprintf(format, args...))
}

// printable returns the server's words as they may be shown: some of them, on one
// line, without what a terminal obeys.
func printable(text string) string {
	const most = 1000
	text = strings.ToValidUTF8(text, "�")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}
