package main

import (
	"context"
	"errors"
	"iter"
	"net"
	"sync"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/client"
	"github.com/wbic16/sq-go/internal/mesh"
	"github.com/wbic16/sq-go/phext"
)

// meshLinks makes the clients through which a node speaks to its peers.
type meshLinks struct {
	id, key string // of this node; empty: it is none

	mu  sync.Mutex // guards all
	all []meshLink
}

// connect returns a peer. It connects to nothing yet.
func (l *meshLinks) connect(p mesh.PeerConfig) (mesh.Peer, error) { return l.to(p.Server(), p.Key) }

func (l *meshLinks) to(server, token string) (mesh.Peer, error) {
	c, err := client.New(client.Options{Server: server, Token: token})
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	link := meshLink{c, l}
	l.all = append(l.all, link)
	return link, nil
}

func (l *meshLinks) close() (err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, link := range l.all {
		err = errors.Join(err, link.Close())
	}
	l.all = nil
	return err
}

// meshLink is a client as a peer of a mesh.
type meshLink struct {
	*client.Client
	links *meshLinks
}

var (
	_ mesh.Peer   = meshLink{}
	_ mesh.Sharer = meshLink{}
)

// Base is described at mesh.Sharer.
func (l meshLink) Base(ctx context.Context, name sq.PhextName, most int64) ([]byte, error) {
	if l.links.id == "" || l.links.key == "" {
		return nil, sq.Errorf(sq.NotFound, "this is no node that others synchronise with")
	}
	return l.Client.Base(ctx, client.BaseAsk{Node: l.links.id, Proof: mesh.Proof(l.links.key), Phext: name, Most: most})
}

// Delta is described at mesh.Peer. What has more scrolls than a request takes is asked for
// in parts.
func (l meshLink) Delta(ctx context.Context, name sq.PhextName, have iter.Seq2[phext.Coordinate, phext.Checksum]) iter.Seq2[mesh.Difference, error] {
	return func(yield func(mesh.Difference, error) bool) {
		for part, have := range deltaParts(have) {
			if !l.delta(ctx, name, part, have, yield) {
				return
			}
		}
	}
}

// delta yields the differences in a part, and reports whether to go on.
func (l meshLink) delta(ctx context.Context, name sq.PhextName, part client.Part, have iter.Seq2[phext.Coordinate, phext.Checksum], yield func(mesh.Difference, error) bool) bool {
	delta, err := l.Client.DeltaOf(ctx, name, part, have)
	if err != nil {
		yield(mesh.Difference{}, err)
		return false
	}
	defer delta.Close()
	for d, err := range delta.All() {
		if !yield(mesh.Difference{Coordinate: d.Coordinate, Missing: d.Missing, Text: d.Text}, err) || err != nil {
			return false
		}
	}
	return true
}

// mostOfDelta is how many scrolls are told of in one request: 88 bytes each at the most.
const mostOfDelta = 100_000

// deltaParts yields the parts in which what is had, in order, is told of: all coordinates
// are in one of them.
func deltaParts(have iter.Seq2[phext.Coordinate, phext.Checksum]) iter.Seq2[client.Part, iter.Seq2[phext.Coordinate, phext.Checksum]] {
	type scroll struct {
		at  phext.Coordinate
		sum phext.Checksum
	}
	return func(yield func(client.Part, iter.Seq2[phext.Coordinate, phext.Checksum]) bool) {
		var part client.Part
		var held []scroll
		all := func(yield func(phext.Coordinate, phext.Checksum) bool) {
			for _, s := range held {
				if !yield(s.at, s.sum) {
					return
				}
			}
		}
		for at, sum := range have {
			if len(held) == mostOfDelta {
				part.Before = at
				if !yield(part, all) {
					return
				}
				part, held = client.Part{From: at}, held[:0]
			}
			held = append(held, scroll{at, sum})
		}
		yield(part, all)
	}
}

// isLoopbackHost reports whether what is sent to a host stays on this machine.
func isLoopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
