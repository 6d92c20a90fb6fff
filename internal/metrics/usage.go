package metrics

import (
	"sync"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/tenant"
)

// sizesEvery is how old the sizes of directories may be before they are asked for
// again: to list many directories takes a while.
const sizesEvery = 30 * time.Second

// usage is what tenants take of the disk, and what they may take.
type usage struct {
	registry func() *tenant.Registry
	sizes    func() map[string]int64
	most     int

	mu    sync.Mutex       // guards what follows; held while sizes are asked for
	asked time.Time        // when sizes were asked for last
	bytes map[string]int64 // by directory, as it was when it could be had last
}

func newUsage(o Options) *usage {
	return &usage{registry: o.Registry, sizes: o.Sizes, most: o.Tenants, bytes: map[string]int64{}}
}

var (
	storedBytes = gauge("tenant_stored_bytes", "Bytes of a tenant's phexts, journals and trash, as its quota counts them where it has one, at most 30 s old, and of when its directory was open last. Absent until it was used.", "tenant")
	quotaBytes  = gauge("tenant_quota_bytes", "The room that a tenant with sq_tenant_stored_bytes may use; absent without a quota.", "tenant")
)

func (u *usage) collector() collector { return collector{[]metric{storedBytes, quotaBytes}, u.collect} }

// collect sends what is known of the first tenants by name, and what all others
// take together.
func (u *usage) collect(to sink) {
	rest, more, sent := int64(0), false, 0
	for t, bytes := range u.known() {
		if sent == u.most {
			rest, more = rest+bytes, true
			continue
		}
		sent++
		send(to, storedBytes, bytes, t.Name)
		if t.QuotaBytes > 0 {
			send(to, quotaBytes, t.QuotaBytes, t.Name)
		}
	}
	if more {
		send(to, storedBytes, rest, Other)
	}
}

// known yields the tenants of which the bytes are known, by name. What was known
// of others is forgotten.
func (u *usage) known() func(func(sq.Tenant, int64) bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if now := time.Now(); u.asked.IsZero() || now.Sub(u.asked) >= sizesEvery {
		u.asked = now
		for dir, bytes := range u.sizes() {
			u.bytes[dir] = bytes
		}
	}
	var tenants []sq.Tenant
	var bytes []int64
	still := make(map[string]int64, len(u.bytes))
	for _, t := range u.registry().Tenants() {
		if n, ok := u.bytes[t.DataDir]; ok {
			still[t.DataDir] = n
			tenants, bytes = append(tenants, t), append(bytes, n)
		}
	}
	u.bytes = still
	return func(yield func(sq.Tenant, int64) bool) {
		for i, t := range tenants {
			if !yield(t, bytes[i]) {
				return
			}
		}
	}
}
