package mesh

import (
	"context"
	"crypto/subtle"
	"slices"
	"strings"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// Status is what a node knows of itself and its peers, as programs read it. It holds
// no keys.
type Status struct {
	ID         string       `json:"id"`
	Name       string       `json:"name,omitempty"`
	Emoji      string       `json:"emoji,omitempty"`
	Coordinate string       `json:"coordinate,omitempty"`
	Phexts     []string     `json:"phexts"` // that were chosen
	Peers      []PeerStatus `json:"peers"`  // that are enabled, in the order of their priority
	Kept       []Kept       `json:"kept"`   // the phexts that keep other sides' texts
}

// PeerStatus is what is known of a peer.
type PeerStatus struct {
	ID       string        `json:"id"`
	Name     string        `json:"name,omitempty"`
	Server   string        `json:"server"`
	Priority int           `json:"priority"`
	Up       bool          `json:"up"` // it answered when it was asked last
	Version  string        `json:"version,omitempty"`
	Checked  time.Time     `json:"checked,omitzero"` // when it was asked last
	Down     string        `json:"down,omitempty"`   // why it is not up
	Synced   time.Time     `json:"synced,omitzero"`  // when all its rounds went well last
	Error    string        `json:"error,omitempty"`  // why they did not
	Next     time.Time     `json:"next,omitzero"`    // when they are due
	Phexts   []PhextStatus `json:"phexts"`
}

// PhextStatus is what is known of a phext that is kept in step with a peer. The counts
// are of scrolls, since the node was started.
type PhextStatus struct {
	Phext        sq.PhextName `json:"phext"`
	Synced       time.Time    `json:"synced,omitzero"`
	Error        string       `json:"error,omitempty"`
	Taken        int          `json:"taken"`
	Sent         int          `json:"sent"`
	DeletedHere  int          `json:"deleted_here"`
	DeletedThere int          `json:"deleted_there"`
	Refused      int          `json:"refused"` // in the last round
	Refusal      string       `json:"refusal,omitempty"`
	Conflicts    []string     `json:"conflicts"` // the coordinates of those that are open
}

// Kept is a phext that keeps other sides' texts. They stay until somebody deletes them.
type Kept struct {
	Phext       sq.PhextName `json:"phext"`
	Scrolls     int          `json:"scrolls"`
	Coordinates []string     `json:"coordinates"` // the first 1,000
}

// known returns what is known of the peer.
func (p *peer) known() PeerStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.status
	s.Phexts = append([]PhextStatus{}, s.Phexts...)
	return s
}

// add adds a round to what is known.
func (p *peer) add(name sq.PhextName, out Outcome, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, ok := slices.BinarySearchFunc(p.status.Phexts, name, func(s PhextStatus, name sq.PhextName) int {
		return strings.Compare(string(s.Phext), string(name))
	})
	if !ok {
		p.status.Phexts = slices.Insert(p.status.Phexts, i, PhextStatus{Phext: name})
	}
	s := &p.status.Phexts[i]
	s.Taken, s.Sent = s.Taken+out.Taken, s.Sent+out.Sent
	s.DeletedHere, s.DeletedThere = s.DeletedHere+out.DeletedHere, s.DeletedThere+out.DeletedThere
	s.Conflicts = []string{}
	for _, c := range out.Open {
		s.Conflicts = append(s.Conflicts, c.String())
	}
	if !out.Unchanged {
		s.Refused, s.Refusal = out.Refused, describe(out.Refusal)
	}
	if s.Error = describe(err); err == nil {
		s.Synced = time.Now()
	}
}

// describe returns what people are told of an error; "" for nil.
func describe(err error) string {
	if err == nil {
		return ""
	}
	return sq.ErrorMessage(err)
}

// Peers returns what is known of the peers that are enabled, in the order of their
// priority.
func (n *Node) Peers() (all []PeerStatus) {
	for _, p := range n.peers {
		all = append(all, p.known())
	}
	return all
}

// Share returns what this node has agreed on with a peer about a phext, to that peer:
// who has its id, and the key that it is asked with here. NotFound: nothing was agreed on, or
// it is somebody else.
func (n *Node) Share(id, proof string, name sq.PhextName) ([]byte, error) {
	for _, p := range n.peers {
		if p.ID == id && subtle.ConstantTimeCompare([]byte(proof), []byte(Proof(p.Key))) == 1 {
			return n.Bases.Share(id, name, Identity(p.Server(), p.Key, name))
		}
	}
	return nil, sq.Errorf(sq.NotFound, "there is no peer %q with that key", id)
}

// Status returns what the node knows. It reads the phexts that keep conflicts.
func (n *Node) Status(ctx context.Context) (Status, error) {
	c := n.Config.Node
	s := Status{ID: c.ID, Name: c.Name, Emoji: c.Emoji, Coordinate: c.Coordinate, Phexts: append([]string{}, n.Config.Phexts...), Peers: []PeerStatus{}}
	s.Peers = append(s.Peers, n.Peers()...)
	var err error
	s.Kept, err = KeptIn(ctx, n.Store)
	return s, err
}

// KeptIn returns the phexts of a store that keep other sides' texts and are not empty.
func KeptIn(ctx context.Context, store sq.Store) ([]Kept, error) {
	names, err := store.List(ctx)
	if err != nil {
		return nil, err
	}
	all := []Kept{}
	for _, name := range names {
		if !IsConflicts(name) {
			continue
		}
		k, err := keptIn(ctx, store, name)
		if err != nil {
			return nil, err
		}
		if k.Scrolls > 0 {
			all = append(all, k)
		}
	}
	return all, nil
}

func keptIn(ctx context.Context, store sq.Store, name sq.PhextName) (Kept, error) {
	const most = 1000
	k := Kept{Phext: name, Coordinates: []string{}}
	s, err := store.Snapshot(ctx, name)
	if err != nil {
		return k, err
	}
	defer s.Close()
	k.Scrolls = s.Scrolls()
	for scroll, err := range s.Scan(phext.Coordinate{}, phext.Last) {
		if err != nil || len(k.Coordinates) == most {
			return k, err
		}
		k.Coordinates = append(k.Coordinates, scroll.Coordinate.String())
	}
	return k, nil
}
