package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// Status is what a server says of a phext.
type Status struct {
	Exists     bool
	Bytes      int64 // of the normal form
	Scrolls    int
	Position   sq.Position
	Connection uint64 // the number that the server gave the request
}

// Status asks for the numbers of a phext. Unreadable: it is none.
func (c *Client) Status(ctx context.Context, name sq.PhextName) (Status, error) {
	q := &ask{method: http.MethodGet, endpoint: "status", query: about(name), accept: asJSON}
	a, err := c.send(ctx, q)
	if err != nil {
		return Status{}, err
	}
	defer a.Close()
	text, err := a.all(mostRefusal)
	if err != nil {
		return Status{}, err
	}
	var s struct {
		Status
		Phext    sq.PhextName
		Position string
	}
	if a.is("application/json") && json.Unmarshal(text, &s) == nil && s.Phext == name {
		s.Status.Position, err = sq.ParsePosition(s.Position)
		if err == nil {
			return s.Status, nil
		}
	}
	return Status{}, a.stranger("is not the status of a phext in JSON")
}

// snapshot is one moment of a phext on a server.
type snapshot struct {
	Status
	client *Client
	name   sq.PhextName
	ctx    context.Context // of what is read
	cancel context.CancelFunc

	mu  sync.Mutex
	err error // guarded by mu: why it cannot be read
}

var _ sq.Snapshot = (*snapshot)(nil)

// Snapshot is described at sq.Store. It costs one request. What the snapshot reads
// ends when ctx does. When the phext has changed, reading from it fails with Busy.
func (c *Client) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	status, err := c.Status(ctx, name)
	if err != nil && sq.ErrorCode(err) != sq.Unreadable {
		return nil, err
	}
	s := &snapshot{Status: status, client: c, name: name, err: err}
	s.Status.Exists = s.Status.Exists || err != nil
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s, nil
}

func (s *snapshot) Exists() bool          { return s.Status.Exists }
func (s *snapshot) Position() sq.Position { return s.Status.Position }
func (s *snapshot) Scrolls() int          { return s.Status.Scrolls }
func (s *snapshot) Size() int64           { return s.Status.Bytes }
func (s *snapshot) Close()                { s.cancel() }

// Err is nil, or says why the phext cannot be read; or why Has could not tell, which
// has no other way to say so.
func (s *snapshot) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *snapshot) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// read asks for something of the moment that the snapshot is of.
func (s *snapshot) read(q *ask) (*answer, error) {
	q.accept, q.header = asText, [2]string{positionHeader, s.Position().String()}
	a, err := s.client.send(s.ctx, q)
	if sq.ErrorCode(err) == sq.Precondition {
		return nil, sq.Errorf(sq.Busy, "the phext %q has changed; take another snapshot", s.name)
	}
	if err != nil {
		return nil, err
	}
	got := a.Header.Get(positionHeader)
	if got == q.header[1] && a.is("text/plain") {
		return a, nil
	}
	a.Close()
	return nil, a.stranger("is not of the moment that was asked for")
}

// Has costs a request. Where that fails it is false, and Err says why.
func (s *snapshot) Has(c phext.Coordinate) (int64, bool) {
	if s.Err() != nil {
		return 0, false
	}
	a, err := s.read(&ask{method: http.MethodHead, endpoint: "select", query: aboutScroll(s.name, c)})
	if err != nil {
		s.failed(err)
		return 0, false
	}
	defer a.Close()
	if a.ContentLength < 0 {
		s.failed(a.stranger("does not tell how long it is"))
	}
	return max(a.ContentLength, 0), a.ContentLength > 0
}

// Get costs a request.
func (s *snapshot) Get(dst []byte, c phext.Coordinate) ([]byte, bool, error) {
	if err := s.Err(); err != nil {
		return dst, false, err
	}
	a, err := s.read(&ask{method: http.MethodGet, endpoint: "select", query: aboutScroll(s.name, c)})
	if err != nil {
		return dst, false, err
	}
	defer a.Close()
	before := len(dst)
	if dst, err = a.appendTo(dst, s.Size()); err != nil {
		return dst[:before], false, err
	}
	text := dst[before:]
	if tag := a.Header.Get("ETag"); len(text) > 0 && tag != `"`+phext.Sum(text).String()+`"` && !strings.HasPrefix(tag, "W/") {
		return dst[:before], false, a.stranger("is another text than its ETag says")
	}
	return dst, len(text) > 0, nil
}

