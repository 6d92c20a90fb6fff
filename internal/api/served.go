package api

import (
	"sync"

	"github.com/wbic16/sq-go"
)

// served is what the server keeps of a tenant that was ever served, found with one
// look-up: where many ask in turn, what belongs to one is in no cache any more.
type served struct {
	mu       sync.Mutex
	meter    meter             // guarded by mu
	store    sq.Store          // guarded by mu, as the next two; nil before the first request
	observe  func(Observation) // is told of its calls
	revision uint64            // of the tenants under which the server was asked for these two
	place    place             // guarded by slots.mu
	streams  int               // open ones; guarded by streams.mu
}

// of returns what is kept of a tenant, which is let in.
func (r *rates) of(tenant string) *served {
	r.mu.RLock()
	s := r.by[tenant]
	r.mu.RUnlock()
	if s != nil {
		return s
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s = r.by[tenant]; s == nil {
		s = &served{}
		r.by[tenant] = s
	}
	return s
}

// recall takes what is kept of the tenant, or asks for it where something may have
// changed.
func (c *call) recall(revision uint64) {
	s := c.server.rates.of(c.tenant.Name)
	s.mu.Lock() // of two revisions at once, one is asked after the other
	defer s.mu.Unlock()
	if s.store == nil || s.revision != revision {
		s.store, s.observe, s.revision = c.server.Store(c.tenant), c.server.Observe(c.tenant.Name), revision
	}
	c.served, c.store, c.observer = s, s.store, s.observe
}
