package route

import (
	"cmp"
	"context"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wbic16/sq-go/internal/configfile"
)

// Options is what a Router is made of. Token is required.
type Options struct {
	// Own are the ports that the router has itself, so that none of them is a
	// backend's.
	Own []uint16
	// Token returns the token that a request shows; false when there is none, or two.
	Token func(http.Header) (string, bool)
	// WrongToken is told of a request with a token that leads nowhere. It may hold
	// the answer back, and is false when there is nobody to answer any more. Where
	// it is nil nothing is held back.
	WrongToken func(*http.Request) bool
	// MayAsk writes the headers that answer OPTIONS, which browsers send without a
	// token.
	MayAsk func(http.Header)
	// Ready tells whether the router wants requests by now, for /readyz. Where it is
	// nil it does.
	Ready func() bool
	// TrustForwarded says that a proxy stands in front whose word is good: what it
	// says of the client goes on to the backends.
	TrustForwarded bool
	// Logger gets a line for each request at Debug, and what happens to backends.
	// Where it is nil nothing is logged.
	Logger *slog.Logger
	// AccessLog has the line of each request at Info, health checks left out.
	AccessLog bool
	// HealthEvery is how often each backend is asked: 3 s; HealthPatience how long
	// for an answer: 2 s.
	HealthEvery, HealthPatience time.Duration
	// Requests is how many may be at work: 512; Streams how many there may be: 1,024.
	// One backend of several has a quarter at the most.
	Requests, Streams int
	// Connections returns how many connections of clients are open, how many of them
	// are idle, and how many there may be, for the metrics. It may be nil.
	Connections func() (open, idle, most int)
}

func (o Options) orDefaults() Options {
	o.HealthEvery = cmp.Or(o.HealthEvery, defaultEvery)
	o.HealthPatience = cmp.Or(o.HealthPatience, defaultPatience)
	o.Requests = cmp.Or(o.Requests, 512)
	o.Streams = cmp.Or(o.Streams, 1024)
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	if o.WrongToken == nil {
		o.WrongToken = func(*http.Request) bool { return true }
	}
	if o.MayAsk == nil {
		o.MayAsk = func(http.Header) {}
	}
	if o.Ready == nil {
		o.Ready = func() bool { return true }
	}
	return o
}

// Router hands requests on. Goroutines share it.
type Router struct {
	Options
	path    string
	current atomic.Pointer[table]
	places  places
	streams streams
	proxy   *httputil.ReverseProxy
	metrics *metrics

	work    context.Context // of the checks
	stop    context.CancelFunc
	checks  sync.WaitGroup
	checker *http.Client

	mu   sync.Mutex  // one reload at a time; guards what follows
	read fs.FileInfo // what the file looked like when it was read last, good or bad
}

// Open reads the configuration at path and begins to ask the backends how they are.
// Errors are those of Parse, and sq.Internal when the file cannot be read. The router
// has to be closed.
func Open(path string, o Options) (*Router, error) {
	r := &Router{Options: o.orDefaults(), path: path, checker: newClient()}
	entries, info, err := load(path, r.Own)
	if err != nil {
		return nil, err
	}
	r.places = places{requests: r.Requests, streams: r.Streams}
	r.work, r.stop = context.WithCancel(context.Background())
	r.streams.open()
	r.proxy = r.newProxy()
	r.metrics = newMetrics(r)
	r.current.Store(&table{})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = info
	r.publishLocked(entries)
	return r, nil
}

// Reload reads the configuration again and puts it in force: all of it, or after an
// error nothing. Requests under way finish. Errors are those of Open; the caller logs
// them. A token that is not in it any more leads nowhere when Reload returns.
func (r *Router) Reload() (err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.metrics.reloaded(err) }()
	entries, info, err := load(r.path, r.Own)
	if info != nil {
		r.read = info
	}
	if err != nil {
		return err
	}
	r.publishLocked(entries)
	tokens, backends := r.Count()
	r.Logger.Info("configuration reloaded", "file", r.path, "tokens", tokens, "backends", backends)
	return nil
}

// publishLocked puts a table in force.
func (r *Router) publishLocked(entries []Entry) {
	next, gone := newTable(entries, r.current.Load(), r.begin)
	r.places.setAlone(len(next.backends) == 1)
	r.current.Store(next)
	for _, b := range gone {
		b.retire()
		r.metrics.forget(b)
	}
}

// begin makes a backend, and begins to ask it how it is.
func (r *Router) begin(port uint16) *backend {
	b := newBackend(port, r.Requests)
	ctx, stop := context.WithCancel(r.work)
	b.stop = stop
	c := checker{backend: b, every: r.HealthEvery, patience: r.HealthPatience, client: r.checker, log: r.Logger}
	r.checks.Go(func() { c.run(ctx) })
	return b
}

// Watch reloads when the file has changed, and logs how that went. It returns when
// ctx is done; the caller runs it in a goroutine of its own and waits for it.
func (r *Router) Watch(ctx context.Context) {
	w := configfile.Watcher{
		Path:     r.path,
		Wanted:   func() bool { return true },
		LastRead: r.lastRead,
		Reload:   r.Reload,
		Log:      r.Logger,
	}
	w.Watch(ctx)
}

func (r *Router) lastRead() fs.FileInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.read
}

// Count returns how many tokens are known, and to how many backends they lead.
func (r *Router) Count() (tokens, backends int) {
	t := r.current.Load()
	return len(t.byToken), len(t.backends)
}

// EndStreams ends all streams, which last for as long as somebody listens, and
// returns when they have ended. There are none from then on.
func (r *Router) EndStreams() { r.streams.end() }

// Close ends what Open began, and returns when it has ended. No request may come any
// more; those under way break.
func (r *Router) Close() {
	r.EndStreams()
	r.stop()
	r.checks.Wait()
	for _, b := range r.current.Load().backends {
		b.transport.CloseIdleConnections()
	}
}

// streams knows those that there are, so that they can be ended.
type streams struct {
	work sync.WaitGroup

	mu    sync.Mutex
	over  context.Context // guarded by mu: done when all are to end
	close context.CancelFunc
}

func (s *streams) open() { s.over, s.close = context.WithCancel(context.Background()) }

// begin has end called when all streams are to end; false when they have already.
// The caller calls done when the stream has ended.
func (s *streams) begin(end func()) (done func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over.Err() != nil {
		return nil, false
	}
	s.work.Add(1)
	stop := context.AfterFunc(s.over, end)
	return func() { stop(); s.work.Done() }, true
}

func (s *streams) end() {
	s.mu.Lock()
	s.close()
	s.mu.Unlock()
	s.work.Wait()
}
