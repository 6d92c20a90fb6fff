package metrics

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/measure"
)

// Other is the tenant of the series that tenants without series of their own share.
// It is no name that a tenant can have.
const Other = "(other)"

// statuses are those that are counted by themselves; any other is "other".
var statuses = []int{
	http.StatusOK, http.StatusCreated, http.StatusNoContent, http.StatusPartialContent, http.StatusSeeOther, http.StatusNotModified,
	http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
	http.StatusRequestTimeout, http.StatusConflict, http.StatusGone, http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge,
	http.StatusUnsupportedMediaType, http.StatusRequestedRangeNotSatisfiable, http.StatusTooManyRequests,
	http.StatusInternalServerError, http.StatusNotImplemented, http.StatusServiceUnavailable, http.StatusInsufficientStorage,
}

// statusCount is how many statuses are told apart; the last is all others.
const statusCount = 24

// statusLabels are the values of the label status.
var statusLabels = func() (labels [statusCount]string) {
	for i, s := range statuses {
		labels[i] = strconv.Itoa(s)
	}
	labels[statusCount-1] = "other"
	return labels
}()

// statusIndex has the number of each status among statuses.
var statusIndex = func() (index [600]uint8) {
	for s := range index {
		index[s] = statusCount - 1
	}
	for i, s := range statuses {
		index[s] = uint8(i)
	}
	return index
}()

func indexOf(status int) uint8 {
	if status < 0 || status >= len(statusIndex) {
		return statusCount - 1
	}
	return statusIndex[status]
}

// refusals are the statuses that say that a request was not even tried, and what
// they are called.
var refusals = []struct {
	status int
	reason string
}{
	{http.StatusUnauthorized, "unauthorized"},
	{http.StatusForbidden, "forbidden"},
	{http.StatusRequestEntityTooLarge, "too_large"},
	{http.StatusTooManyRequests, "rate"},
	{http.StatusServiceUnavailable, "busy"},
	{http.StatusInsufficientStorage, "full"},
}

// tenantCounts is what is counted of one tenant. It takes few bytes, close together:
// there may be many, and what belongs to one is in no cache any more when many ask
// in turn.
type tenantCounts struct {
	mu      sync.Mutex    // guards what follows
	in, out uint64        // bytes of bodies
	calls   []callsOfKind // of the kinds that there were
}

// callsOfKind counts the calls of one endpoint that came to one status.
type callsOfKind struct {
	endpoint uint16
	status   uint8 // its number
	n        uint64
}

// add counts a call.
func (t *tenantCounts) add(endpoint uint16, status uint8, in, out int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.in += uint64(max(in, 0))
	t.out += uint64(max(out, 0))
	for i := range t.calls {
		if c := &t.calls[i]; c.endpoint == endpoint && c.status == status {
			c.n++
			return
		}
	}
	t.calls = append(t.calls, callsOfKind{endpoint, status, 1})
}

// counted returns what was counted so far.
func (t *tenantCounts) counted() (in, out uint64, calls []callsOfKind) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.in, t.out, slices.Clone(t.calls)
}

// Requests counts requests. Goroutines share it.
type Requests struct {
	names   []string          // of endpoints; the first is "-"
	index   map[string]uint16 // of names; never changed
	latency []*measure.Histogram
	failed  [statusCount]atomic.Uint64 // of all; those of a tenant go with it
	broken  atomic.Uint64
	known   func(tenant string) bool
	most    int

	nobody, other *tenantCounts

	full    atomic.Bool // there are as many tenants as there may be
	mu      sync.RWMutex
	tenants map[string]*tenantCounts // guarded by mu
}

// newRequests returns counters for endpoints of these names. known tells whether
// there is a tenant of a name by now; at most so many get counters of their own.
func newRequests(endpoints []string, known func(string) bool, most int) *Requests {
	r := &Requests{names: []string{"-"}, index: map[string]uint16{}, known: known, most: most, tenants: map[string]*tenantCounts{}}
	r.names = append(r.names, endpoints...)
	for i, name := range r.names {
		r.index[name] = uint16(i)
		r.latency = append(r.latency, newLatency())
	}
	r.nobody, r.other = &tenantCounts{}, &tenantCounts{}
	return r
}

func newLatency() *measure.Histogram {
	const us, ms, s = time.Microsecond, time.Millisecond, time.Second
	return measure.Durations(100*us, 250*us, 500*us, ms, 2500*us, 5*ms, 10*ms, 25*ms, 50*ms, 100*ms, 250*ms, 500*ms, s, 2500*ms, 5*s, 10*s, 30*s)
}

// Observe returns what counts the calls of a tenant that end. It is what
// api.Options.Observe asks for: what it returns is good until there are other tenants.
func (r *Requests) Observe(tenant string) func(api.Observation) {
	t := r.tenant(tenant)
	if t == r.other { // there may be room for it later
		return func(o api.Observation) { r.count(r.tenant(tenant), o) }
	}
	return func(o api.Observation) { r.count(t, o) }
}

func (r *Requests) count(t *tenantCounts, o api.Observation) {
	endpoint := r.index[o.Endpoint] // 0 for one that is not known
	r.latency[endpoint].Add(int64(o.Duration))
	status := indexOf(o.Status)
	t.add(endpoint, status, o.In, o.Out)
	if o.Status >= http.StatusBadRequest {
		r.failed[status].Add(1)
	}
	if o.Broken {
		r.broken.Add(1)
	}
}

// tenant returns the counters for a tenant.
func (r *Requests) tenant(name string) *tenantCounts {
	if name == "" {
		return r.nobody
	}
	r.mu.RLock()
	t := r.tenants[name]
	r.mu.RUnlock()
	switch {
	case t != nil:
		return t
	case r.full.Load():
		return r.other
	}
	return r.enter(name)
}

// enter gives a tenant counters of its own, unless it was removed in the meantime:
// then nobody would take them away.
func (r *Requests) enter(name string) *tenantCounts {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.tenants[name]; t != nil {
		return t
	}
	if len(r.tenants) >= r.most || !r.known(name) {
		r.full.Store(len(r.tenants) >= r.most)
		return r.other
	}
	t := &tenantCounts{}
	r.tenants[name] = t
	return t
}

// Prune takes the counters of those away who are tenants no more. What they had
// counted is gone, as is theirs in Prometheus after some minutes.
func (r *Requests) Prune() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.tenants {
		if !r.known(name) {
			delete(r.tenants, name)
		}
	}
	r.full.Store(len(r.tenants) >= r.most)
}
