package disk

import (
	"strings"
	"syscall"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// TestSettlesByItself: an exchange whose outcome could not be told is settled later, and
// the journal removed, though nobody writes or closes any more.
func TestSettlesByItself(t *testing.T) {
	const blind = 2 // looks that fail after the exchange
	left, removed := 0, make(chan string, 16)
	r := newHookedRig(t, func(r *rig, c vfs.Call) error {
		switch {
		case !r.deny.Load():
		case c.Op == "exchange":
			left = blind
		case c.Op == "stat" && c.Name == "notes.phext" && left > 0:
			left--
			return syscall.EIO
		case c.Op == "remove" && strings.HasPrefix(c.Name, journalDir):
			removed <- c.Name
		}
		return nil
	})
	r.apply(sq.Put, phext.First, "one")
	if err := r.fold(); err != nil {
		t.Fatal(err)
	}
	r.apply(sq.Put, phext.First, "two")
	h, newest := r.handle(), ""
	r.resume()
	h.do(func() {
		r.deny.Store(true)
		if h.startCheckpoint(func(error) {}); h.folding == nil {
			t.Error("there is no checkpoint")
			return
		}
		if h.finish(<-h.folding); h.unsettled == nil {
			t.Error("the exchange is settled at once")
		}
		newest = h.segment.path
	})
	for name := range removed {
		if name == newest {
			break
		}
	}
	r.wantFile("two")
}
