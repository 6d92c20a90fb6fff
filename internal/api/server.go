package api

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/wbic16/sq-go"
)

// Tenants answers who shows a token. A *tenant.Registry is one. Goroutines share
// it.
type Tenants interface {
	// Find returns the tenant of a token, and false when nobody has it. ReadOnly
	// is that of the token. Where no token is needed it is the only tenant,
	// whatever the token.
	Find(token string) (sq.Tenant, bool)
	// NeedsToken reports whether requests need a token.
	NeedsToken() bool
	// IsAdmin reports whether a token is the administration's key.
	IsAdmin(token string) bool
	// HasAdmin reports whether there is such a key.
	HasAdmin() bool
	// Revision is another number when anything is said of a tenant that was not
	// said before.
	Revision() uint64
}

// Options is what a Server is made of. Tenants and Store are required.
type Options struct {
	// Tenants returns the registry in force. It is asked once a request, which
	// finishes as the tenant it began as.
	Tenants func() Tenants
	// Many says that there are several tenants: then each may take a quarter of
	// the slots at most.
	Many bool
	// Store returns a tenant's store, the same for the same directory. It has to be
	// quick, and is asked at the tenant's first request under each revision of Tenants.
	Store func(sq.Tenant) sq.Store
	// Reload reads the configuration again, for a request that may ask for it. Where
	// it is nil there is none to read, and a reload succeeds.
	Reload func(*http.Request) error
	// Logger gets a line for each request at Debug, and what fails inside at
	// Error. Where it is nil nothing is logged.
	Logger *slog.Logger
	// AccessLog has the line of each request at Info, those to quiet routes left
	// out.
	AccessLog bool
	// Observe returns who is told of each call of a tenant at its end, those to quiet
	// routes left out, by the goroutine that answered it, so it has to be quick. It is
	// asked when Store is, and once for the calls that are nobody's, by the name "",
	// which is the only tenant's as well. Where it is nil nobody is told.
	Observe func(tenant string) func(Observation)
	// Loopback says that the listener is reached from this machine only. It
	// matters where no token is needed: beyond loopback GET does not write.
	Loopback bool
	// AllowOrigin is the origins whose pages may call a server without tokens,
	// exactly as browsers send them, such as https://app.example.
	AllowOrigin []string
	// AllowHost is the names (without port) beside the loopback ones under which
	// a server without tokens answers.
	AllowHost []string
	// Used is what tenants have used before the server began, as Server.Used gave
	// it.
	Used map[string]Usage
	// Limits bounds what a request may use.
	Limits Limits
	// Routes are served beside the phexts. The endpoints of the API go before
	// them.
	Routes []Route
}

// Limits bounds what requests may use. A field that is zero stands for the
// default that is named beside it.
type Limits struct {
	Requests      int           // at work at once: 512
	Streams       int           // of events, open at once: 1,024, and of Connections half at the most
	BodyBytes     int64         // of a request: 64 MiB
	HeaderBytes   int           // of a request, its first line included: 64 KiB; less than 4,097 counts as 4,097
	HeaderTimeout time.Duration // to send them: 10 s
	StallTimeout  time.Duration // without progress on a body or a response: 30 s
	IdleTimeout   time.Duration // a connection between two requests: 3 min
	Heartbeat     time.Duration // between two signs of life on a stream of events: 15 s; less than StallTimeout
	GuessDelay    time.Duration // of the answer to a wrong token, at the most, where one address shows many: 2 s; less than 0: it never waits
	Connections   int           // open at once: half of the files that the process may have open
}

func (l Limits) orDefaults() Limits {
	l.Requests = cmp.Or(l.Requests, 512)
	l.BodyBytes = cmp.Or(l.BodyBytes, 64<<20)
	l.HeaderBytes = cmp.Or(l.HeaderBytes, 64<<10)
	l.HeaderTimeout = cmp.Or(l.HeaderTimeout, 10*time.Second)
	l.StallTimeout = cmp.Or(l.StallTimeout, 30*time.Second)
	l.IdleTimeout = cmp.Or(l.IdleTimeout, 3*time.Minute)
	l.GuessDelay = cmp.Or(l.GuessDelay, 2*time.Second)
	l.Connections = cmp.Or(l.Connections, openFiles()/2)
	if l.Streams = cmp.Or(l.Streams, 1024); l.Connections > 0 {
		l.Streams = min(l.Streams, max(l.Connections/2, 1))
	}
	l.Heartbeat = cmp.Or(l.Heartbeat, 15*time.Second)
	return l
}

