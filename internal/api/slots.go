package api

import (
	"runtime"
	"sync"
	"time"
)

// slots are the places of requests that are at work. A tenant may have only so
// many of them, and while another is about, only a few of those that it has are
// at work at once; the others wait for a moment, so that one who floods leaves the
// processors to others.
type slots struct {
	all, each int // how many there are, and how many of them one tenant may take
	few       int // of a tenant, at work beside another's

	mu    sync.Mutex
	taken int   // guarded by mu
	last  visit // guarded by mu: of whom a request came last
	other visit // guarded by mu: of another before
}

// place is what a tenant has.
type place struct {
	taken   int
	visits  uint64          // so far
	waiting []chan struct{} // of those that were taken
}

type visit struct {
	of *served
	at time.Time
}

const (
	aboutFor = 100 * time.Millisecond // after a request its tenant is about
	waitsFor = 50 * time.Millisecond  // at the most, since a request at work may be one that takes all day
)

// newSlots returns slots that are all free; of many tenants one may take a
// quarter.
func newSlots(all int, many bool) *slots {
	each := all
	if many {
		each = max(all/4, 1)
	}
	return &slots{all: all, each: each, few: 4 * runtime.NumCPU()}
}

// take takes a slot for a tenant, and waits for its turn; false when there is none
// for it.
func (s *slots) take(t *served, now time.Time) bool {
	p := &t.place
	s.mu.Lock()
	if s.taken == s.all || p.taken == s.each {
		s.mu.Unlock()
		return false
	}
	s.taken++
	p.taken++
	p.visits++
	if !s.beside(t, now) || p.taken-len(p.waiting) <= s.few {
		s.mu.Unlock()
		return true
	}
	turn := make(chan struct{})
	p.waiting = append(p.waiting, turn)
	s.mu.Unlock()
	p.wait(s, turn)
	return true
}

// beside notes a visit, and reports whether another tenant is about.
func (s *slots) beside(t *served, now time.Time) bool {
	if s.last.of != t {
		s.other = s.last
	}
	s.last = visit{t, now}
	return !s.other.at.IsZero() && now.Sub(s.other.at) < aboutFor
}

// wait waits for a turn, but not for long.
func (p *place) wait(s *slots, turn chan struct{}) {
	timer := time.NewTimer(waitsFor)
	defer timer.Stop()
	select {
	case <-turn:
		return
	case <-timer.C:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, t := range p.waiting {
		if t == turn {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			return
		}
	}
}

// give gives back what take took, and lets those who wait have their turn.
func (s *slots) give(t *served) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &t.place
	s.taken--
	p.taken--
	for len(p.waiting) > 0 && p.taken-len(p.waiting) < s.few {
		close(p.waiting[0])
		p.waiting = p.waiting[1:]
	}
}

// streams are the places of those that go on for long. A tenant may have only so
// many of them.
type streams struct {
	all, each int

	mu    sync.Mutex
	taken int // guarded by mu
}

// newStreams returns places that are all free; of many tenants one may take a
// quarter.
func newStreams(all int, many bool) *streams {
	each := all
	if many {
		each = max(all/4, 1)
	}
	return &streams{all: all, each: each}
}

// take takes a place for a tenant; false when there is none for it.
func (s *streams) take(t *served) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == s.all || t.streams == s.each {
		return false
	}
	s.taken++
	t.streams++
	return true
}

// give gives back what take took.
func (s *streams) give(t *served) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	t.streams--
}
