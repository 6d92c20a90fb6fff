package api

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
)

// noon is when these tests begin: what they do stays within the day.
func noon(r *rates) time.Time { return r.began.Truncate(dayLength).Add(dayLength + 12*time.Hour) }

// TestRatePerSecond: one second's worth may come at once, or one request, and what
// was used comes back evenly.
func TestRatePerSecond(t *testing.T) {
	for _, c := range []struct {
		rate          float64
		most          int64         // at once
		after         time.Duration // that, some are
		again         int           // let in again
		wait          time.Duration // and the next waits at least so long
		reset, passed string
	}{
		{50, 50, 100 * time.Millisecond, 5, 20 * time.Millisecond, "1", "0.1 s of 50 a second"},
		{1, 1, time.Second, 1, time.Second, "1", "one a second"},
		{1.5, 1, time.Second, 1, 333 * time.Millisecond, "1", "a fraction"},
		{0.1, 1, 10 * time.Second, 1, 10 * time.Second, "10", "one in ten seconds"},
		{1e9, 1e9, 0, 0, 0, "", "no bound that matters"},
	} {
		t.Run(c.passed, func(t *testing.T) {
			r := newRates(nil)
			tenant, now := sq.Tenant{Name: "alice", RequestsPerSecond: c.rate}, noon(r)
			if a := r.take(r.of(tenant.Name), &tenant, now); a.most != c.most || a.remaining != c.most-1 || a.wait != 0 {
				t.Fatalf("the first: %+v", a)
			}
			if c.reset == "" {
				return
			}
			in := 1
			for r.take(r.of(tenant.Name), &tenant, now).wait == 0 {
				in++
			}
			if int64(in) != c.most {
				t.Errorf("%d at once, want %d", in, c.most)
			}
			now = now.Add(c.after)
			for in = 0; ; in++ {
				a := r.take(r.of(tenant.Name), &tenant, now)
				if a.wait == 0 {
					continue
				}
				if in != c.again || a.wait < c.wait || a.remaining != 0 || seconds(a.reset) != c.reset {
					t.Errorf("after %v %d more, then %+v", c.after, in, a)
				}
				if got := r.take(r.of(tenant.Name), &tenant, now.Add(a.wait-1)); got.wait == 0 {
					t.Error("is let in before the time that was told")
				}
				if got := r.take(r.of(tenant.Name), &tenant, now.Add(a.wait)); got.wait != 0 {
					t.Errorf("is not let in when it was told: %+v", got)
				}
				break
			}
		})
	}
}

// TestRateOfANewConfiguration holds at once, and gives neither a fresh burst nor a
// fresh day.
func TestRateOfANewConfiguration(t *testing.T) {
	r := newRates(nil)
	now := noon(r)
	ask := func(perSecond float64, perDay int64) bool {
		return r.take(r.of("alice"), &sq.Tenant{Name: "alice", RequestsPerSecond: perSecond, RequestsPerDay: perDay}, now).wait == 0
	}
	count := func(perSecond float64, perDay int64) (n int) {
		for ask(perSecond, perDay) {
			n++
		}
		return n
	}
	if n := count(10, 0); n != 10 {
		t.Fatalf("%d at once", n)
	}
	if ask(20, 0) || ask(1, 0) || ask(0.01, 0) {
		t.Error("a bucket that is empty is filled by another rate")
	}
	now = now.Add(500 * time.Millisecond)
	if n := count(20, 0); n != 10 {
		t.Errorf("after half a second of 20 a second: %d", n)
	}
	if !ask(0, 21) || ask(0, 21) || !ask(0, 22) || !ask(0, 0) || ask(0, 23) {
		t.Error("the day did not go on")
	}
	now = now.Add(time.Hour)
	count(0.001, 0)
	if ask(100, 0) {
		t.Error("a slow bucket that is empty is filled by another rate")
	}
	now = now.Add(time.Second)
	if n := count(100, 0); n != 100 {
		t.Errorf("a second after a slow rate: %d of 100", n)
	}
}

// TestRatePerDay: the day is that of UTC, whatever the clock does within it.
func TestRatePerDay(t *testing.T) {
	r := newRates(nil)
	tenant := sq.Tenant{Name: "alice", RequestsPerDay: 2}
	midnight := noon(r).Add(12 * time.Hour)
	for i, c := range []struct {
		at        time.Duration // from midnight
		in        bool
		remaining int64
		reset     time.Duration
	}{
		{-2 * time.Hour, true, 1, 2 * time.Hour},
		{-time.Hour, true, 0, time.Hour},
		{-1, false, 0, 1},
		{0, true, 1, dayLength},
		{-time.Minute, true, 0, dayLength + time.Minute}, // the clock was set back
		{1, false, 0, dayLength - 1},
		{365 * dayLength, true, 1, dayLength}, // and far ahead
		{2, true, 1, dayLength - 2},           // and right
	} {
		a := r.take(r.of(tenant.Name), &tenant, midnight.Add(c.at))
		if (a.wait == 0) != c.in || a.remaining != c.remaining || a.reset != c.reset || !c.in && a.wait != c.reset {
			t.Errorf("%d: %+v", i, a)
		}
	}
}

