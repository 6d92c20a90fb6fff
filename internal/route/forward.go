package route

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"time"
)

// Why a stream is not begun, and why one ends.
var (
	errManyStreams = errors.New("too many streams")
	errEnding      = errors.New("the router ends")
)

// flushWithin is for how long what has come of a reply may wait for more. What has no
// length and events do not wait.
const flushWithin = 10 * time.Millisecond

// newProxy returns what hands requests on, to the backend of their call.
func (r *Router) newProxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:        r.rewrite,
		Transport:      toBackend{},
		ModifyResponse: func(reply *http.Response) error { return callOf(reply.Request.Context()).begins(reply) },
		ErrorHandler: func(_ http.ResponseWriter, request *http.Request, err error) {
			callOf(request.Context()).fail(request.Context(), err)
		},
		FlushInterval: flushWithin,
		BufferPool:    &buffers{},
		ErrorLog:      log.New(errorLog{r.Logger}, "", 0),
	}
}

type callKey struct{}

// callOf returns the call that a request to a backend belongs to.
func callOf(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

// forward hands the request on, and gives its place back at the end.
func (c *call) forward() {
	r := c.router
	defer func() {
		if c.dry != nil {
			c.dry()
			return
		}
		r.places.leave(c.backend)
	}()
	state, waiting := c.backend.state()
	if state == hangs {
		c.refuse(http.StatusBadGateway, "Bad Gateway", refusedDown)
		return
	}
	ctx, cancel := context.WithCancelCause(c.request.Context())
	defer cancel(nil)
	c.cancel = cancel
	c.heard = context.AfterFunc(waiting, func() { cancel(errHangs) })
	defer c.heard()
	request := c.request.WithContext(context.WithValue(ctx, callKey{}, c))
	if request.ContentLength != 0 {
		request.Body = clientBody{request.Body, c}
	}
	r.proxy.ServeHTTP(&c.reply, request)
}

// clientBody is the body of a request, which tells when it ended too early: that is
// not the fault of the backend.
type clientBody struct {
	io.ReadCloser
	call *call
}

func (b clientBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.call.body.Store(&err)
	}
	return n, err
}

// rewrite makes the request for the backend of what came.
func (r *Router) rewrite(p *httputil.ProxyRequest) {
	in, out := p.In, p.Out
	out.URL.Scheme, out.URL.Host = "http", callOf(in.Context()).backend.address
	out.URL.RawQuery = in.URL.RawQuery // coordinates may have ";", which ReverseProxy would take out
	out.Trailer = in.Trailer           // its values come after the body
	r.introduce(p)
	sendOnce(out)
}

// introduce tells the backend of the client. What others say of that is taken out,
// unless they are trusted.
func (r *Router) introduce(p *httputil.ProxyRequest) {
	in, out := p.In.Header, p.Out.Header
	if r.TrustForwarded {
		out["X-Forwarded-For"] = in["X-Forwarded-For"]
		p.SetXForwarded()
		for _, name := range []string{"Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto"} {
			if len(in[name]) > 0 {
				out[name] = in[name]
			}
		}
		return
	}
	for name := range out {
		if name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			delete(out, name)
		}
	}
	p.SetXForwarded()
}

// sendOnce makes a request one that http.Transport cannot send again: it does so with
// what has no body, when a connection that it kept breaks before the reply, and the
// backend may have carried the first one out. A body that is not known to be empty
// it cannot wind back. "identity" has it neither be sent in chunks nor looked into.
func sendOnce(out *http.Request) {
	if out.Body != nil {
		return // it comes from a client, and cannot be had again
	}
	out.Body, out.GetBody = nothing{}, nil
	out.TransferEncoding = []string{"identity"}
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, io.EOF }
func (nothing) Close() error             { return nil }

// WriteTo spares io.Copy its buffer.
func (nothing) WriteTo(io.Writer) (int64, error) { return 0, nil }

// toBackend sends requests to the backend of their call.
type toBackend struct{}

func (toBackend) RoundTrip(r *http.Request) (*http.Response, error) {
	return callOf(r.Context()).backend.transport.RoundTrip(r)
}

// begins is told when the headers of a reply are there.
func (c *call) begins(reply *http.Response) error {
	c.heard()
	if state, _ := c.backend.state(); state != well {
		c.backend.suspect() // of being well
	}
	upgraded := reply.StatusCode == http.StatusSwitchingProtocols
	if !upgraded && !isEvents(reply.Header) {
		return nil
	}
	done, ok := c.router.streams.begin(func() { c.cancel(errEnding) })
	if !ok {
		return errEnding
	}
	if !c.router.places.flow(c.backend) {
		done()
		return errManyStreams
	}
	c.dry = func() { c.router.places.dry(c.backend); done() }
	if upgraded {
		c.reply.status = reply.StatusCode // nobody else tells it
	}
	return nil
}

// isEvents reports whether a reply is server-sent events, which come one by one.
func isEvents(h http.Header) bool {
	kind := h.Get("Content-Type")
	if !strings.HasPrefix(kind, "text/event-stream") {
		return false
	}
	kind, _, err := mime.ParseMediaType(kind)
	return err == nil && kind == "text/event-stream"
}

// fail answers a request that could not be handed on or was not answered. Where the
// client may have seen something of a reply the connection is cut.
func (c *call) fail(ctx context.Context, err error) {
	if errors.Is(err, errManyStreams) {
		c.refuse(http.StatusServiceUnavailable, "Service Unavailable - too many streams", refusedStreams)
		return
	}
	if c.broken = c.reply.status != 0 || errors.Is(err, errEnding); c.broken {
		return
	}
	cause := context.Cause(ctx)
	switch body := c.body.Load(); {
	case body != nil:
		status, message := statusOfBody(*body)
		c.refuse(status, message, refusedBody)
	case cause != nil && cause != errHangs:
		c.broken = true // the router ends, and nobody waits
	default:
		c.lost(err)
	}
}

// lost answers a request whose backend does not.
func (c *call) lost(err error) {
	c.backend.suspect()
	level := slog.LevelWarn
	if state, _ := c.backend.state(); state != well {
		level = slog.LevelDebug // that was told
	}
	c.router.Logger.Log(context.Background(), level, "request lost", "backend", c.backend.port, "error", err)
	c.refuse(http.StatusBadGateway, "Bad Gateway", refusedDown)
}

// buffers are what replies are copied through.
type buffers struct{ pool sync.Pool }

const bufferSize = 32 << 10

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return p[:]
	}
	return new([bufferSize]byte)[:]
}

func (b *buffers) Put(p []byte) { b.pool.Put((*[bufferSize]byte)(p)) }

// errorLog hands on what net/http complains about: it is told elsewhere as well.
type errorLog struct{ to *slog.Logger }

func (e errorLog) Write(p []byte) (int, error) {
	e.to.Debug("proxy", "message", strings.TrimSpace(string(p)))
	return len(p), nil
}
