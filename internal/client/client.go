package client

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/wbic16/sq-go"
)

// Options says which server is asked, and as whom.
type Options struct {
	// Server is where it is: http://HOST:PORT, https://HOST or unix:///PATH, which is
	// a socket; so is unix://./PATH, from the current folder on. A path behind HOST is
	// where a proxy has it.
	Server string
	// Token is shown with each request; "" where none is needed.
	Token string
}

const (
	connecting = 10 * time.Second // at the most, to connect, and to agree on a secret
	idleMost   = 64               // connections that are kept
	idleFor    = time.Minute      // less than servers of SQ keep one
)

// Client is the phexts of a tenant on a server. Goroutines may share it.
type Client struct {
	address
	token string
	http  *http.Client

	ctx  context.Context // ends with Close
	stop context.CancelFunc

	mu     sync.Mutex
	closed bool           // guarded by mu
	work   sync.WaitGroup // of calls; added to under mu
}

var _ sq.Store = (*Client)(nil)

var errClosed = sq.Errorf(sq.Closed, "the client is closed")

// New returns a client that has not connected to anything yet. Invalid: the server
// is none that could be asked, or the token has bytes that no header can have.
func New(o Options) (*Client, error) {
	a, err := parseAddress(o.Server)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(o.Token, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, sq.Errorf(sq.Invalid, "token: has a control character, such as a line break at its end")
	}
	c := &Client{address: a, token: o.Token}
	c.http = &http.Client{Transport: a.transport(), CheckRedirect: stay}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c, nil
}

// stay follows no redirect.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close ends the calls under way and waits for them. It may be called more than
// once.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.work.Wait()
	c.http.CloseIdleConnections()
	return nil
}

// begin begins a call, whose context ends with ctx and with Close; end must be
// called, once or more.
func (c *Client) begin(ctx context.Context) (_ context.Context, end func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, nil, errClosed
	}
	c.work.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	let := context.AfterFunc(c.ctx, cancel)
	var once sync.Once
	return ctx, func() {
		once.Do(func() {
			let()
			cancel()
			c.work.Done()
		})
	}, nil
}
