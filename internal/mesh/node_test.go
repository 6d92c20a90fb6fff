package mesh_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/mesh"
)

// links is the peers of a node, and what is asked of them.
type links struct {
	mu    sync.Mutex // guards what follows
	steps []string   // PEER STEP
	down  map[string]error
	fails map[string]error // by step
}

func (l *links) step(peer, what string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps = append(l.steps, peer+": "+what)
	if err := l.fails[what]; err != nil {
		return err
	}
	return l.down[peer]
}

func (l *links) set(peer string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down[peer] = err
}

// take returns the steps so far, as far as they have a word, and forgets them.
func (l *links) take(word string) (steps []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.steps {
		if strings.Contains(s, word) {
			steps = append(steps, s)
		}
	}
	l.steps = nil
	return steps
}

// meshed returns a node of a mesh with peers, which are called after what they are.
func meshed(t *testing.T, n *node, l *links, log *slog.Logger, phexts []string, peers ...*node) *mesh.Node {
	t.Helper()
	c := &mesh.Config{Node: mesh.NodeConfig{ID: n.id}, Outbound: true, Phexts: phexts,
		Times: mesh.Times{Sync: 100 * time.Second, Health: 10 * time.Second, Backoff: 4 * time.Second, Retries: 2}}
	stores := map[string]*node{}
	for _, p := range peers {
		stores[p.id] = p
		c.Peers = append(c.Peers, mesh.PeerConfig{ID: p.id, Enabled: true, Scheme: "http", Host: p.id, Port: 1, Key: "secret-of-" + p.id})
	}
	m, err := mesh.New(mesh.Options{
		Config: c, Store: n.store, Bases: mesh.NewBases(n.dir, log), Log: log, Random: func() float64 { return 0.5 },
		Connect: func(p mesh.PeerConfig) (mesh.Peer, error) {
			w := &world{func(what string) error { return l.step(p.ID, what) }}
			return direct{hooked{stores[p.ID].store, w, p.ID}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newLinks() *links { return &links{down: map[string]error{}} }

func TestSyncNow(t *testing.T) {
	a, b, c := newNode("a"), newNode("b"), newNode("c")
	l := newLinks()
	m := meshed(t, a, l, nil, []string{"notes"}, b, c)
	b.put(t, scroll(1), "of b")
	c.put(t, scroll(2), "of c")
	all, err := m.Sync(t.Context())
	if err != nil || len(all) != 2 || all[0].ID != "b" || all[0].Phexts[0].Taken != 1 || all[1].Phexts[0].Taken != 1 || all[1].Phexts[0].Sent != 1 || all[0].Error != "" {
		t.Fatalf("%+v, %v", all, err)
	}
	if all, err = m.Sync(t.Context(), "b"); err != nil || len(all) != 1 || a.all(notes) != b.all(notes) || b.all(notes) != "of b\x17of c" {
		t.Errorf("%+v, %v", all, err)
	}
	if _, err = m.Sync(t.Context()); err != nil {
		t.Error(err)
	}
	l.take("")
	if _, err = m.Sync(t.Context()); err != nil || strings.Join(l.take(""), ", ") != "b: b snapshot notes, c: c snapshot notes" {
		t.Errorf("where nothing changed more than positions are asked for: %v", err)
	}
	if _, err = m.Sync(t.Context(), "stranger"); sq.ErrorCode(err) != sq.NotFound {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = m.Sync(ctx); sq.ErrorCode(err) != sq.Busy {
		t.Errorf("%v", err)
	}
}

// TestStatusTells of peers, of phexts and of conflicts, and of no key.
func TestStatusTells(t *testing.T) {
	a, b, c := newNode("a"), newNode("b"), newNode("c")
	l := newLinks()
	var log bytes.Buffer
	m := meshed(t, a, l, slog.New(slog.NewTextHandler(&log, nil)), []string{"notes"}, b, c)
	a.put(t, scroll(1), "of a")
	b.put(t, scroll(1), "of b")
	l.set("c", sq.Errorf(sq.Busy, "no server answers at c"))
	m.Check(t.Context())
	if _, err := m.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := m.Status(t.Context())
	if err != nil || s.ID != "a" || len(s.Peers) != 2 || len(s.Kept) != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	if p := s.Peers[0]; !p.Up || p.Synced.IsZero() || len(p.Phexts[0].Conflicts) != 1 || p.Phexts[0].Conflicts[0] != scroll(1).String() {
		t.Errorf("%+v", p)
	}
	if p := s.Peers[1]; p.Up || !p.Synced.IsZero() || p.Down != "no server answers at c" || p.Error != p.Down {
		t.Errorf("%+v", p)
	}
	if k := s.Kept[0]; k.Phext != "notes.conflicts" || k.Scrolls != 1 || k.Coordinates[0] != scroll(1).String() {
		t.Errorf("%+v", k)
	}
	if !strings.Contains(log.String(), "conflicts=1") || !strings.Contains(log.String(), "no server answers at c") || strings.Contains(log.String(), "secret") {
		t.Errorf("the log says\n%s", log.String())
	}
}

// TestDownInARound: a peer that does not answer in a round is not said to be up, whenever it
// was asked before.
func TestDownInARound(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	l := newLinks()
	m := meshed(t, a, l, nil, []string{"notes"}, b)
	m.Check(t.Context())
	l.set("b", sq.Errorf(sq.Busy, "no server answers at b"))
	if all, err := m.Sync(t.Context()); err != nil || all[0].Up || all[0].Error != "no server answers at b" {
		t.Errorf("%+v, %v", all, err)
	}
	l.set("b", nil)
	if all := m.Check(t.Context()); !all[0].Up {
		t.Errorf("%+v", all)
	}
}

// TestBrokenPhext keeps no other from travelling, and is tried again.
func TestBrokenPhext(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	l := newLinks()
	l.fails = map[string]error{"b snapshot broken": sq.Errorf(sq.Unreadable, "it is no phext")}
	m := meshed(t, a, l, nil, []string{"broken", "notes"}, b)
	b.put(t, scroll(1), "of b")
	all, err := m.Sync(t.Context())
	if err != nil || a.get(notes, scroll(1)) != "of b" || all[0].Error != "it is no phext" || all[0].Phexts[0].Error != "it is no phext" || all[0].Phexts[1].Error != "" {
		t.Errorf("%+v, %v", all, err)
	}
	l.fails = nil
	if all, err = m.Sync(t.Context()); err != nil || all[0].Error != "" {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestAllPhexts: those of both sides travel, those of conflicts do not.
func TestAllPhexts(t *testing.T) {
	a, b := newNode("a"), newNode("b")
	put := func(n *node, name sq.PhextName) {
		if _, err := n.store.Apply(t.Context(), name, sq.Batch{{Kind: sq.Put, Coordinate: scroll(1), Text: []byte("text of " + name)}}); err != nil {
			t.Fatal(err)
		}
	}
	put(a, "here")
	put(b, "there")
	put(a, "here.conflicts")
	put(b, "there.conflicts")
	if _, err := meshed(t, a, newLinks(), nil, []string{mesh.All}, b).Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, n := range []*node{a, b} {
		if n.get("here", scroll(1)) != "text of here" || n.get("there", scroll(1)) != "text of there" {
			t.Errorf("%s lacks a phext", n.id)
		}
	}
	if a.get("there.conflicts", scroll(1))+b.get("here.conflicts", scroll(1)) != "" {
		t.Error("conflicts travelled")
	}
}

// TestSchedule: rounds at the interval, in the order of priority; tries after a failure,
// with pauses that double, and then the interval again; a peer that comes back at once.
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newNode("a"), newNode("b"), newNode("c")
		b.put(t, scroll(1), "text")
		l := newLinks()
		m := meshed(t, a, l, nil, []string{"notes"}, b, c)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan struct{})
		go func() { defer close(done); m.Run(ctx) }()
		wait := func(d time.Duration, want ...string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if got := l.take(" snapshot notes"); strings.Join(compact(got), " ") != strings.Join(want, " ") {
				t.Errorf("rounds with %q, want %q", compact(got), want)
			}
		}
		wait(0, "b", "c")
		wait(99 * time.Second)
		wait(2*time.Second, "b", "c")
		l.set("b", sq.Errorf(sq.Busy, "no server answers at b"))
		wait(98 * time.Second)
		wait(time.Second+time.Millisecond, "b", "c") // fails, and is tried after 3 s
		wait(2900 * time.Millisecond)
		wait(200*time.Millisecond, "b") // fails, and is tried after 6 s
		wait(5800 * time.Millisecond)
		wait(200*time.Millisecond, "b") // that was the last try before the next interval
		wait(80*time.Second, "")
		l.set("b", nil)
		wait(10*time.Second, "b") // the look at its health finds that it is back
		cancel()
		<-done
	})
}

// compact returns the peers of steps, those in a row once.
func compact(steps []string) (peers []string) {
	for _, s := range steps {
		peer, _, _ := strings.Cut(s, ":")
		if len(peers) == 0 || peers[len(peers)-1] != peer {
			peers = append(peers, peer)
		}
	}
	return peers
}

// TestStalledPeer ends its round, and not the node.
func TestStalledPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newNode("a"), newNode("b")
		a.put(t, scroll(1), "text")
		p := a.pair(b, &world{})
		p.Peer = silent{p.Peer}
		began := time.Now()
		_, err := p.Round(t.Context())
		if sq.ErrorCode(err) != sq.Busy || time.Since(began) != 5*time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// silent is a peer that never answers.
type silent struct{ mesh.Peer }

func (silent) Snapshot(ctx context.Context, _ sq.PhextName) (sq.Snapshot, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
