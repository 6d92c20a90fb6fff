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

// Delta is described at mesh.Peer.
func (l meshLink) Delta(ctx context.Context, name sq.PhextName, have iter.Seq2[phext.Coordinate, phext.Checksum]) iter.Seq2[mesh.Difference, error] {
	return func(yield func(mesh.Difference, error) bool) {
		delta, err := l.Client.Delta(ctx, name, have)
		if err != nil {
			yield(mesh.Difference{}, err)
			return
		}
		defer delta.Close()
		for d, err := range delta.All() {
			if !yield(mesh.Difference{Coordinate: d.Coordinate, Missing: d.Missing, Text: d.Text}, err) || err != nil {
				return
			}
		}
	}
}

// isLoopbackHost reports whether what is sent to a host stays on this machine.
func isLoopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
