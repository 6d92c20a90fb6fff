package client

import (
	"bufio"
	"context"
	"net/http"
	"net/url"

	"github.com/wbic16/sq-go"
)

// mostNames is how many names of a list are read.
const mostNames = 1 << 20

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
