package mesh

import (
	"context"
	"sync"
	"time"
)

// healthPatience is how long a peer may take to say that it is there.
const healthPatience = 10 * time.Second

// Run looks at the peers and does rounds at the intervals of the configuration, until ctx
// ends. It returns when all it started has ended.
func (n *Node) Run(ctx context.Context) {
	if len(n.peers) == 0 {
		return
	}
	if len(n.Config.Phexts) == 0 {
		n.Log.Warn(`no phexts were chosen, so nothing travels; name some under "mesh" as "phexts"`)
	}
	var work sync.WaitGroup
	defer work.Wait()
	for _, p := range n.peers {
		work.Go(func() { n.watch(ctx, p) })
	}
	for {
		next, at := n.due()
		if wait := time.Until(at); wait > 0 {
			if !n.sleep(ctx, wait) {
				return
			}
			continue
		}
		if n.syncPeer(ctx, next) != nil {
			return
		}
	}
}

// due returns the peer that is to be synchronised with next, and when. Of those whose
// time has come it is the first by priority.
func (n *Node) due() (next *peer, at time.Time) {
	now := time.Now()
	for _, p := range n.peers {
		t := p.known().Next
		if !t.After(now) {
			return p, t
		}
		if next == nil || t.Before(at) {
			next, at = p, t
		}
	}
	return next, at
}

// sleep lets time pass, or less when somebody may be due before; false when ctx ended.
func (n *Node) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-n.wake:
	case <-ctx.Done():
		return false
	}
	return true
}

// watch asks a peer whether it is there, again and again.
func (n *Node) watch(ctx context.Context, p *peer) {
	for {
		n.check(ctx, p)
		timer := time.NewTimer(n.spread(n.Config.Health))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// Check asks all peers whether they are there and take their keys, and returns what
// is known of them then.
func (n *Node) Check(ctx context.Context) []PeerStatus {
	var work sync.WaitGroup
	for _, p := range n.peers {
		work.Go(func() { n.check(ctx, p) })
	}
	work.Wait()
	return n.Peers()
}

// check asks a peer once. One that has come back is synchronised with at once.
func (n *Node) check(ctx context.Context, p *peer) {
	asked, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	version, err := p.conn.Version(asked)
	if ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.status
	p.status.Up, p.status.Checked, p.status.Version = err == nil, time.Now(), version
	p.status.Down = ""
	if err != nil {
		p.status.Down = describe(err)
	}
	switch {
	case err != nil && was.Down != p.status.Down:
		n.Log.Warn("mesh peer does not answer as it should", "peer", p.ID, "error", err)
	case err == nil && was.Down != "":
		n.Log.Info("mesh peer is back", "peer", p.ID)
		p.tries, p.status.Next = 0, time.Now()
		select {
		case n.wake <- struct{}{}:
		default:
		}
	}
}

// spread returns an interval a tenth longer or shorter, so that nodes that were started
// together do not go on together.
func (n *Node) spread(d time.Duration) time.Duration {
	return d + time.Duration((n.Random()-0.5)*0.2*float64(d))
}

// backoff returns the pause before a try: it doubles with each, up to the interval of
// the rounds, and is that or as little as half of it.
func (n *Node) backoff(try int) time.Duration {
	d := n.Config.Backoff
	for i := 1; i < try && d < n.Config.Sync; i++ {
		d *= 2
	}
	d = min(d, n.Config.Sync)
	return d/2 + time.Duration(n.Random()*float64(d)/2)
}
