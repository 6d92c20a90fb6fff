package mesh_test

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/mesh"
	"github.com/wbic16/sq-go/internal/storetest"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const notes = sq.PhextName("notes")

// node is a server of a mesh in memory: phexts, and a folder that can lose power.
type node struct {
	id     string
	store  sq.Store
	dir    *vfs.Mem
	shares bool // what it has agreed on, with those that ask
}

func newNode(id string) *node { return &node{id: id, store: storetest.NewModel(), dir: vfs.NewMem()} }

// world is what happens between the steps of a round: before is called ahead of each,
// and an error of it is what the step fails with. nil: nothing happens.
type world struct{ before func(what string) error }

func (w *world) step(what string) error {
	if w.before == nil {
		return nil
	}
	return w.before(what)
}

// hooked is a store in a world.
type hooked struct {
	sq.Store
	world *world
	who   string
}

func (h hooked) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	if err := h.world.step(h.who + " snapshot " + string(name)); err != nil {
		return nil, err
	}
	return h.Store.Snapshot(ctx, name)
}

func (h hooked) Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) ([]sq.Result, error) {
	if err := h.world.step(h.who + " apply " + string(name)); err != nil {
		return nil, err
	}
	results, err := h.Store.Apply(ctx, name, batch)
	if err == nil {
		err = h.world.step(h.who + " applied " + string(name)) // done, and nobody hears of it
	}
	return results, err
}

// direct is a peer that is a store in the same process.
type direct struct{ hooked }

// sharing is a direct peer that is a node as well.
type sharing struct {
	direct
	node, asker *node
}

func (s sharing) Base(_ context.Context, name sq.PhextName, most int64) ([]byte, error) {
	if err := s.world.step("base"); err != nil {
		return nil, err
	}
	text, err := mesh.NewBases(s.node.dir, nil).Share(s.asker.id, name, "of-"+s.asker.id)
	if int64(len(text)) > most {
		return nil, sq.Errorf(sq.Invalid, "the base has %d bytes, and %d are wanted at the most", len(text), most)
	}
	return text, err
}

func (d direct) Version(context.Context) (string, error) { return sq.Version, d.world.step("version") }

func (d direct) Delta(ctx context.Context, name sq.PhextName, have iter.Seq2[phext.Coordinate, phext.Checksum]) iter.Seq2[mesh.Difference, error] {
	return func(yield func(mesh.Difference, error) bool) {
		s, err := d.Snapshot(ctx, name)
		if err != nil {
			yield(mesh.Difference{}, err)
			return
		}
		defer s.Close()
		for difference, err := range mesh.Differences(s, have) {
			if err == nil {
				err = d.world.step("delta")
			}
			if !yield(difference, err) || err != nil {
				return
			}
		}
	}
}

// pair returns the pair of a phext on two nodes, as a process that begins has it.
func (n *node) pair(peer *node, w *world) *mesh.Pair {
	dir := vfs.NewFault(n.dir, func(c vfs.Call) error { return w.step(c.Op + " " + c.Name) })
	there := direct{hooked{peer.store, w, peer.id}}
	conn := mesh.Peer(there)
	if peer.shares {
		conn = sharing{there, peer, n}
	}
	return &mesh.Pair{
		Local: hooked{n.store, w, n.id}, Name: notes,
		Peer: conn, ID: peer.id, Identity: "of-" + peer.id,
		Bases: mesh.NewBases(dir, nil),
		Now:   func() time.Time { return time.Unix(0, 0) },
	}
}

// round does a round, which must succeed.
func (n *node) round(t *testing.T, peer *node) mesh.Outcome {
	t.Helper()
	out, err := n.pair(peer, &world{}).Round(t.Context())
	if err != nil {
		t.Fatalf("round of %s with %s: %v", n.id, peer.id, err)
	}
	return out
}

// scroll returns coordinate n of the first section.
func scroll(n int) phext.Coordinate { return phext.First.With(8, n) }

// put writes a text; an empty one deletes.
func (n *node) put(t testing.TB, c phext.Coordinate, text string) {
	t.Helper()
	op := sq.Op{Kind: sq.Put, Coordinate: c, Text: []byte(text)}
	if _, err := n.store.Apply(context.Background(), notes, sq.Batch{op}); err != nil {
		t.Fatal(err)
	}
}

// get returns a text, "" where there is none.
func (n *node) get(name sq.PhextName, c phext.Coordinate) string {
	s, err := n.store.Snapshot(context.Background(), name)
	if err != nil {
		return err.Error()
	}
	defer s.Close()
	text, _, _ := s.Get(nil, c)
	return string(text)
}

// all returns a phext whole.
func (n *node) all(name sq.PhextName) string {
	var text strings.Builder
	s, err := n.store.Snapshot(context.Background(), name)
	if err != nil {
		return err.Error()
	}
	defer s.Close()
	_, err = s.WriteTo(&text)
	if err != nil {
		return err.Error()
	}
	return text.String()
}

// has reports whether a text stands in a phext's scroll or among what was kept there.
func (n *node) has(text string) bool {
	return slices.ContainsFunc([]sq.PhextName{notes, notes + ".conflicts"}, func(name sq.PhextName) bool {
		return strings.Contains(n.all(name), text)
	})
}

var errKilled = errors.New("killed")

// lossOfPower ends a node and begins it again with what the disk still has.
func (n *node) lossOfPower(rng *rand.Rand) { n.dir = n.dir.Crash(rng) }
