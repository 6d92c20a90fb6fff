package api

import (
	"maps"
	"slices"
	"time"
)

// Observation is what became of a call, for whoever counts calls. The client
// chose none of its words.
type Observation struct {
	Endpoint string        // the name of an endpoint or a route; "-" where it came to none
	Status   int           // of the reply; 0 when there was none
	In, Out  int64         // bytes of the bodies of request and reply
	Duration time.Duration // from the headers of the request until the reply was handed over
	Broken   bool          // the reply was cut short, and the connection with it
}

func (c *call) observe(d time.Duration) {
	if c.quiet {
		return
	}
	c.observer(Observation{
		Endpoint: c.name, Status: c.reply.status,
		In: c.body.bytes, Out: c.reply.bytes, Duration: d, Broken: c.broken,
	})
}

// EndpointNames returns the names of the API's endpoints, sorted.
func EndpointNames() []string { return slices.Sorted(maps.Keys(endpoints)) }

// Stats is what a server has at work at one moment. None of it counts requests to
// routes.
type Stats struct {
	Requests     int // at work
	RequestsMost int
	Connections  int // open, TLS left out
	Idle         int // of them, without a request
	Most         int // connections that may be open; 0: any number
}

// Stats returns what is at work. It takes two locks for a moment.
func (s *Server) Stats() Stats {
	open, idle := s.conns.counted()
	return Stats{Requests: s.slots.atWork(), RequestsMost: s.slots.all, Connections: open, Idle: idle, Most: s.conns.most}
}

func (s *slots) atWork() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// visits returns how many requests of a tenant were let in so far.
func (s *slots) visits(t *served) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return t.place.visits
}

func (s *connections) counted() (open, idle int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := s.all.Front(); e != nil; e = e.Next() {
		if !e.Value.(*framedConn).working.Load() {
			idle++
		}
	}
	return s.all.Len(), idle
}
