package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/url"

	"github.com/wbic16/sq-go"
)

// How much of a list is read: so many names, and so many bytes where each is described.
const (
	mostNames = 1 << 20
	mostList  = 256 << 20
)

// List is described at sq.Store. It costs one request.
func (c *Client) List(ctx context.Context) (names []sq.PhextName, err error) {
	a, err := c.send(ctx, &ask{method: http.MethodGet, endpoint: "list", query: url.Values{}, accept: asText})
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if !a.is("text/plain") {
		return nil, a.stranger("is not text")
	}
	lines := bufio.NewScanner(a)
	for lines.Scan() {
		name, err := sq.ParsePhextName(lines.Text())
		if err != nil || len(names) > 0 && name <= names[len(names)-1] || len(names) == mostNames {
			return nil, a.stranger("is no list of phexts: it has %.60q", lines.Text())
		}
		names = append(names, name)
	}
	if err := lines.Err(); err == bufio.ErrTooLong {
		return nil, a.stranger("is no list of phexts")
	} else if err != nil {
		return nil, err
	}
	return names, nil
}

// Listed is what a server says of a phext in its list.
type Listed struct {
	Name     sq.PhextName
	Bytes    int64 // of the normal form
	Scrolls  int
	Modified string // when it was changed last, in RFC 3339; "" where that is not known
	Error    string // why it cannot be read; "" when it can
}

// Describe yields what the server says of each phext, sorted by name, as it comes.
// It costs one request. The server opens all of them. An error is the last.
func (c *Client) Describe(ctx context.Context) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		a, err := c.send(ctx, &ask{method: http.MethodGet, endpoint: "list", query: url.Values{}, accept: asJSON})
		if err != nil {
			yield(Listed{}, err)
			return
		}
		defer a.Close()
		if !a.is("application/json") {
			yield(Listed{}, a.stranger("is not JSON"))
			return
		}
		a.describe(yield)
	}
}

// describe yields the elements of the list that is the body.
func (a *answer) describe(yield func(Listed, error) bool) {
	in := json.NewDecoder(io.LimitReader(a, mostList))
	isNext := func(want json.Delim) bool { got, err := in.Token(); return err == nil && got == want }
	if !isNext('[') {
		yield(Listed{}, a.stranger("is no list of phexts"))
		return
	}
	var last sq.PhextName
	for in.More() {
		var p Listed
		err := in.Decode(&p)
		var ours *sq.Error
		if errors.As(err, &ours) {
			yield(Listed{}, err) // the connection was lost
			return
		}
		if name, wrong := sq.ParsePhextName(string(p.Name)); err != nil || wrong != nil || name <= last {
			yield(Listed{}, a.stranger("is no list of phexts: it has %.60q", p.Name))
			return
		}
		if last = p.Name; !yield(p, nil) {
			return
		}
	}
	if !isNext(']') {
		yield(Listed{}, a.stranger("is a list of phexts without an end"))
	}
}

// Version asks for the version of the contract that the server speaks.
func (c *Client) Version(ctx context.Context) (string, error) {
	q := &ask{method: http.MethodGet, endpoint: "version", query: url.Values{}, accept: asText}
	line, err := c.line(ctx, q)
	if err != nil {
		return "", err
	}
	if !isVersion(line) {
		return "", c.strange(q, "is no version: %.60q", line)
	}
	return line, nil
}

// isVersion reports whether a text is numbers with dots between.
func isVersion(text string) bool {
	for _, b := range []byte(text) {
		if b != '.' && (b < '0' || b > '9') {
			return false
		}
	}
	return text != ""
}
