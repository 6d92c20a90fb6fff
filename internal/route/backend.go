package route

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// loopback is where all backends are.
const loopback = "127.0.0.1"

// backend is a server that requests are handed on to.
type backend struct {
	port      uint16
	address   string // 127.0.0.1:PORT
	transport *http.Transport
	places    taken // of requests and streams
	gone      atomic.Bool

	suspected chan struct{} // has one when a request failed
	stop      context.CancelFunc

	mu     sync.Mutex
	health health             // guarded by mu
	wait   context.Context    // guarded by mu: done once it is said to hang
	cancel context.CancelFunc // guarded by mu: of wait
}

// health is how a backend is.
type health int

const (
	well    health = iota // it answers, or was not asked yet
	refuses               // nothing takes connections, or they break
	hangs                 // they are taken, and nothing answers
)

func (h health) String() string { return [...]string{"answers", "refuses connections", "hangs"}[h] }

const (
	dialTimeout = 5 * time.Second
	// keptFor is how long a connection is kept that is not in use. It has to be less
	// than the time after which backends close them (3 min): otherwise a request may
	// meet a connection that closes.
	keptFor = time.Minute
	// mostReplyHeader is how many bytes the headers of a reply may have.
	mostReplyHeader = 256 << 10
)

// newBackend returns a backend that is held to be well. It keeps so many connections
// that are not in use at the most.
func newBackend(port uint16, kept int) *backend {
	b := &backend{port: port, address: net.JoinHostPort(loopback, strconv.Itoa(int(port))), suspected: make(chan struct{}, 1)}
	dialer := &net.Dialer{Timeout: dialTimeout}
	b.transport = &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, b.address)
		},
		MaxIdleConnsPerHost:    kept,
		IdleConnTimeout:        keptFor,
		DisableCompression:     true, // what a client asks for is between it and the backend
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: mostReplyHeader,
	}
	b.wait, b.cancel = context.WithCancel(context.Background())
	return b
}

// state returns how the backend is, and a context that ends once it is said to hang.
func (b *backend) state() (health, context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.health, b.wait
}

// become notes how the backend is, and reports whether that is new. Requests that
// wait for one that hangs are ended.
func (b *backend) become(now health) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.health == now {
		return false
	}
	if now == hangs {
		b.cancel()
	} else if b.health == hangs {
		b.wait, b.cancel = context.WithCancel(context.Background())
	}
	b.health = now
	return true
}

// suspect has the backend be asked how it is soon.
func (b *backend) suspect() {
	select {
	case b.suspected <- struct{}{}:
	default:
	}
}

// retire is for a backend that no token leads to any more. Requests under way finish.
func (b *backend) retire() {
	b.gone.Store(true)
	b.stop()
	b.transport.CloseIdleConnections()
}

// rest is called when a request has ended.
func (b *backend) rest() {
	if b.gone.Load() {
		b.transport.CloseIdleConnections()
	}
}
