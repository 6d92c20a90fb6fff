package disk

import (
	"context"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// TestRefusalTellsOfWhatIs: a condition that does not hold because of a batch in
// the same group is not answered as such when that group could not be written: the
// batch that it tells of never was.
func TestRefusalTellsOfWhatIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem, failing := vfs.NewMem(), atomic.Bool{}
		e := New(Options{Open: func(string) (vfs.FS, error) {
			return vfs.NewFault(mem, func(c vfs.Call) error {
				if c.Op == "sync" && strings.HasPrefix(c.Name, journalDir) && failing.CompareAndSwap(true, false) {
					return syscall.EIO
				}
				return nil
			}), nil
		}})
		defer e.Close(context.Background())
		s := e.Store("dir").(*Store)
		apply := func(op sq.Op) error {
			_, err := s.Apply(context.Background(), "notes", sq.Batch{op})
			return err
		}
		if err := apply(sq.Op{Kind: sq.Put, Coordinate: nth(0), Text: []byte("there")}); err != nil {
			t.Fatal(err)
		}
		h, err := s.pinned(context.Background(), "notes")
		if err != nil {
			t.Fatal(err)
		}
		hold, first, second := make(chan struct{}), make(chan error, 1), make(chan error, 1)
		go h.do(func() { <-hold }) // so that both are one group
		synctest.Wait()
		go func() { first <- apply(sq.Op{Kind: sq.Append, Coordinate: nth(1), Text: []byte("a")}) }()
		synctest.Wait()
		go func() { second <- apply(sq.Op{Kind: sq.Put, Coordinate: nth(1), Text: []byte("b"), If: sq.IfAbsent}) }()
		synctest.Wait()
		failing.Store(true)
		close(hold)
		if err := <-first; sq.ErrorCode(err) != sq.Uncertain {
			t.Fatalf("a batch whose sync fails: %v", err)
		}
		refusal := <-second
		<-time.After(time.Minute) // until the disk was tried again
		h.unpin()
		snapshot, err := s.Snapshot(context.Background(), "notes")
		if err != nil {
			t.Fatal(err)
		}
		defer snapshot.Close()
		if _, there := snapshot.Has(nth(1)); !there && sq.ErrorCode(refusal) == sq.Precondition {
			t.Errorf("refused because the scroll is there: %v; it never was", refusal)
		}
	})
}
