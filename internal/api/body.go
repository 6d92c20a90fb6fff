package api

import (
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/wbic16/sq-go"
)

// body is the body of a request. Reading it moves the read deadline on, so that
// a slow sender is waited for and one that stands still is not; and its errors
// are ours.
type body struct {
	progress
	request *http.Request
	writer  http.ResponseWriter
	most    int64
	limited io.ReadCloser
	bytes   int64 // that were read
	done    bool
	err     error // why it could not be read to its end
}

var errStalled = &httpError{status: http.StatusRequestTimeout, message: "body: nothing came for too long; nothing was done"}

func newBody(w http.ResponseWriter, r *http.Request, l Limits) body {
	b := body{progress: progress{stall: l.StallTimeout}, request: r, writer: w, most: l.BodyBytes}
	if b.done = r.ContentLength == 0; !b.done {
		// Armed at once: whatever is not read here, net/http reads.
		b.move(b.setDeadline)
		b.limit()
	}
	return b
}

// limit has the body end with an error after the most that is taken, unless it is
// known to end before. Nothing may have been read of it.
func (b *body) limit() {
	switch length := b.request.ContentLength; {
	case b.done:
	case length > 0 && length <= b.most:
		b.limited = b.request.Body
	default:
		b.limited = http.MaxBytesReader(b.writer, b.request.Body, b.most)
	}
}

func (b *body) setDeadline(t time.Time) {
	http.NewResponseController(b.writer).SetReadDeadline(t) // where there is none, none is needed
}

// checkLength refuses a body that says it is too long, before any of it is read.
func (b *body) checkLength() error {
	if b.request.ContentLength <= b.most {
		return nil
	}
	b.writer.Header()["Connection"] = closing
	return b.tooLong()
}

func (b *body) tooLong() error {
	return sq.Errorf(sq.TooLarge, "body: more than %d bytes are not taken; nothing was done", b.most)
}

func (b *body) Read(p []byte) (int, error) {
	if b.done {
		return 0, io.EOF
	}
	b.move(b.setDeadline)
	n, err := b.limited.Read(p)
	b.bytes += int64(n)
	switch {
	case err == io.EOF && isAmbiguous(b.request.Context()):
		b.err = b.failed(errAmbiguous) // by what stands behind the last chunk
	case err == io.EOF:
		b.done = true // and net/http takes the deadline away, since it listens for the client to leave
		return n, err
	case err != nil:
		b.err = b.failed(err)
	}
	return n, b.err
}

// failed says what the end of a body that is not whole means. The connection
// cannot go on behind it.
func (b *body) failed(err error) error {
	b.writer.Header()["Connection"] = closing
	var long *http.MaxBytesError
	switch {
	case errors.As(err, &long):
		return b.tooLong()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errStalled
	case err == errAmbiguous:
		return err
	}
	return sq.Wrap(err, sq.Invalid, "body: is not whole; nothing was done")
}

// skip reads the body to its end for its errors only.
func (b *body) skip() error {
	if b.done {
		return nil
	}
	_, err := io.Copy(io.Discard, b)
	return err
}

// all returns the whole body. It trusts the announced length for as much as fits
// into a first piece, so that who only announces much costs little. It stands in
// room where that is large enough.
func (b *body) all(room []byte) ([]byte, error) {
	if b.done {
		return nil, nil
	}
	text := slices.Grow(room[:0], int(min(max(b.request.ContentLength, 0), 1<<20)+1))
	for {
		n, err := b.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		if err == io.EOF {
			return text, nil
		}
		if err != nil {
			return nil, err
		}
		if len(text) == cap(text) {
			text = slices.Grow(text, len(text))
		}
	}
}

// readsBody reports whether the endpoint uses the body of this request.
func (c *call) readsBody(e *endpoint) bool {
	return e.body || slices.Contains(bodyIsTheWay, c.request.Method)
}

// text returns the text that comes with a request: the body of POST and PUT when
// it is not empty, otherwise the parameter s; false when there is neither.
func (c *call) text() (text []byte, given bool, err error) {
	if slices.Contains(bodyIsTheWay, c.request.Method) {
		text, err = c.body.all(c.room)
		c.keepRoom(text)
		if err != nil || len(text) > 0 {
			return text, true, err
		}
	}
	return []byte(c.query.text.value), c.query.text.given, nil
}
