package api

import (
	"strconv"
	"sync"
	"time"

	"github.com/wbic16/sq-go"
)

// rates counts the requests of each tenant, and holds those that have limits to
// them: so many a second and so many a day in UTC. The limits come with each
// request, so a new configuration holds at once; what was used under the old one
// stays used.
//
// The second is a bucket that fills evenly and holds what may be made in one
// second, or one request. Only the moment at which it is full again is kept (the
// generic cell rate algorithm), so nothing runs beside the requests.
type rates struct {
	began time.Time // what moments are counted from: a clock that is set does not matter

	mu sync.RWMutex
	by map[string]*served // guarded by mu: by tenant
}

// meter is what a tenant has used.
type meter struct {
	full  time.Duration // when the bucket is full again, since rates.began
	told  time.Duration // when the next refusal is due
	day   int64         // that calls is of, since 1970 in UTC
	calls int64         // that were let in on the day
	last  time.Time     // when it asked, in vain or not
}

// allowance is what a tenant has left of the limit that it reaches first. The
// zero allowance is that of a tenant without limits.
type allowance struct {
	of              string // second or day
	most, remaining int64
	reset           time.Duration // until all of it is there again
	wait            time.Duration // until a request is let in; 0: this one was
	hold            time.Duration // until the refusal is answered
}

// A tenant gets so many refusals a second, some of them at once. Beyond that they
// are held back, so that who asks in vain costs the others little. He was told to
// wait a second at least.
const (
	refusalEvery = 10 * time.Millisecond
	refusalsFree = 10
	holdMost     = time.Second
)

const dayLength = 24 * time.Hour

func newRates(used map[string]Usage) *rates {
	r := &rates{began: time.Now(), by: make(map[string]*served, len(used))}
	for tenant, u := range used {
		r.by[tenant] = &served{meter: meter{day: dayOf(u.Last), calls: max(u.Calls, 0), last: u.Last}}
	}
	return r
}

func dayOf(t time.Time) int64 { return t.Unix() / int64(dayLength/time.Second) }

// take counts a request of a tenant, unless it is one too many.
func (r *rates) take(s *served, t *sq.Tenant, now time.Time) allowance {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &s.meter
	m.turn(now)
	m.last = now
	if t.RequestsPerSecond == 0 && t.RequestsPerDay == 0 {
		m.calls++
		return allowance{}
	}
	return m.take(t, now, now.Sub(r.began))
}

// hold returns how long the refusal of a tenant waits that found no slot.
func (r *rates) hold(s *served, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.meter.hold(now.Sub(r.began))
}

// turn begins a new day. A clock that is set back a little goes on with the same
// one; a day that lies further ahead was a mistake of the clock.
func (m *meter) turn(now time.Time) {
	if day := dayOf(now); day > m.day || day < m.day-1 {
		m.day, m.calls = day, 0
	}
}

// take uses of both limits or of none.
func (m *meter) take(t *sq.Tenant, now time.Time, at time.Duration) allowance {
	second, full := m.second(t.RequestsPerSecond, at)
	day := m.today(t.RequestsPerDay, now)
	if second.wait == 0 && day.wait == 0 {
		m.full = full
		m.calls++
	}
	a := second
	if second.of == "" || day.of != "" && (day.wait > second.wait || second.wait == 0 && day.remaining < second.remaining) {
		a = day
	}
	if a.wait > 0 {
		a.hold = m.hold(at)
	}
	return a
}

// hold returns how long a refusal waits for its turn.
func (m *meter) hold(at time.Duration) time.Duration {
	const free = refusalsFree * refusalEvery
	m.told = min(max(m.told, at)+refusalEvery, at+free+holdMost)
	return max(m.told-at-free, 0)
}

// second is what one request leaves of the bucket, and when it is full again
// then.
func (m *meter) second(rate float64, at time.Duration) (a allowance, full time.Duration) {
	if rate == 0 {
		return a, m.full
	}
	step := max(time.Duration(float64(time.Second)/rate), 1)
	depth := max(time.Second, step)
	m.full = min(m.full, at+depth) // a bucket of another rate is not emptier than empty
	before := max(m.full, at)
	full = before + step
	a = allowance{of: "second", most: int64(depth / step), reset: full - at}
	if a.wait = max(full-at-depth, 0); a.wait > 0 {
		a.reset = before - at
		return a, full
	}
	a.remaining = int64((depth - (full - at)) / step)
	return a, full
}

// today is what one request leaves of the day.
func (m *meter) today(most int64, now time.Time) allowance {
	if most == 0 {
		return allowance{}
	}
	midnight := time.Unix((m.day+1)*int64(dayLength/time.Second), 0).Sub(now)
	a := allowance{of: "day", most: most, reset: midnight}
	if m.calls >= most {
		a.wait = max(midnight, 1)
		return a
	}
	a.remaining = most - m.calls - 1
	return a
}

// usage returns what a tenant has used today, and when it asked last.
func (r *rates) usage(tenant string, now time.Time) (calls int64, last time.Time) {
	r.mu.RLock()
	s := r.by[tenant]
	r.mu.RUnlock()
	if s == nil {
		return 0, time.Time{}
	}
	u := s.usage(now)
	return u.Calls, u.Last
}

func (s *served) usage(now time.Time) Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meter.turn(now)
	return Usage{s.meter.calls, s.meter.last}
}

// all returns what tenants have used, and forgets those that are not known any
// more and have used nothing today. A request of such a one that is still at work
// gives back what it has to what was kept of it.
func (r *rates) all(known func(tenant string) bool, now time.Time) map[string]Usage {
	r.mu.Lock()
	defer r.mu.Unlock()
	used := make(map[string]Usage, len(r.by))
	for tenant, s := range r.by {
		u := s.usage(now)
		if u.Calls == 0 && !known(tenant) {
			delete(r.by, tenant)
			continue
		}
		used[tenant] = u
	}
	return used
}

// meter counts the request, says in the reply what is left, and refuses it when
// nothing is.
func (c *call) meter() error {
	a := c.server.rates.take(c.served, &c.tenant, c.began)
	if a.of == "" {
		return nil
	}
	h := c.reply.Header()
	h["Ratelimit-Limit"] = []string{strconv.FormatInt(a.most, 10)}
	h["Ratelimit-Remaining"] = []string{strconv.FormatInt(a.remaining, 10)}
	h["Ratelimit-Reset"] = []string{seconds(a.reset)}
	if a.wait == 0 {
		return nil
	}
	c.hold = a.hold
	h["Retry-After"] = []string{seconds(a.wait)}
	return sq.Errorf(sq.Limited, "more requests than this tenant may make, which is %d a %s; nothing was done, try again in %s s", a.most, a.of, seconds(a.wait))
}

// seconds returns a duration in whole seconds, rounded up.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((max(d, 0)+time.Second-1)/time.Second), 10)
}

// Usage is what a tenant has used.
type Usage struct {
	// Calls are the requests that were let in on the day of Last, in UTC.
	Calls int64 `json:"calls"`
	// Last is when it asked last, in vain or not.
	Last time.Time `json:"last"`
}

// Usage returns how many requests of a tenant were let in today, in UTC, and
// when it asked last: the zero time for never. It costs a look-up.
func (s *Server) Usage(tenant string) (calls int64, last time.Time) {
	return s.rates.usage(tenant, time.Now())
}

// Used returns what all tenants have used, as Options.Used takes it back after a
// restart. Those that known does not know are forgotten when their day is over.
func (s *Server) Used(known func(tenant string) bool) map[string]Usage {
	return s.rates.all(known, time.Now())
}
