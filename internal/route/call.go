package route

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/wbic16/sq-go"
)

// call is one request on its way. It belongs to the goroutine of that request, but
// for what is said below.
type call struct {
	router  *Router
	request *http.Request
	reply   recorder
	began   time.Time
	backend *backend // nil: it came to none

	cancel  context.CancelCauseFunc // of the request to the backend
	heard   func() bool             // ends the waiting for a reply
	dry     func()                  // ends the stream; nil: it is none
	body    atomic.Pointer[error]   // why the client's body ended, where it was too early
	refusal string                  // why it was not handed on or not answered; "": it was
	quiet   bool                    // it is neither counted nor in the access log
	broken  bool                    // the connection is to be cut
}

// recorder is the reply as the log tells of it.
type recorder struct {
	http.ResponseWriter
	status int // 0 while nothing was sent
	bytes  int64
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// WriteHeader leaves 100 Continue to the server: it sends that when the body is read,
// which is when the backend has sent it, and would send it twice otherwise.
func (w *recorder) WriteHeader(status int) {
	if status == http.StatusContinue {
		return
	}
	if status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// ServeHTTP answers one request.
func (r *Router) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	c := &call{router: r, request: request, began: time.Now()}
	c.reply.ResponseWriter = w
	defer c.end()
	c.serve()
}

// serve is the way of a request.
func (c *call) serve() {
	r, request := c.router, c.request
	if check := r.healthCheck(request); check != nil {
		c.quiet = true
		check(&c.reply)
		return
	}
	switch request.Method {
	case http.MethodOptions:
		r.MayAsk(c.reply.Header())
		c.reply.WriteHeader(http.StatusNoContent)
		return
	case http.MethodConnect:
		c.refuse(http.StatusMethodNotAllowed, "Method Not Allowed", refusedMethod)
		return
	}
	if c.backend = c.find(); c.backend == nil {
		return
	}
	if !r.places.enter(c.backend) {
		c.refuse(http.StatusServiceUnavailable, "Service Unavailable - too many requests at work", refusedBusy)
		return
	}
	c.forward()
}

// find returns the backend that the token of the request leads to. Where it is nil
// the request is answered.
func (c *call) find() *backend {
	token, ok := c.router.Token(c.request.Header)
	if !ok && !showsToken(c.request.Header) {
		c.refuse(http.StatusUnauthorized, "Unauthorized - No token provided", refusedNoToken)
		return nil
	}
	if ok {
		if b := c.router.current.Load().find(token); b != nil {
			return b
		}
		if c.broken = !c.router.WrongToken(c.request); c.broken {
			return nil
		}
	}
	c.refuse(http.StatusUnauthorized, "Unauthorized - Invalid token", refusedToken)
	return nil
}

// showsToken reports whether a request shows any token, for one that shows two.
func showsToken(h http.Header) bool {
	some := func(v string) bool { return v != "" }
	return slices.ContainsFunc(h["Authorization"], some) || slices.ContainsFunc(h["X-Sq-Api-Key"], some)
}

// end closes the call, whatever happened: it turns a panic into an answer, tells of
// the call, and cuts the connection where half an answer was given.
func (c *call) end() {
	v := recover()
	if v != nil {
		c.panicked(v)
	}
	if c.backend != nil {
		c.backend.rest()
	}
	duration := time.Since(c.began)
	if !c.quiet {
		c.router.metrics.observe(c, duration)
	}
	c.logLine(duration)
	if c.broken {
		panic(http.ErrAbortHandler)
	}
}

func (c *call) panicked(v any) {
	if v != http.ErrAbortHandler { // that is how a reply that was cut short is cut short here
		c.router.Logger.Error("panic", slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
	}
	if c.broken = v == http.ErrAbortHandler || c.reply.status != 0; !c.broken {
		c.refuse(http.StatusInternalServerError, "Internal Server Error", refusedFailed)
	}
}

// refuse answers in the router's own name.
func (c *call) refuse(status int, message, why string) {
	c.refusal = why
	c.router.Refuse(&c.reply, status, message)
}

// Refuse answers a request with a status and {"error": message}.
func (r *Router) Refuse(w http.ResponseWriter, status int, message string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "no-store")
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
	}
	text, _ := json.Marshal(message) // a string cannot fail
	w.WriteHeader(status)
	io.WriteString(w, `{"error": `+string(text)+"}") // a client that is gone misses nothing
}

// healthCheck returns what answers a request for the health of the router, which
// needs no token and tells nothing to strangers; nil when it is for something else.
func (r *Router) healthCheck(request *http.Request) func(w http.ResponseWriter) {
	if request.Method != http.MethodGet && request.Method != http.MethodHead {
		return nil
	}
	switch request.URL.Path {
	case "/livez":
		return func(w http.ResponseWriter) { answerHealth(w, http.StatusOK, "ok") }
	case "/readyz", "/healthz":
		return func(w http.ResponseWriter) {
			status, text := r.health()
			answerHealth(w, status, text)
		}
	}
	return nil
}

func answerHealth(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, text+"\n")
}

// health is what /readyz says. A router some of whose backends answer wants
// requests: the others' would fare no better elsewhere.
func (r *Router) health() (status int, text string) {
	if !r.Ready() {
		return http.StatusServiceUnavailable, "draining"
	}
	backends, answer := r.current.Load().backends, 0
	for _, b := range backends {
		if state, _ := b.state(); state == well {
			answer++
		}
	}
	switch {
	case answer == len(backends):
		return http.StatusOK, "ok"
	case answer == 0:
		return http.StatusServiceUnavailable, "no backend answers"
	}
	return http.StatusOK, "degraded"
}

// statusOfBody is what a client is told whose body ended with an error.
func statusOfBody(err error) (status int, message string) {
	if code := sq.ErrorCode(err); code == sq.Invalid {
		return http.StatusBadRequest, "Bad Request - the body is not whole"
	}
	return http.StatusRequestTimeout, "Request Timeout - nothing came of the body for too long"
}

// logLine writes the line of the call. What the client chose freely is not in it: no
// path, no query, no token.
func (c *call) logLine(duration time.Duration) {
	ctx, l, level := context.Background(), c.router.Logger, slog.LevelDebug
	if c.router.AccessLog && !c.quiet {
		level = slog.LevelInfo
	}
	if !l.Enabled(ctx, level) {
		return
	}
	port := uint16(0)
	if c.backend != nil {
		port = c.backend.port
	}
	l.LogAttrs(ctx, level, "request",
		slog.String("method", knownMethod(c.request.Method)),
		slog.Int("backend", int(port)),
		slog.Int("status", c.reply.status),
		slog.Int64("bytes", c.reply.bytes),
		slog.Duration("duration", duration),
		slog.String("remote", c.request.RemoteAddr),
		slog.Bool("broken", c.broken))
}

var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions,
	http.MethodPatch, http.MethodTrace, http.MethodConnect,
}

func knownMethod(m string) string {
	if slices.Contains(methods, m) {
		return m
	}
	return "other"
}

var errHangs = errors.New("the backend hangs")
