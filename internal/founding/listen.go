package founding

import "github.com/wbic16/sq-go"

// mostBehind is how many events a listener may be behind before it is let go.
const mostBehind = 256

// Subscribe returns a channel that has the progress now, and then that after each
// claim, in order. It is closed when its reader is too far behind, and by EndStreams. The
// caller calls leave, once or more, when it is done.
//
// Busy: there are as many listeners as most. Closed: EndStreams was called.
func (p *Programme) Subscribe(most int) (events <-chan Progress, leave func(), err error) {
	p.listening.Lock()
	defer p.listening.Unlock()
	switch {
	case p.listeners == nil:
		return nil, nil, sq.Errorf(sq.Closed, "the server is ending")
	case len(p.listeners) >= most:
		return nil, nil, sq.Errorf(sq.Busy, "too many listen already; /api/founding-progress has the numbers, too")
	}
	c := make(chan Progress, mostBehind)
	c <- p.Progress()
	p.listeners[c] = true
	return c, func() { p.leave(c) }, nil
}

func (p *Programme) leave(c chan Progress) {
	p.listening.Lock()
	defer p.listening.Unlock()
	p.dropLocked(c)
}

func (p *Programme) dropLocked(c chan Progress) {
	if p.listeners[c] {
		delete(p.listeners, c)
		close(c)
	}
}

// EndStreams ends all subscriptions and refuses new ones: so that a server that
// waits for its requests has not to wait for these.
func (p *Programme) EndStreams() {
	p.listening.Lock()
	defer p.listening.Unlock()
	for c := range p.listeners {
		p.dropLocked(c)
	}
	p.listeners = nil
}

// publish puts a book in force and tells those who listen, once for each claim.
func (p *Programme) publish(now, next *book) {
	p.listening.Lock()
	defer p.listening.Unlock()
	p.book.Store(next)
	for n := now.claimed + 1; n <= next.claimed; n++ {
		p.tellLocked(newProgress(n, len(next.slots)))
	}
}

func (p *Programme) tellLocked(progress Progress) {
	for c := range p.listeners {
		select {
		case c <- progress:
		default:
			p.dropLocked(c)
		}
	}
}
