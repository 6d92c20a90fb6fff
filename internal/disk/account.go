package disk

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wbic16/sq-go"
)

// account is what a tenant uses of its quota: its phexts in normal form, and the
// trash. What the journal holds counts as what it will be in the file, from the
// moment it is decided; that it stands there, and perhaps twice, does not count,
// since it goes by itself.
//
// It is opened when somebody needs to know. From then on each committer tells it
// the size of each view that it publishes. A group that grows reserves that
// first, so that all phexts together never pass the quota.
type account struct {
	quota  atomic.Int64 // bytes; 0: no limit
	opened atomic.Bool  // sizes are kept
	whole  atomic.Bool  // and they are true of all phexts: see reckon
	doubts atomic.Bool  // there are doubted ones

	trashing sync.Mutex // held while something goes to the trash or from it; before mu

	mu       sync.Mutex // guards what follows; nothing else is locked while it is held
	sizes    map[sq.PhextName]int64
	doubted  map[sq.PhextName]struct{} // closed phexts whose files others have touched
	listed   bool                      // sizes has the phexts that are closed, too
	phexts   int64                     // the sum of sizes
	trash    int64
	reserved int64 // by groups on their way to the disk
	warned   int64 // the day, since 1970, on which the log was told
}

// warnAt is the part of its quota, in percent, that a tenant may use before the
// log tells of it.
const warnAt = 90

// overQuota is a write that would pass the quota.
type overQuota struct{ used, need, quota int64 }

func (e *overQuota) Error() string { return "over quota" }

// refusal is what the tenant is told.
func (e *overQuota) refusal() error {
	return sq.Wrap(e, sq.Full, "the quota is full: %d of %d bytes are used and %d more are needed; nothing was written; delete something, or ask for more", e.used, e.quota, e.need)
}

// open begins to keep sizes. Those of open phexts are told next.
func (a *account) open() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sizes, a.doubted = map[sq.PhextName]int64{}, map[sq.PhextName]struct{}{}
	a.phexts, a.trash, a.listed = 0, 0, false
	a.opened.Store(true)
}

// close forgets the sizes. No phext may be open, or opening.
func (a *account) close() {
	a.opened.Store(false)
	a.whole.Store(false)
	a.doubts.Store(false)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sizes, a.doubted, a.listed = nil, nil, false // and warned stays
}

// tell takes over the size of an open phext. Only the published view counts, so
// it does not matter who is first.
func (a *account) tell(h *handle) {
	if !a.opened.Load() || !h.entered.Load() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if v := h.current.Load(); v != nil && a.sizes != nil {
		a.setLocked(h.name, v.charge())
	}
}

// charge is what a view counts. A file that is no phext counts as it is.
func (v *view) charge() int64 {
	if v.opaque {
		return max(v.identity.Size, 0)
	}
	return v.size
}

func (a *account) setLocked(name sq.PhextName, size int64) {
	a.phexts += size - a.sizes[name]
	if a.sizes[name] = size; size == 0 && a.listed {
		delete(a.sizes, name)
	}
}

// list adds the phexts that are not open.
func (a *account) list(found map[sq.PhextName]int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, size := range found {
		if _, told := a.sizes[name]; !told {
			a.setLocked(name, size)
		}
	}
	a.listed = true
}

// doubt notes that someone may have written to the file of a phext that is closed.
func (a *account) doubt(name sq.PhextName) {
	if !a.opened.Load() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.doubted != nil {
		a.doubted[name] = struct{}{}
		a.doubts.Store(true)
	}
}

// takeDoubted returns the phexts that were doubted, which are not any more.
func (a *account) takeDoubted() map[sq.PhextName]struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	doubted := a.doubted
	a.doubted = map[sq.PhextName]struct{}{}
	a.doubts.Store(false)
	return doubted
}

// set takes over the size of a phext that is closed.
func (a *account) set(name sq.PhextName, size int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.setLocked(name, size)
}

// setTrash and addTrash keep the bytes of the trash, which must be held.
func (a *account) setTrash(bytes int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.trash = bytes
}

func (a *account) addTrash(bytes int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.trash += bytes
}

// used returns the bytes that count; false while nobody keeps them.
func (a *account) used() (int64, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.phexts + a.trash, a.listed
}

// limit returns the quota as far as it can be held to; 0: there is none.
func (a *account) limit() int64 {
	if quota := a.quota.Load(); quota > 0 && a.whole.Load() {
		return quota
	}
	return 0
}

// reserve keeps room for a phext that grows by so many bytes, of which some were
// reserved before. It returns what is reserved then, and whether the log is to be
// told how full the quota is.
func (a *account) reserve(grows, before, quota int64) (reserved int64, warn bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	used := a.phexts + a.trash + a.reserved - before
	if used+grows > quota {
		err = (&overQuota{used, grows, quota}).refusal()
		grows = before
	}
	reserved = max(grows, before)
	a.reserved += reserved - before
	if day := time.Now().Unix() / (24 * 60 * 60); used+grows > quota/100*warnAt && day != a.warned {
		a.warned, warn = day, true
	}
	return reserved, warn, err
}

// giveBack ends a reservation: what it was for is published, or failed.
func (a *account) giveBack(reserved int64) {
	if reserved == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.reserved -= reserved
}

// excess is how much has to go before so many bytes can come.
func (a *account) excess(need, quota int64) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.phexts + a.trash + a.reserved + need - quota
}

// reserve keeps room in the quota for a phext that will have size bytes, in the
// place of those that are published.
func (h *handle) reserve(size, before int64) (int64, error) {
	a := &h.store.account
	quota := a.limit()
	if quota == 0 {
		return before, nil
	}
	reserved, warn, err := a.reserve(size-h.current.Load().charge(), before, quota)
	if warn {
		used, _ := a.used()
		h.store.engine.log.Warn(fmt.Sprintf("a tenant uses more than %d %% of its quota", warnAt), "dir", h.store.dir, "used", used, "quota", quota)
	}
	return reserved, err
}

// reserve keeps room in the quota for a batch that was decided, if it grows.
func (g *group) reserve(before int64) (err error) {
	if g.view.size > before {
		g.reserved, err = g.h.reserve(g.view.size, g.reserved)
	}
	return err
}