// Server serves the API. It is an http.Handler too, for those who bring their
// own http.Server; only Serve sets the limits that belong to connections, and
// sees ambiguous lengths. Goroutines share it.
type Server struct {
	Options
	slots   *slots
	streams *streams
	rates   *rates
	guesses *guesses
	nobody  func(Observation) // is told of calls that are nobody's
	routes  *routes
	conns   *connections
	origins map[string]bool // Options.AllowOrigin
	hosts   map[string]bool // Options.AllowHost, in lower case
	log     *slog.Logger

	http   *http.Server
	once   sync.Once
	ending chan struct{} // closed when Shutdown begins

	// work is the context of calls on stores, and ends when Shutdown loses
	// patience. That of a request would end as soon as the client closes its side,
	// which many do once they have asked (nc, for one); who really left shows
	// when the reply is written.
	work context.Context
	stop context.CancelFunc
}

// New returns a server that nobody has called yet. It starts nothing.
func New(o Options) *Server {
	o.Limits = o.Limits.orDefaults()
	s := &Server{
		Options: o,
		slots:   newSlots(o.Limits.Requests, o.Many),
		streams: newStreams(o.Limits.Streams, o.Many),
		rates:   newRates(o.Used),
		guesses: newGuesses(o.Limits.GuessDelay),
		routes:  newRoutes(o.Routes),
		conns:   newConnections(o.Limits.Connections),
		origins: exactly(o.AllowOrigin),
		hosts:   lowered(o.AllowHost),
		log:     o.Logger,
		ending:  make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.Observe == nil {
		s.Observe = func(string) func(Observation) { return func(Observation) {} }
	}
	s.nobody = s.Observe("")
	s.work, s.stop = context.WithCancel(context.Background())
	s.http = newHTTP(s, o.Limits, s.conns, s.log)
	return s
}

// newHTTP returns the server underneath. It counts what it has read ahead (4
// KiB) to the headers, which is why theirs are fewer; and its WriteTimeout is
// only where the write deadline starts, which reply moves on.
func newHTTP(h http.Handler, l Limits, conns *connections, log *slog.Logger) *http.Server {
	const readAhead = 4 << 10
	return &http.Server{
		Handler:                      h,
		MaxHeaderBytes:               max(l.HeaderBytes-readAhead, 1),
		ReadHeaderTimeout:            l.HeaderTimeout,
		WriteTimeout:                 l.StallTimeout,
		IdleTimeout:                  l.IdleTimeout,
		DisableGeneralOptionsHandler: true,
		ConnContext:                  withFraming,
		ConnState:                    conns.state,
		ErrorLog:                     newErrorLog(log),
	}
}

// Serve answers the connections that l accepts, until Shutdown, when it returns
// nil, or until l fails. It closes l. There may be several listeners. One of
// crypto/tls is served with the same limits; its configuration has to be one that
// OnlyHTTP1 returned.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.Serve(newFramedListener(l, s.conns, s.Limits.HeaderTimeout, s.log, s))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown stops accepting, lets requests finish until ctx ends, and then closes
// their connections and ends their calls on stores. It returns nil when all
// finished, and the error of ctx otherwise; handlers that were cut off may still
// be on their way out then.
func (s *Server) Shutdown(ctx context.Context) error {
	s.once.Do(func() {
		s.conns.end() // before answers that are held back are given, which say that they are the last
		close(s.ending)
	})
	err := s.http.Shutdown(ctx)
	if err == nil {
		err = s.conns.settle(ctx)
	}
	if err != nil {
		s.conns.force()
		s.http.Close()
	}
	s.stop()
	return err
}
