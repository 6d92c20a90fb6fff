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
	"fmt"
	"math"
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

// Lazy is what a store has whose snapshots fetch texts only when they are asked for:
// when the phext has changed since, reading may fail with Busy.
type Lazy interface{ Lazy() }

// Read returns what a phext holds, and fails the test when its snapshot
// contradicts itself. Of a lazy store it takes another where one is outlived.
func Read(t testing.TB, s sq.Store, name sq.PhextName) State {
	t.Helper()
	state, _ := readAt(t, s, name)
	return state
}

// readAt is Read, with the moment.
func readAt(t testing.TB, s sq.Store, name sq.PhextName) (State, sq.Position) {
	t.Helper()
	lazy := isLazy(s)
	for try := 0; ; try++ {
		state, at, err := readOnce(t, s, name)
		if err == nil {
			return state, at
		}
		if !lazy || sq.ErrorCode(err) != sq.Busy || try == mostTries {
			t.Fatalf("read %q: %v", name, err)
		}
	}
}

func isLazy(s sq.Store) bool {
	if b, ok := s.(*bench); ok {
		s = b.Store
	}
	_, lazy := s.(Lazy)
	return lazy
}

// mostTries is how often a lazy store may be outrun by writers.
const mostTries = 10_000

func readOnce(t testing.TB, s sq.Store, name sq.PhextName) (State, sq.Position, error) {
	t.Helper()
	snapshot, err := s.Snapshot(context.Background(), name)
	if err != nil {
		t.Fatalf("snapshot of %q: %v", name, err)
	}
	defer snapshot.Close()
	each := math.MaxInt
	if isLazy(s) {
		each = mostEach
	}
	state, err := examine(t, snapshot, each)
	return state, snapshot.Position(), err
}

// mostEach is how many scrolls of a lazy snapshot are asked for one by one.
const mostEach = 200

// Check returns what a snapshot holds, and fails the test when its numbers, its
// text and its checksum are not those of that.
func Check(t testing.TB, s sq.Snapshot) State {
	t.Helper()
	state, err := examine(t, s, math.MaxInt)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// examine is Check, with the error where the snapshot cannot be read. So many
// scrolls are asked for by themselves at the most.
func examine(t testing.TB, s sq.Snapshot, each int) (State, error) {
	t.Helper()
	state, before := State{}, phext.Coordinate{}
	for scroll, err := range s.Scan(phext.Coordinate{}, phext.Last) {
		if err != nil {
			return nil, fmt.Errorf("scan: %w", err)
		}
		if !before.Less(scroll.Coordinate) {
			t.Fatalf("scan: %v comes behind %v", scroll.Coordinate, before)
		}
		before = scroll.Coordinate
		state[scroll.Coordinate] = string(scroll.Text)
	}
	text := phext.Implode(state)
	var got strings.Builder
	if n, err := s.WriteTo(&got); err != nil {
		return nil, fmt.Errorf("write: %w", err)
	} else if got.String() != text || n != int64(len(text)) {
		t.Fatalf("written %q (%d); want %q", got.String(), n, text)
	}
	if s.Scrolls() != len(state) || s.Size() != int64(len(text)) {
		t.Fatalf("%d scrolls, %d bytes; want %d, %d", s.Scrolls(), s.Size(), len(state), len(text))
	}
	if sum, err := s.Checksum(); err != nil {
		return nil, fmt.Errorf("checksum: %w", err)
	} else if sum != phext.Sum([]byte(text)) {
		t.Fatalf("checksum %v; want %v", sum, phext.Sum([]byte(text)))
	}
	return state, examineEach(t, s, state, each)
}

// examineEach holds Get and Has to what Scan found.
func examineEach(t testing.TB, s sq.Snapshot, state State, most int) error {
	t.Helper()
	for c, want := range state {
		if most--; most < 0 {
			break
		}
		if err := examineOne(t, s, c, want); err != nil {
			return err
		}
	}
	for _, c := range []phext.Coordinate{phext.First, phext.Last, phext.At(2, 1, 1, 1, 1, 1, 1, 1, 7)} {
		if _, there := state[c]; there {
			continue
		}
		if err := examineOne(t, s, c, ""); err != nil {
			return err
		}
	}
	return nil
}

// examineOne holds Get and Has to what is at c; "" is no scroll.
func examineOne(t testing.TB, s sq.Snapshot, c phext.Coordinate, want string) error {
	t.Helper()
	text, ok, err := s.Get([]byte("before:"), c)
	if err != nil {
		return fmt.Errorf("get %v: %w", c, err)
	}
	size, has := s.Has(c)
	if err := s.Err(); err != nil {
		return fmt.Errorf("has %v: %w", c, err)
	}
	there := want != ""
	if ok != there || has != there || string(text) != "before:"+want || size != int64(len(want)) {
		t.Fatalf("%v: got %q %v, has %d %v; want %q", c, text, ok, size, has, want)
	}
	return nil
}
