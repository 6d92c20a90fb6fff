package disk

import (
	"context"
	"time"

	"github.com/wbic16/sq-go"
)

// Relaxed returns a store of this engine on the same directory whose Apply
// answers when a batch is written, and has it on the disk within 100 ms, as long
// as a sync takes less than half of that. What was answered survives the end of
// the process at any moment; the loss of power may take the batches of the last
// 100 ms, the newest first, each wholly or not at all. So a reader may see what
// such a loss undoes. Where the disk fails, too, it may take what was answered
// since the last sync that succeeded.
//
// All other methods, closing included, are those of the store. A phext may be
// written to through both: batches that are answered in one group with one that
// asks for more are on the disk as that one is.
func Relaxed(s sq.Store) sq.Store { return relaxed{s.(*Store)} }

type relaxed struct{ *Store }

// relaxedSync is how long what was answered may wait for its sync to begin; the
// rest of the 100 ms is for the sync.
const relaxedSync = 50 * time.Millisecond

// Apply is described at sq.Store, but for what Relaxed says.
func (s relaxed) Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) ([]sq.Result, error) {
	return s.apply(ctx, name, batch, relaxedSync)
}

// within is how long the sync of a group may be put off: for as long as each of
// those who wait for it allows.
func (g *group) within() time.Duration {
	within := g.taken[0].within
	for _, r := range g.taken[1:] {
		within = min(within, r.within)
	}
	return within
}
