package api

import (
	"bufio"
	"io"
	"strings"

	"github.com/wbic16/sq-go"
)

// put makes the phext hold what comes with the request, which is handed on as it
// is read. Like update it wants to be told that the text is empty: a program that
// died in front of a pipe has not said so.
func (c *call) put() error {
	text, err := c.whole()
	if err != nil {
		return err
	}
	if err := c.store.Replace(c.server.work, c.phext, text); err != nil {
		return c.bodyError(err)
	}
	return c.sendLine("Replaced " + string(c.phext) + ".phext")
}

// whole returns the reader of a whole phext: the body when it is not empty,
// otherwise the parameter s.
func (c *call) whole() (io.Reader, error) {
	if err := c.noCondition(); err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(&c.body, 4<<10) // a large read goes past it
	switch _, err := in.Peek(1); {
	case err == nil:
		return in, nil
	case err != io.EOF:
		return nil, err
	case !c.query.text.given:
		return nil, sq.Errorf(sq.Invalid, "phext: is missing, give one as the body, or s= for the empty one")
	}
	return strings.NewReader(c.query.text.value), nil
}

// bodyError returns why the body could not be read where that is why an error came
// about.
func (c *call) bodyError(err error) error {
	if c.body.err != nil {
		return c.body.err
	}
	return err
}

// drop removes the phext.
func (c *call) drop() error {
	if err := c.noCondition(); err != nil {
		return err
	}
	if err := c.store.Drop(c.server.work, c.phext); err != nil {
		return err
	}
	return c.sendLine("Dropped " + string(c.phext) + ".phext")
}

// noCondition refuses conditions where there are none: who made one believes that
// it was looked at.
func (c *call) noCondition() error {
	if h := c.request.Header; len(h["If-Match"])+len(h["If-None-Match"]) > 0 {
		return sq.Errorf(sq.Invalid, "If-Match, If-None-Match: are conditions on a scroll, and this is about more than one; nothing was done")
	}
	return nil
}