// TestRefusalsAreHeldBack: who asks in vain again and again is answered slowly, for
// a second at the most, and only as long as he does.
func TestRefusalsAreHeldBack(t *testing.T) {
	r := newRates(nil)
	tenant, now := sq.Tenant{Name: "alice", RequestsPerDay: 1}, noon(r)
	if a := r.take(r.of(tenant.Name), &tenant, now); a.hold != 0 {
		t.Errorf("who is let in is held for %v", a.hold)
	}
	hold := func() time.Duration { return r.take(r.of(tenant.Name), &tenant, now).hold }
	for i := range refusalsFree {
		if d := hold(); d != 0 {
			t.Errorf("refusal %d is held for %v", i, d)
		}
	}
	for i := range 200 {
		if d, want := hold(), min(time.Duration(i+1)*refusalEvery, holdMost); d != want {
			t.Fatalf("refusal %d at once is held for %v, want %v", i, d, want)
		}
	}
	now = now.Add(holdMost)
	if d := hold(); d != refusalEvery {
		t.Errorf("a second later: %v", d)
	}
	now = now.Add(holdMost)
	if d := hold(); d != 0 {
		t.Errorf("two seconds later: %v", d)
	}
}

// TestRatesTogether: of many at once just those are let in that may be, by each
// limit and by both.
func TestRatesTogether(t *testing.T) {
	for _, tenant := range []sq.Tenant{
		{Name: "second", RequestsPerSecond: 100},
		{Name: "day", RequestsPerDay: 100},
		{Name: "both", RequestsPerSecond: 100, RequestsPerDay: 150},
		{Name: "day first", RequestsPerSecond: 150, RequestsPerDay: 100},
	} {
		r := newRates(nil)
		now := noon(r)
		var in atomic.Int64
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				for range 50 {
					if r.take(r.of(tenant.Name), &tenant, now).wait == 0 {
						in.Add(1)
					}
				}
			})
		}
		all.Wait()
		if calls, last := r.usage(tenant.Name, now); in.Load() != 100 || calls != 100 || !last.Equal(now) {
			t.Errorf("%s: %d are let in, %d are counted at %v", tenant.Name, in.Load(), calls, last)
		}
	}
}

// TestUsageIsTakenOver by the next server, for tenants that are known; of others
// only the day's.
func TestUsageIsTakenOver(t *testing.T) {
	s := New(Options{})
	now := time.Now()
	for _, name := range []string{"alice", "gone"} {
		s.rates.take(s.rates.of(name), &sq.Tenant{Name: name}, now)
	}
	s.rates.by["forgotten"] = &served{meter: meter{day: dayOf(now) - 5, calls: 7, last: now.Add(-5 * dayLength)}}
	s.rates.by["quiet"] = &served{meter: meter{day: dayOf(now) - 5, calls: 7, last: now.Add(-5 * dayLength)}}
	used := s.Used(func(name string) bool { return name == "alice" || name == "quiet" })
	if len(used) != 3 || used["gone"].Calls != 1 || len(s.rates.by) != 3 {
		t.Errorf("used is %+v", used)
	}
	next := New(Options{Used: used})
	if calls, last := next.Usage("alice"); calls != 1 || !last.Equal(now) {
		t.Errorf("alice has %d, at %v", calls, last)
	}
	if calls, last := next.Usage("quiet"); calls != 0 || !last.Equal(now.Add(-5*dayLength)) {
		t.Errorf("quiet has %d, at %v", calls, last)
	}
	if calls, last := next.Usage("unknown"); calls != 0 || !last.IsZero() {
		t.Errorf("unknown has %d, at %v", calls, last)
	}
}

// paying are tenants with limits; a token is NAME and, behind a dash, anything.
type paying struct {
	people
	mu      *sync.Mutex
	tenants map[string]sq.Tenant // guarded by mu
}

func (p paying) Find(token string) (sq.Tenant, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	name, kind, _ := strings.Cut(token, "-")
	t, ok := p.tenants[name]
	t.ReadOnly = kind == "read"
	return t, ok
}

func (p paying) set(t sq.Tenant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.DataDir = t.Name
	p.tenants[t.Name] = t
}

func newPaying(tenants ...sq.Tenant) paying {
	p := paying{people{names: []string{"there are"}}, &sync.Mutex{}, map[string]sq.Tenant{}}
	for _, t := range tenants {
		p.set(t)
	}
	return p
}

