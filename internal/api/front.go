package api

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"
	"sync"
	"time"
)

// FrontOptions is what a Front is made of. Handler and Refuse are required.
type FrontOptions struct {
	// Handler answers the requests. The body of one ends with an error when nothing
	// comes for too long, and deadlines of the reply move on as it is taken. Another
	// goroutine may read it than that which answers.
	Handler http.Handler
	// Refuse answers what does not come to the handler with a status and a line of
	// text.
	Refuse func(w http.ResponseWriter, status int, message string)
	// Logger gets what net/http complains about. Where it is nil nothing is logged.
	Logger *slog.Logger
	// Limits bounds what clients may use. Requests is for the handler to bound, and
	// bodies are of any length.
	Limits Limits
}

// Front serves a handler that is not this API with the same care for connections
// as a Server: slow clients, headers that are too long, requests whose end is not
// certain, and more connections than there is room for. Goroutines share it.
type Front struct {
	FrontOptions
	conns   *connections
	guesses *guesses
	log     *slog.Logger
	http    *http.Server
	once    sync.Once
	ending  chan struct{} // closed when Shutdown begins
	stop    context.CancelFunc
}

// NewFront returns a front that nobody has called yet. It starts nothing.
func NewFront(o FrontOptions) *Front {
	o.Limits = o.Limits.orDefaults()
	o.Limits.BodyBytes = math.MaxInt64
	f := &Front{
		FrontOptions: o,
		conns:        newConnections(o.Limits.Connections),
		guesses:      newGuesses(o.Limits.GuessDelay),
		log:          cmp.Or(o.Logger, slog.New(slog.DiscardHandler)),
		ending:       make(chan struct{}),
	}
	work, stop := context.WithCancel(context.Background())
	f.stop = stop
	f.http = newHTTP(f, o.Limits, f.conns, f.log)
	f.http.BaseContext = func(net.Listener) context.Context { return work }
	return f
}

// ServeHTTP hands a request on to the handler.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.conns.atWork(r.Context())
	showTLS(r)
	answer := &reply{ResponseWriter: w, progress: progress{f.Limits.StallTimeout, time.Now()}}
	if isAmbiguous(r.Context()) {
		w.Header()["Connection"] = closing
		f.Refuse(answer, http.StatusBadRequest, detailOf(errAmbiguous))
		return
	}
	text := newBody(detached{w}, r, f.Limits)
	handed := *r
	handed.Body = routeReader{&text, r.Body}
	f.Handler.ServeHTTP(answer, &handed)
}

// detached is a reply whose headers are nobody's: a proxy reads the body of a
// request in another goroutine than that which answers. What net/http did not read
// of a body it knows, and closes the connection.
type detached struct{ http.ResponseWriter }

func (d detached) Header() http.Header         { return http.Header{} }
func (d detached) Unwrap() http.ResponseWriter { return d.ResponseWriter }

// Serve answers the connections that l accepts, as that of a Server does.
func (f *Front) Serve(l net.Listener) error {
	err := f.http.Serve(newFramedListener(l, f.conns, f.Limits.HeaderTimeout, f.log, nil))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown stops accepting, lets requests finish until ctx ends, and then closes
// their connections and ends their contexts. It returns nil when all finished, and
// the error of ctx otherwise. Connections that were taken over are none of its own.
func (f *Front) Shutdown(ctx context.Context) error {
	f.once.Do(func() {
		f.http.SetKeepAlivesEnabled(false) // answers that are held back say that they are the last
		close(f.ending)
	})
	err := f.http.Shutdown(ctx)
	if err != nil {
		f.http.Close()
	}
	f.stop()
	return err
}

// WrongToken counts a wrong token from the address of a request, and holds its
// answer back for as long as guesses.go says. It is false when there is nobody to
// answer any more.
func (f *Front) WrongToken(r *http.Request) bool {
	hold := f.guesses.wrong(client(r), time.Now())
	return f.conns.pause(r.Context(), hold, f.ending)
}

// Connections returns how many connections are open, TLS left out, how many of
// them have no request, and how many there may be; 0: any number.
func (f *Front) Connections() (open, idle, most int) {
	open, idle = f.conns.counted()
	return open, idle, f.conns.most
}

// TokenOf returns the token that a request shows, as a Server reads it; false when
// there is none, or two are shown.
func TokenOf(h http.Header) (token string, ok bool) { return tokenOf(h) }

// MayAsk writes the headers that tell a browser what its page may send where
// requests need a token, and that it may read the reply.
func MayAsk(h http.Header) {
	h["Access-Control-Allow-Origin"] = anyOrigin
	mayAsk(h)
}