// appendTo appends the body, so many bytes at the most. It trusts the length that is
// announced for as much as costs little.
func (a *answer) appendTo(dst []byte, most int64) ([]byte, error) {
	before := int64(len(dst))
	dst = slices.Grow(dst, int(min(max(a.ContentLength, 0), 1<<20))+1)
	for {
		n, err := a.Read(dst[len(dst):cap(dst)])
		if dst = dst[:len(dst)+n]; int64(len(dst))-before > most {
			return dst, a.stranger("is longer than the phext")
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
		if len(dst) == cap(dst) {
			dst = slices.Grow(dst, len(dst))
		}
	}
}

// whole asks for the whole phext.
func (s *snapshot) whole() (*answer, error) {
	return s.read(&ask{method: http.MethodGet, endpoint: "get", query: about(s.name)})
}

// Scan costs a request, and the transfer of the phext up to the last scroll.
func (s *snapshot) Scan(from, to phext.Coordinate) iter.Seq2[sq.Scroll, error] {
	return func(yield func(sq.Scroll, error) bool) {
		if err := s.Err(); err != nil {
			yield(sq.Scroll{}, err)
			return
		}
		if s.Scrolls() == 0 || to.Less(from) {
			return
		}
		a, err := s.whole()
		if err != nil {
			yield(sq.Scroll{}, err)
			return
		}
		defer a.Close()
		a.scan(s.Size(), from, to, yield)
	}
}

// exactly is a reader of so many bytes, which are all there is.
type exactly struct {
	*answer
	left int64
}

func (r *exactly) Read(p []byte) (int, error) {
	n, err := r.answer.Read(p)
	r.left -= int64(n)
	if r.left < 0 || err == io.EOF && r.left > 0 {
		return n, r.stranger("has not as many bytes as the phext")
	}
	return n, err
}

// scan yields the scrolls of a phext of a size that is the body.
func (a *answer) scan(size int64, from, to phext.Coordinate, yield func(sq.Scroll, error) bool) {
	var text []byte
	in := phext.NewStream(&exactly{a, size}, nil)
	for in.Next() {
		c := in.Coordinate()
		if to.Less(c) {
			return
		}
		if c.Less(from) {
			continue
		}
		if in.First() {
			text = text[:0]
		}
		text = append(text, in.Text()...)
		if in.Last() && !yield(sq.Scroll{Coordinate: c, Text: text}, nil) {
			return
		}
	}
	if err := in.Err(); err != nil {
		if sq.ErrorCode(err) == sq.Internal {
			err = a.stranger("is no phext: %v", err)
		}
		yield(sq.Scroll{}, err)
	}
}

// WriteTo costs a request.
func (s *snapshot) WriteTo(w io.Writer) (int64, error) {
	if err := s.Err(); err != nil {
		return s.writeAsItIs(w, err)
	}
	a, err := s.whole()
	if err != nil {
		return 0, err
	}
	defer a.Close()
	return io.Copy(w, &exactly{a, s.Size()})
}

// writeAsItIs writes what is no phext. Of which moment it is nobody can tell.
func (s *snapshot) writeAsItIs(w io.Writer, problem error) (int64, error) {
	if sq.ErrorCode(problem) != sq.Unreadable {
		return 0, problem
	}
	a, err := s.client.send(s.ctx, &ask{method: http.MethodGet, endpoint: "get", query: about(s.name), accept: asText})
	if err != nil {
		return 0, err
	}
	defer a.Close()
	if !a.is("text/plain") {
		return 0, a.stranger("is not text")
	}
	return io.Copy(w, a)
}

// Checksum costs a request.
func (s *snapshot) Checksum() (phext.Checksum, error) {
	if err := s.Err(); err != nil {
		return phext.Checksum{}, err
	}
	a, err := s.read(&ask{method: http.MethodGet, endpoint: "checksum", query: about(s.name)})
	if err != nil {
		return phext.Checksum{}, err
	}
	defer a.Close()
	text, err := a.all(mostRefusal)
	if err != nil {
		return phext.Checksum{}, err
	}
	sum, err := phext.ParseChecksum(string(bytes.TrimSpace(text)))
	if err != nil {
		return sum, a.stranger("is no checksum")
	}
	return sum, nil
}
