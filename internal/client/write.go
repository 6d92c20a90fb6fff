package client

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// Apply is described at sq.Store. It costs one request, which has to fit into what
// the server takes: 64 MiB where nothing else was said. Uncertain: the answer did not
// come, and the batch is there or not.
func (c *Client) Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) ([]sq.Result, error) {
	if len(batch) == 0 {
		return nil, c.check()
	}
	body, err := encode(batch)
	if err != nil {
		return nil, err
	}
	a, err := c.send(ctx, &ask{method: http.MethodPost, endpoint: "batch", query: about(name), accept: asText,
		text: body, writes: true})
	if err != nil {
		return nil, err
	}
	defer a.Close()
	return a.results(len(batch))
}

// check returns an error when the client is closed.
func (c *Client) check() error {
	_, end, err := c.begin(context.Background())
	if err == nil {
		end()
	}
	return err
}

// encode returns a batch as the body of a request, an operation a line. What makes
// no sense has no such form, and is refused here.
func encode(batch sq.Batch) (body []byte, err error) {
	for i, op := range batch {
		if err := op.Check(); err != nil {
			if len(batch) > 1 {
				err = &sq.OpError{Index: i, Err: err}
			}
			return nil, err
		}
		body = appendOp(body, op)
	}
	return body, nil
}

// appendOp appends an operation that makes sense, so its text is UTF-8.
func appendOp(dst []byte, op sq.Op) []byte {
	dst = append(dst, `{"op":"`...)
	dst = append(dst, op.Kind.String()...)
	dst = append(dst, `","c":"`...)
	dst, _ = op.Coordinate.AppendText(dst)
	match, none := op.If.Tags()
	if match != "" {
		dst = append(append(dst, `","if_match":"`...), match...)
	}
	if none != "" {
		dst = append(append(dst, `","if_none_match":"`...), none...)
	}
	dst = append(dst, '"')
	if op.Kind != sq.Delete {
		dst = appendString(append(dst, `,"text":`...), op.Text)
	}
	return append(dst, "}\n"...)
}

// appendString appends a text as a string of JSON (RFC 8259, section 7).
func appendString(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i, b := range text {
		if b >= ' ' && b != '"' && b != '\\' {
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

// results reads a line for each of so many operations.
func (a *answer) results(n int) ([]sq.Result, error) {
	results := make([]sq.Result, 0, n)
	lines := bufio.NewScanner(a)
	for lines.Scan() {
		var r struct {
			C             string
			Before, After int64
		}
		err := json.Unmarshal(lines.Bytes(), &r)
		at, err2 := phext.ParseStored(r.C)
		if err != nil || err2 != nil || len(results) == n {
			return nil, a.stranger("is not that of a batch")
		}
		results = append(results, sq.Result{Coordinate: at, Before: r.Before, After: r.After})
	}
	if err := lines.Err(); err != nil && err != bufio.ErrTooLong {
		return nil, err
	}
	if len(results) < n || !a.is("application/x-ndjson") {
		return nil, a.stranger("is not that of a batch")
	}
	return results, nil
}

// Replace is described at sq.Store. It costs one request, which is sent as r is
// read. The server takes 64 MiB where nothing else was said. Uncertain as for Apply.
func (c *Client) Replace(ctx context.Context, name sq.PhextName, r io.Reader) error {
	in := bufio.NewReaderSize(r, 64<<10)
	q := &ask{method: http.MethodPut, endpoint: "put", query: about(name), accept: asText, writes: true}
	switch _, err := in.Peek(1); {
	case err == nil:
		q.stream = source{in}
	case err == io.EOF:
		q.query.Set("s", "") // and not a body that somebody forgot
	default:
		return sq.Wrap(err, sq.Invalid, "read the phext")
	}
	return c.expect(ctx, q, "Replaced "+string(name)+".phext")
}

// source is a reader whose errors say that nothing was written: a body that is not
// whole is none.
type source struct{ in io.Reader }

func (s source) Read(p []byte) (int, error) {
	n, err := s.in.Read(p)
	if err != nil && err != io.EOF {
		err = sq.Wrap(err, sq.Invalid, "read the phext; nothing was written")
	}
	return n, err
}

// Drop is described at sq.Store. It costs one request. Uncertain as for Apply.
func (c *Client) Drop(ctx context.Context, name sq.PhextName) error {
	q := &ask{method: http.MethodDelete, endpoint: "drop", query: about(name), accept: asText, writes: true}
	return c.expect(ctx, q, "Dropped "+string(name)+".phext")
}

// Refresh is described at sq.Store. It costs one request.
func (c *Client) Refresh(ctx context.Context, name sq.PhextName) error {
	q := &ask{method: http.MethodGet, endpoint: "load", query: about(name), accept: asText}
	err := c.expect(ctx, q, "Loaded "+string(name)+".phext")
	if sq.ErrorCode(err) == sq.Unreadable {
		return nil // it was looked at, and a snapshot says what it is
	}
	return err
}
