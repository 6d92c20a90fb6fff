package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// TestManyWriters has writers append to more phexts than may be open, while
// phexts are closed as idle all the time and a stranger edits the files. Every
// answered append must be there once, and in the order of its writer.
func TestManyWriters(t *testing.T) {
	const phexts, writers, rounds = 6, 8, 60
	dir := t.TempDir()
	e := New(Options{Phexts: 3, Idle: 20 * time.Millisecond})
	s := e.Store(dir)
	done := make(chan struct{})
	var edits sync.WaitGroup
	edits.Go(func() { stranger(t, dir, phexts, done) })
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range rounds {
				name := sq.PhextName(fmt.Sprint("p", (w+i)%phexts))
				op := sq.Op{Kind: sq.Append, Coordinate: nth(w), Text: fmt.Appendf(nil, "<%d.%d>", w, i)}
				if _, err := s.Apply(context.Background(), name, sq.Batch{op}); err != nil {
					t.Errorf("writer %d, round %d: %v", w, i, err)
				}
			}
		})
	}
	all.Wait()
	close(done)
	edits.Wait()
	if err := e.Close(context.Background()); err != nil && !errors.Is(err, errAtWork) {
		t.Error(err)
	}
	for p := range phexts {
		checkAppends(t, dir, p, phexts, writers, rounds)
	}
}

// readAgain returns the scrolls of a phext as a new engine serves them: a journal
// stays where a stranger was at work until the end.
func readAgain(t *testing.T, dir string, name sq.PhextName) map[phext.Coordinate]string {
	t.Helper()
	e := New(Options{})
	defer e.Close(context.Background())
	snapshot, err := e.Store(dir).Snapshot(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	scrolls := map[phext.Coordinate]string{}
	for scroll, err := range snapshot.Scan(phext.Coordinate{}, phext.Last) {
		if err != nil {
			t.Fatal(err)
		}
		scrolls[scroll.Coordinate] = string(scroll.Text)
	}
	return scrolls
}

// stranger appends to scrolls of its own in the files, in place, reading what is
// there just before.
func stranger(t *testing.T, dir string, phexts int, done <-chan struct{}) {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for i := 0; ; i++ {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("p%d.phext", i%phexts)), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			continue // not there yet
		}
		if _, err := f.WriteString("\x1a(edit)"); err != nil {
			t.Error(err)
		}
		f.Close()
	}
}

func checkAppends(t *testing.T, dir string, p, phexts, writers, rounds int) {
	scrolls := readAgain(t, dir, sq.PhextName(fmt.Sprint("p", p)))
	for w := range writers {
		var want strings.Builder
		for i := range rounds {
			if (w+i)%phexts == p {
				fmt.Fprintf(&want, "<%d.%d>", w, i)
			}
		}
		if got := scrolls[nth(w)]; got != want.String() {
			t.Errorf("phext %d, writer %d: %q, want %q", p, w, got, want.String())
		}
	}
}
