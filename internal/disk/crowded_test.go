package disk

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// TestCrowdedByWatchers: where watchers hold more directories than may be open,
// the phexts of others are not closed at each call.
func TestCrowdedByWatchers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mems := map[string]*vfs.Mem{}
		for _, d := range []string{"a", "b", "c", "d"} {
			mems[d] = vfs.NewMem()
		}
		e := New(Options{Phexts: 4, Open: func(dir string) (vfs.FS, error) { return mems[dir], nil }})
		ctx, cancel := context.WithCancel(background)
		var watching sync.WaitGroup
		for _, d := range []string{"a", "b", "c"} {
			watching.Go(func() {
				for range e.Store(d).Watch(ctx, "notes", phext.Pattern{}, sq.Position{}) {
				}
			})
		}
		synctest.Wait()
		if n := e.count(); n != 3 {
			t.Fatalf("%d phexts are watched", n)
		}
		epochs := map[uint64]bool{}
		for range 10 {
			appendTo(t, e.Store("a"), "mine", "x") // its directory is held anyway
			s, err := e.Store("a").Snapshot(background, "mine")
			if err != nil {
				t.Fatal(err)
			}
			epochs[s.Position().Epoch] = true
			s.Close()
			e.Store("d").List(background)
		}
		if len(epochs) > 2 {
			t.Errorf("opened %d times for 10 batches", len(epochs))
		}
		cancel()
		watching.Wait()
		e.Close(background)
	})
}
