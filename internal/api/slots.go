package api

import "sync"

// slots counts the requests at work, so that they stay under a limit and no
// tenant takes more than its share.
type slots struct {
	all, each int // how many there are, and how many of them one tenant may take

	mu    sync.Mutex
	taken int            // guarded by mu
	by    map[string]int // guarded by mu: by tenant, without those that have none
}

// newSlots returns slots that are all free; of many tenants one may take a
// quarter.
func newSlots(all int, many bool) *slots {
	each := all
	if many {
		each = max(all/4, 1)
	}
	return &slots{all: all, each: each, by: map[string]int{}}
}

// take takes a slot for a tenant; false when there is none for it.
func (s *slots) take(tenant string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.by[tenant]
	if s.taken == s.all || n == s.each {
		return false
	}
	s.taken++
	s.by[tenant] = n + 1
	return true
}

// give gives back what take took.
func (s *slots) give(tenant string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if s.by[tenant]--; s.by[tenant] == 0 {
		delete(s.by, tenant)
	}
}
