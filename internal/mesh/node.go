package mesh

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/wbic16/sq-go"
)

// Options is what a Node is made of. All but the last two are required.
type Options struct {
	Config *Config
	// Store is the phexts of this node.
	Store sq.Store
	Bases *Bases
	// Connect returns a peer. It connects to nothing yet.
	Connect func(PeerConfig) (Peer, error)
	// Log has a line for what travelled, for conflicts and for failures; nil: nothing is
	// logged.
	Log *slog.Logger
	// Random gives numbers from 0 to 1, for the pauses; nil: math/rand.
	Random func() float64
}

// Node synchronises with its peers: one round after another, the peers that are due in
// the order of their priority. Goroutines may share it.
type Node struct {
	Options
	peers []*peer
	turn  chan struct{} // holds one: who takes it may do rounds
	wake  chan struct{} // somebody may be due
}

// peer is a peer with what is known of it.
type peer struct {
	PeerConfig
	conn  Peer
	pairs map[sq.PhextName]*Pair // belongs to who has the turn

	mu     sync.Mutex // guards what follows
	status PeerStatus
	tries  int // since the last success
}

// New returns a node that does nothing yet. The error is that of Connect.
func New(o Options) (*Node, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	n := &Node{Options: o, turn: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
	if !o.Config.Outbound {
		return n, nil
	}
	for _, c := range o.Config.Peers {
		if !c.Enabled {
			continue
		}
		conn, err := o.Connect(c)
		if err != nil {
			return nil, err
		}
		p := &peer{PeerConfig: c, conn: conn, pairs: map[sq.PhextName]*Pair{}}
		p.status = PeerStatus{ID: c.ID, Name: c.Name, Server: c.Server(), Priority: int(c.Priority)}
		n.peers = append(n.peers, p)
	}
	return n, nil
}

// Sync does a round of each phext with each peer now, or with those whose ids are given,
// and returns what is known of them then. It waits for rounds that are under way.
// NotFound: there is no such peer. Busy: ctx ended.
func (n *Node) Sync(ctx context.Context, ids ...string) ([]PeerStatus, error) {
	for _, id := range ids {
		if !slices.ContainsFunc(n.peers, func(p *peer) bool { return p.ID == id }) {
			return nil, sq.Errorf(sq.NotFound, "there is no peer %q that is enabled", id)
		}
	}
	var all []PeerStatus
	for _, p := range n.peers {
		if len(ids) > 0 && !slices.Contains(ids, p.ID) {
			continue
		}
		if err := n.syncPeer(ctx, p); err != nil {
			return nil, err
		}
		all = append(all, p.known())
	}
	return all, nil
}

// syncPeer does a round of each phext with a peer, and notes how it went. The error says
// that ctx ended.
func (n *Node) syncPeer(ctx context.Context, p *peer) error {
	select {
	case n.turn <- struct{}{}:
		defer func() { <-n.turn }()
	case <-ctx.Done():
		return sq.Wrap(ctx.Err(), sq.Busy, "the round was ended")
	}
	err := n.rounds(ctx, p)
	if ctx.Err() != nil {
		return sq.Wrap(ctx.Err(), sq.Busy, "the round was ended")
	}
	n.note(p, err)
	return nil
}

// rounds does the rounds with a peer. What one phext has does not keep the others from
// theirs; what the peer has does.
func (n *Node) rounds(ctx context.Context, p *peer) error {
	names, err := n.names(ctx, p.conn)
	if err != nil {
		return err
	}
	var first error
	for _, name := range names {
		out, err := n.pair(p, name).Round(ctx)
		n.tell(p, name, out, err)
		if err != nil && first == nil {
			first = err
		}
		if err != nil && !isOfPhext(err) {
			break
		}
	}
	return first
}

// isOfPhext reports whether an error is that of one phext and not of the peer.
func isOfPhext(err error) bool {
	switch sq.ErrorCode(err) {
	case sq.Unreadable, sq.Conflict, sq.Invalid, sq.NotFound, sq.TooLarge, sq.Precondition:
		return true
	}
	return false
}

// names returns the phexts that are to be the same here and there.
func (n *Node) names(ctx context.Context, conn Peer) (names []sq.PhextName, err error) {
	if !slices.Contains(n.Config.Phexts, All) {
		for _, name := range n.Config.Phexts {
			names = append(names, sq.PhextName(name)) // Parse has checked it
		}
		return names, nil
	}
	here, err := n.Store.List(ctx)
	if err != nil {
		return nil, err
	}
	there, err := conn.List(ctx)
	if err != nil {
		return nil, err
	}
	names = append(slices.Clone(here), there...)
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name sq.PhextName) bool { return unfitPhext(string(name)) != "" }), nil
}

// pair returns the pair of a phext with a peer. The caller has the turn.
func (n *Node) pair(p *peer, name sq.PhextName) *Pair {
	if p.pairs[name] == nil {
		p.pairs[name] = &Pair{Local: n.Store, Name: name, Peer: p.conn, ID: p.ID,
			Identity: Identity(p.Server(), p.Key, name), Bases: n.Bases}
	}
	return p.pairs[name]
}

// tell logs what a round did, and adds it to what is known of the peer.
func (n *Node) tell(p *peer, name sq.PhextName, out Outcome, err error) {
	level := slog.LevelDebug
	if out.Travelled() > 0 {
		level = slog.LevelInfo
	}
	if out.New+out.Refused > 0 {
		level = slog.LevelWarn
	}
	attrs := []any{"peer", p.ID, "phext", name, "taken", out.Taken, "sent", out.Sent,
		"deleted_here", out.DeletedHere, "deleted_there", out.DeletedThere, "conflicts", out.New}
	if out.Refused > 0 {
		attrs = append(attrs, "refused", out.Refused, "refusal", sq.ErrorMessage(out.Refusal))
	}
	if !out.Unchanged || err != nil {
		n.Log.Log(context.Background(), level, "mesh round", attrs...)
	}
	p.add(name, out, err)
}

// note notes how the rounds with a peer went, and when the next ones are due.
func (n *Node) note(p *peer, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	before := p.status.Error
	if err == nil {
		p.tries, p.status.Error, p.status.Synced, p.status.Up = 0, "", now, true
		p.status.Next = now.Add(n.spread(n.Config.Sync))
		return
	}
	p.status.Error = sq.ErrorMessage(err)
	if code := sq.ErrorCode(err); code == sq.Busy || code == sq.Uncertain {
		p.status.Up = false // the next look at its health says whether it is back
	}
	if p.tries++; p.tries > n.Config.Retries {
		p.tries = 0
		p.status.Next = now.Add(n.spread(n.Config.Sync))
	} else {
		p.status.Next = now.Add(n.backoff(p.tries))
	}
	level := slog.LevelWarn
	if before == p.status.Error {
		level = slog.LevelDebug // it was told
	}
	n.Log.Log(context.Background(), level, "mesh round failed", "peer", p.ID, "again_in", p.status.Next.Sub(now).Round(time.Second), "error", err)
}