// TestLimitsOverHTTP: who is over a limit gets 429 and is told when to come
// again; all tokens of a tenant share its limits; nobody else notices.
func TestLimitsOverHTTP(t *testing.T) {
	who := newPaying(sq.Tenant{Name: "ann", RequestsPerDay: 3}, sq.Tenant{Name: "ben"}, sq.Tenant{Name: "cy", RequestsPerSecond: 0.001}, sq.Tenant{Name: "dan", RequestsPerDay: 1})
	mine := Route{Path: "/mine", Name: "mine", Right: EachTenant, Methods: map[string]Action{"POST": func(http.ResponseWriter, *http.Request) error { return nil }}}
	r := newRigUnder(t, who, Options{Many: true, Routes: []Route{mine}, Limits: Limits{Requests: 1}}, nil)
	as := func(token string, q request) request { return with(q, "Authorization: "+token) }
	version := get("/api/v2/version")
	free := []string{"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After"}
	r.run([]row{
		{"no limits", as("ben", version), 200, "0.5.5", nil, free},
		{"a stranger", as("guessed", version), 401, "Unauthorized", nil, free},
		{"the first", as("ann", version), 200, "0.5.5", []string{"RateLimit-Limit: 3", "RateLimit-Remaining: 2"}, free[3:]},
		{"with another token", as("ann-read", version), 200, "0.5.5", []string{"RateLimit-Remaining: 1"}, free[3:]},
		{"what is not there counts", as("ann", get("/api/v2/nothing")), 404, "", []string{"RateLimit-Remaining: 0"}, nil},
		{"one too many", as("ann-other", post("/api/v2/insert?p=notes"+at, "x")), 429, "~which is 3 a day; nothing was done", []string{"RateLimit-Limit: 3", "RateLimit-Remaining: 0", "Cache-Control: no-store"}, nil},
		{"as a document", as("ann", with(version, "Accept: application/json")), 429, `~"code":"limited"`, nil, nil},
		{"a preflight", request{method: http.MethodOptions, path: "/api/v2/get"}, 204, "", nil, free},
		{"no limits still", as("ben", version), 200, "0.5.5", nil, free},
		{"by the second", as("cy", version), 200, "0.5.5", []string{"RateLimit-Limit: 1", "RateLimit-Remaining: 0", "RateLimit-Reset: 1000"}, free[3:]},
		{"one too soon", as("cy", version), 429, "~which is 1 a second", []string{"Retry-After: 1000"}, nil},
		{"a route of a tenant counts", as("dan", post("/mine", "")), 200, "", []string{"RateLimit-Remaining: 0"}, nil},
		{"and is refused", as("dan", post("/mine", "")), 429, "~which is 1 a day", nil, nil},
		{"a page may read it", as("cy", with(version, "Origin: https://a.example")), 429, "", []string{"Access-Control-Expose-Headers: " + exposed[0]}, nil},
	})
	reply, _ := r.send(as("ann", version))
	if again := reply.Header.Get("Retry-After"); again == "" || again != reply.Header.Get("RateLimit-Reset") {
		t.Errorf("Retry-After is %q, the day ends in %q", again, reply.Header.Get("RateLimit-Reset"))
	}
	who.set(sq.Tenant{Name: "ann", RequestsPerDay: 4})
	r.run([]row{
		{"one more a day", as("ann", get("/api/v2/select?p=notes"+at)), 200, "", []string{"RateLimit-Limit: 4", "RateLimit-Remaining: 0"}, nil},
		{"and no other", as("ann", version), 429, "", nil, nil},
	})
	if calls, last := r.server.Usage("ann"); calls != 4 || time.Since(last) > time.Minute {
		t.Errorf("ann has made %d, the last at %v", calls, last)
	}
	if r.exists("ann", "notes") {
		t.Error("what was refused was written")
	}
}

// TestLimitTakesNoSlot: who is refused does not take the place of others.
func TestLimitTakesNoSlot(t *testing.T) {
	const asks = 20
	who := newPaying(sq.Tenant{Name: "ann", RequestsPerDay: 1}, sq.Tenant{Name: "ben"})
	r := newRigUnder(t, who, Options{Many: true, Limits: Limits{Requests: 1}}, nil)
	var all sync.WaitGroup
	r.send(with(get("/api/v2/version"), "Authorization: ann"))
	for range 4 {
		all.Go(func() {
			for range asks {
				if reply, text := r.send(with(get("/api/v2/version"), "Authorization: ann")); reply.StatusCode != http.StatusTooManyRequests {
					t.Errorf("ann: %d %q", reply.StatusCode, text)
				}
			}
		})
	}
	for i := range asks {
		if reply, text := r.send(with(get(fmt.Sprintf("/api/v2/toc?p=n%d", i)), "Authorization: ben")); reply.StatusCode != http.StatusOK {
			t.Errorf("ben: %d %q", reply.StatusCode, text)
		}
	}
	all.Wait()
}
