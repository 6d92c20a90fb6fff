// Package storetest is the contract of sq.Store as tests that every engine runs.
//
//	Run(t, open)    every sentence of the contract, as a subtest
//	Model           a store over plain maps: what every operation means
//	Contents        what a store holds, for comparing
//	History         what clients at once did and saw, and whether that can be
//
// An engine proves itself with a test of three lines:
//
//	func TestContract(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) storetest.Place { return myPlace(t.TempDir()) })
//	}
package storetest

import (
	"context"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// Place is where a store keeps what it holds. Open is called again after the
// store before it was closed.
type Place interface {
	Open(t *testing.T) sq.Store
}

// State is what one phext holds.
type State map[phext.Coordinate]string

// Read returns what a phext holds, and fails the test when its snapshot
// contradicts itself.
func Read(t testing.TB, s sq.Store, name sq.PhextName) State {
	t.Helper()
	snapshot, err := s.Snapshot(context.Background(), name)
	if err != nil {
		t.Fatalf("snapshot of %q: %v", name, err)
	}
	defer snapshot.Close()
	return Check(t, snapshot)
}

// Check returns what a snapshot holds, and fails the test when its numbers, its
// text and its checksum are not those of that.
func Check(t testing.TB, s sq.Snapshot) State {
	t.Helper()
	state, before := State{}, phext.Coordinate{}
	for scroll, err := range s.Scan(phext.Coordinate{}, phext.Last) {
		if err != nil {
			t.Fatalf("scan: %v", err)
		}
		if !before.Less(scroll.Coordinate) {
			t.Fatalf("scan: %v comes behind %v", scroll.Coordinate, before)
		}
		before = scroll.Coordinate
		state[scroll.Coordinate] = string(scroll.Text)
	}
	text := phext.Implode(state)
	var got strings.Builder
	if n, err := s.WriteTo(&got); err != nil || got.String() != text || n != int64(len(text)) {
		t.Fatalf("written %q (%d), %v; want %q", got.String(), n, err, text)
	}
	if s.Scrolls() != len(state) || s.Size() != int64(len(text)) {
		t.Fatalf("%d scrolls, %d bytes; want %d, %d", s.Scrolls(), s.Size(), len(state), len(text))
	}
	if sum, err := s.Checksum(); err != nil || sum != phext.Sum([]byte(text)) {
		t.Fatalf("checksum %v, %v; want %v", sum, err, phext.Sum([]byte(text)))
	}
	checkEach(t, s, state)
	return state
}

// checkEach holds Get and Has to what Scan found.
func checkEach(t testing.TB, s sq.Snapshot, state State) {
	t.Helper()
	for c, want := range state {
		text, ok, err := s.Get([]byte("before:"), c)
		size, has := s.Has(c)
		if err != nil || !ok || !has || string(text) != "before:"+want || size != int64(len(want)) {
			t.Fatalf("%v: got %q %v %v, has %d %v; want %q", c, text, ok, err, size, has, want)
		}
	}
	for _, c := range []phext.Coordinate{phext.First, phext.Last, phext.At(2, 1, 1, 1, 1, 1, 1, 1, 7)} {
		if _, there := state[c]; there {
			continue
		}
		text, ok, err := s.Get(nil, c)
		if size, has := s.Has(c); err != nil || ok || has || size != 0 || len(text) > 0 {
			t.Fatalf("%v, where nothing is: got %q %v %v, has %d %v", c, text, ok, err, size, has)
		}
	}
}
