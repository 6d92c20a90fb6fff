package api

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/wbic16/sq-go"
)

// call is one request on its way from the door to the reply. It belongs to the
// goroutine of that request.
type call struct {
	server  *Server
	request *http.Request
	reply   reply
	began   time.Time

	keyless  bool   // no token is needed
	named    string // see id
	name     string // of the endpoint, "-" while none was found
	quiet    bool   // it is left out of the access log
	tenant   sq.Tenant
	served   *served // what is kept of it; nil where it was not let in
	store    sq.Store
	observer func(Observation) // is told of the call
	query    query
	phext    sq.PhextName // empty where none is needed and none was given
	body     body

	hold   time.Duration // before the error is answered
	broken bool          // the connection is to be cut

	room []byte // for a text, of calls before it
}

// calls are those that ended: the next ones use what they were made of.
var calls = sync.Pool{New: func() any { return new(call) }}

// mostRoom is how long a text may be whose room is kept for the next call.
const mostRoom = 64 << 10

// keepRoom keeps the room of a text that is not needed after the call.
func (c *call) keepRoom(text []byte) {
	if cap(text) <= mostRoom {
		c.room = text
	}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.conns.atWork(r.Context())
	showTLS(r)
	c := s.newCall(w, r)
	defer c.end()
	if err := c.serve(); err != nil {
		if c.isGuess(err) {
			c.hold = c.server.guesses.wrong(client(c.request), time.Now())
		}
		if c.broken = !s.conns.pause(r.Context(), c.hold, s.ending); c.broken {
			return
		}
		if s.conns.ending.Load() {
			w.Header().Set("Connection", "close") // net/http may not know yet
		}
		c.fail(err)
	}
}

func (s *Server) newCall(w http.ResponseWriter, r *http.Request) *call {
	now := time.Now()
	c := calls.Get().(*call)
	*c = call{server: s, request: r, began: now, name: "-", observer: s.nobody, room: c.room}
	c.reply = reply{ResponseWriter: w, progress: progress{s.Limits.StallTimeout, now}}
	c.body = newBody(w, r, s.Limits)
	return c
}

// end closes the call, whatever happened: it turns a panic into an answer, tells
// of the call, and cuts the connection where half an answer was given. What such a
// call was made of is not used again, since somebody may have it still.
func (c *call) end() {
	v := recover()
	if v != nil {
		c.panicked(v)
	}
	duration := time.Since(c.began)
	c.observe(duration)
	c.logLine(duration)
	switch {
	case c.broken:
		panic(http.ErrAbortHandler)
	case v == nil:
		*c = call{room: c.room}
		calls.Put(c)
	}
}

func (c *call) panicked(v any) {
	c.server.log.Error("panic", slog.String("request", c.id()), slog.String("endpoint", c.name),
		slog.String("tenant", c.tenant.Name), slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
	if c.broken = c.reply.started(); !c.broken {
		c.fail(sq.Errorf(sq.Internal, "panic"))
	}
}

// serve is the way of a request. Each step may end it with an error.
func (c *call) serve() error {
	c.reply.Header()["X-Content-Type-Options"] = noSniff
	tenants := c.server.Tenants()
	if isAmbiguous(c.request.Context()) {
		c.checkOrigin(tenants) // says who may read the refusal
		c.reply.Header()["Connection"] = closing
		return errAmbiguous
	}
	e, under := find(c.request.URL.Path)
	var route *Route
	if e == nil {
		route = c.server.routes.find(c.request)
	}
	if route != nil && route.Right == Anyone && c.request.Method != http.MethodOptions {
		c.reply.Header()["Access-Control-Allow-Origin"] = anyOrigin
		return c.visit(route, tenants)
	}
	if err := c.checkOrigin(tenants); err != nil {
		return err
	}
	switch {
	case c.request.Method == http.MethodOptions:
		return c.preflight()
	case route != nil:
		return c.visit(route, tenants)
	case !under:
		return errNotFound
	}
	if e == reloading && c.request.Method == http.MethodPost {
		c.name = e.name
		return c.reload(tenants)
	}
	if err := c.authenticate(tenants); err != nil {
		return err
	}
	if err := c.meter(); err != nil {
		return err
	}
	return c.work(e)
}

// work takes a slot for the tenant and does there what is asked.
func (c *call) work(e *endpoint) error {
	if e != nil && e.streams {
		return c.workAside(e)
	}
	if err := c.takeSlot(); err != nil {
		return err
	}
	defer c.server.slots.give(c.served)
	if e == nil {
		return errNotFound
	}
	return c.do(e)
}

// takeSlot takes a slot for the tenant, which has to be given back.
func (c *call) takeSlot() error {
	if !c.server.slots.take(c.served, c.began) {
		c.hold = c.server.rates.hold(c.served, c.began)
		return sq.Errorf(sq.Busy, "too many requests at work, try again in a second")
	}
	return nil
}

// workAside does what goes on for long beside the slots, in a place of its own.
func (c *call) workAside(e *endpoint) error {
	streams := c.server.streams
	if !streams.take(c.served) {
		c.hold = c.server.rates.hold(c.served, c.began)
		return sq.Errorf(sq.Busy, "too many event streams are open, try again later")
	}
	defer streams.give(c.served)
	return c.do(e)
}

func (c *call) do(e *endpoint) error {
	c.name = e.name
	if err := c.admit(e); err != nil {
		return err
	}
	return e.do(c)
}

// admit checks what holds for all requests to an endpoint, and parses the query.
func (c *call) admit(e *endpoint) (err error) {
	h := c.reply.Header()
	if h["Cache-Control"] = ask; e.writes {
		h["Cache-Control"] = noStore
	}
	if !e.allows(c.request.Method, c.getWrites()) {
		h.Set("Allow", e.allow(c.getWrites()))
		return errMethod
	}
	if e.writes && c.tenant.ReadOnly {
		return errReadOnly
	}
	if c.query, err = parseQuery(c.request.URL.RawQuery); err != nil {
		return err
	}
	if c.query.phext.given || !e.bare {
		if c.phext, err = sq.ParsePhextName(c.query.phext.value); err != nil {
			return err
		}
	}
	if err := c.body.checkLength(); err != nil {
		return err
	}
	if c.readsBody(e) {
		return nil
	}
	return c.body.skip()
}
