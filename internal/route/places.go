package route

import "sync"

// places bounds how many requests are at work, and how many streams there are. One
// backend may have a quarter of them where there are several, so that one that hangs
// takes no others along.
type places struct {
	requests, streams int // how many there are of each

	mu    sync.Mutex
	alone bool  // guarded by mu: there is one backend
	taken taken // guarded by mu: of all backends
}

// taken counts places. Those of a backend are guarded by places.mu.
type taken struct{ requests, streams int }

// setAlone says whether there is one backend, which may have all places.
func (p *places) setAlone(alone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alone = alone
}

// eachLocked returns how many of so many places one backend may have.
func (p *places) eachLocked(all int) int {
	if p.alone {
		return all
	}
	return max(all/4, 1)
}

// enter takes a place for a request; false when there is none.
func (p *places) enter(b *backend) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken.requests >= p.requests || b.places.requests >= p.eachLocked(p.requests) {
		return false
	}
	p.taken.requests++
	b.places.requests++
	return true
}

// leave gives the place of a request back.
func (p *places) leave(b *backend) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken.requests--
	b.places.requests--
}

// flow exchanges the place of a request for one of a stream; false when there is
// none, and the request has its place still.
func (p *places) flow(b *backend) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken.streams >= p.streams || b.places.streams >= p.eachLocked(p.streams) {
		return false
	}
	p.taken.requests--
	b.places.requests--
	p.taken.streams++
	b.places.streams++
	return true
}

// dry gives the place of a stream back.
func (p *places) dry(b *backend) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken.streams--
	b.places.streams--
}

// of returns how many places a backend has.
func (p *places) of(b *backend) taken {
	p.mu.Lock()
	defer p.mu.Unlock()
	return b.places
}
