package client

import (
	"bytes"
	"context"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// The forms in which a reply is wanted. Errors are wanted as problem documents,
// which tell their code.
const (
	asText = "text/plain, application/problem+json"
	asJSON = "application/json"
)

// The headers that both ends know.
const (
	positionHeader = "SQ-Position"
	eventHeader    = "Last-Event-ID"
)

// ask is one request.
type ask struct {
	method   string
	endpoint string
	query    url.Values
	accept   string
	header   [2]string // one more, with its value; or nothing
	text     []byte    // the body; nil: none, or one that is a stream
	stream   io.Reader // the body, of a length that is not known; nil: none
	writes   bool      // so it must not be sent twice
}

// about returns the query of a request about a phext.
func about(name sq.PhextName) url.Values { return url.Values{"p": {string(name)}} }

// aboutScroll returns the query of a request about a scroll.
func aboutScroll(name sq.PhextName, c phext.Coordinate) url.Values {
	return url.Values{"p": {string(name)}, "c": {c.String()}}
}

// answer is the reply to an ask that went well. It must be closed. One goroutine at
// a time may read it.
type answer struct {
	*http.Response
	client *Client
	ask    *ask
	ctx    context.Context
	end    func()
}

// send sends a request and returns its answer when that says that it went well. Any
// other is an error.
func (c *Client) send(ctx context.Context, q *ask) (*answer, error) {
	ctx, end, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	var sent atomic.Bool
	r, err := c.request(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	}), q)
	if err != nil {
		end()
		return nil, err
	}
	reply, err := c.http.Do(r)
	if err != nil {
		err = c.unanswered(ctx, q, sent.Load(), err)
		end()
		return nil, err
	}
	a := &answer{Response: reply, client: c, ask: q, ctx: ctx, end: end}
	if reply.StatusCode != http.StatusOK {
		defer a.Close()
		return nil, a.refusal()
	}
	return a, nil
}

func (c *Client) request(ctx context.Context, q *ask) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, q.method, c.base+q.endpoint+"?"+q.query.Encode(), nil)
	if err != nil {
		return nil, sq.Wrap(err, sq.Invalid, "make the request")
	}
	q.attach(r)
	r.Header.Set("User-Agent", "sq/"+sq.Version)
	r.Header.Set("Accept", q.accept)
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if q.header[0] != "" {
		r.Header.Set(q.header[0], q.header[1])
	}
	return r, nil
}

// attach gives a request its body. What is a text can be sent again: net/http does so
// where a connection turns out to be gone before any of the request was written to
// it, and for a request that writes in no other case.
func (q *ask) attach(r *http.Request) {
	switch {
	case q.stream != nil:
		r.Body, r.ContentLength = io.NopCloser(q.stream), -1
	case q.text != nil:
		r.ContentLength = int64(len(q.text))
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(q.text)), nil }
		r.Body, _ = r.GetBody()
	}
}

// Close lets the answer go, also where it was not read to its end.
func (a *answer) Close() {
	a.Body.Close()
	a.end()
}

// Read reads the body. Its errors are ours.
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.Body.Read(p)
	if err != nil && err != io.EOF {
		err = a.client.unanswered(a.ctx, a.ask, true, err)
	}
	return n, err
}

// all returns the body, which may have so many bytes at the most.
func (a *answer) all(most int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(a, most+1))
	if err == nil && int64(len(text)) > most {
		err = a.stranger("has more than %d bytes", most)
	}
	return text, err
}

// is reports whether the body is of a type.
func (a *answer) is(kind string) bool {
	got, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	return err == nil && got == kind
}

// line returns the body, a short line of text.
func (c *Client) line(ctx context.Context, q *ask) (string, error) {
	const most = 4 << 10
	a, err := c.send(ctx, q)
	if err != nil {
		return "", err
	}
	defer a.Close()
	text, err := a.all(most)
	if err != nil {
		return "", err
	}
	if !a.is("text/plain") {
		return "", a.stranger("is not text")
	}
	return strings.TrimSuffix(string(text), "\n"), nil
}

// expect sends a request whose answer can only be one line.
func (c *Client) expect(ctx context.Context, q *ask, want string) error {
	switch got, err := c.line(ctx, q); {
	case err != nil:
		return err
	case got != want:
		return c.strange(q, "is %.60q and not %.60q", got, want)
	}
	return nil
}
