package metrics

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/internal/tenant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stage is metrics of tenants that come and go.
type stage struct {
	*Metrics
	t *testing.T

	mu       sync.Mutex
	registry *tenant.Registry
	sizes    map[string]int64
	asked    int
}

// newStage has tenants by these names, with a quota of a megabyte each, in
// directories of their names.
func newStage(t *testing.T, most int, names ...string) *stage {
	s := &stage{t: t, sizes: map[string]int64{}}
	s.become(names...)
	e := disk.New(disk.Options{})
	t.Cleanup(func() { e.Close(t.Context()) })
	server := api.New(api.Options{Tenants: func() api.Tenants { return s.current() }, Store: func(sq.Tenant) sq.Store { return nil }})
	s.Metrics = New(Options{
		Routes: []string{"pages"}, Tenants: most, Version: "1", Go: "go", Registry: s.current, Server: server.Stats, Engine: e.Stats,
		Reloads: func() tenant.Reloads { return tenant.Reloads{Failed: 2, LastFailed: true, Last: time.Unix(1, 5e8)} },
		Sizes: func() map[string]int64 {
			s.asked++
			return s.sizes
		},
		Certificate: func() time.Time { return time.Unix(2e9, 0) },
	})
	return s
}

func (s *stage) current() *tenant.Registry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.registry
}

// become puts other tenants in the place of those there are.
func (s *stage) become(names ...string) {
	c := &tenant.Config{}
	for _, name := range names {
		c.Entries = append(c.Entries, tenant.Entry{Token: tenant.HashToken(name), Enabled: true, Tenant: sq.Tenant{Name: name, DataDir: "/" + name, QuotaBytes: 1 << 20}})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.registry = tenant.New(c)
}

func (s *stage) see(tenant, endpoint string, status int) {
	s.Observe(tenant)(seen(endpoint, status))
}

func seen(endpoint string, status int) api.Observation {
	return api.Observation{Endpoint: endpoint, Status: status, In: 3, Out: 5, Duration: time.Millisecond}
}

// shown returns what is shown to who accepts a format.
func (s *stage) shown(accept string) string {
	s.t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/api/v2/metrics", nil)
	r.Header.Set("Accept", accept)
	if err := s.Route().Methods[http.MethodGet](w, r); err != nil || w.Code != http.StatusOK {
		s.t.Fatalf("%d %s, %v", w.Code, w.Body, err)
	}
	text, _ := io.ReadAll(w.Body)
	return string(text)
}

// wants holds what is shown to lines that must be in it, and with a "!" before
// them to ones that must not.
func (s *stage) wants(lines ...string) {
	s.t.Helper()
	text := s.shown("")
	for _, line := range lines {
		line, not := strings.CutPrefix(line, "!")
		if strings.Contains(text, line) == not {
			s.t.Errorf("%q is there: %v, in\n%s", line, not, ours(text))
		}
	}
}

// ours returns the lines that are about this program.
func ours(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "sq_") && !strings.Contains(line, "_bucket") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestRequests(t *testing.T) {
	s := newStage(t, 10, "alice", "bob")
	s.see("alice", "select", 200)
	s.see("alice", "select", 200)
	s.see("alice", "update", 507)
	s.see("bob", "select", 404)
	s.see("bob", "pages", 299)
	s.see("bob", "made up", 1234)
	s.see("", "-", 401)
	s.Observe("bob")(api.Observation{Endpoint: "get", Status: 200, Broken: true})
	s.wants(
		`sq_http_requests_total{endpoint="select",status="200",tenant="alice"} 2`+"\n",
		`sq_http_requests_total{endpoint="update",status="507",tenant="alice"} 1`+"\n",
		`sq_http_requests_total{endpoint="select",status="404",tenant="bob"} 1`+"\n",
		`sq_http_requests_total{endpoint="pages",status="other",tenant="bob"} 1`+"\n",
		`sq_http_requests_total{endpoint="-",status="other",tenant="bob"} 1`+"\n",
		`sq_http_requests_total{endpoint="-",status="401",tenant=""} 1`+"\n",
		`sq_http_request_body_bytes_total{tenant="alice"} 9`+"\n",
		`sq_http_response_body_bytes_total{tenant="alice"} 15`+"\n",
		`sq_http_requests_refused_total{reason="unauthorized"} 1`+"\n",
		`sq_http_requests_refused_total{reason="full"} 1`+"\n",
		`sq_http_requests_refused_total{reason="busy"} 0`+"\n",
		`sq_http_responses_broken_total 1`+"\n",
		`sq_http_request_duration_seconds_bucket{endpoint="select",le="0.0005"} 0`+"\n",
		`sq_http_request_duration_seconds_bucket{endpoint="select",le="0.001"} 3`+"\n",
		`sq_http_request_duration_seconds_count{endpoint="select"} 3`+"\n",
		`sq_http_request_duration_seconds_sum{endpoint="select"} 0.003`+"\n",
		`sq_config_reloads_total{result="failure"} 2`+"\n", `sq_config_last_reload_successful 0`+"\n",
		`sq_config_last_reload_success_timestamp_seconds 1.5`+"\n", `sq_tls_certificate_expiry_timestamp_seconds 2e+09`+"\n",
		`sq_build_info{goversion="go",revision="",version="1"} 1`+"\n", `sq_tenants 2`+"\n",
		`go_goroutines `, `!made up`,
	)
}

// TestStrangersMakeNoSeries: whatever is asked for, and however often, the number
// of series stays.
func TestStrangersMakeNoSeries(t *testing.T) {
	s := newStage(t, 10, "alice")
	s.see("alice", "-", 404)
	s.see("", "-", 599)
	before := strings.Count(s.shown(""), "\nsq_")
	for i := range 1000 {
		s.see("", fmt.Sprint("path", i), 600+i)
		s.see("alice", fmt.Sprint("path", i), 404)
	}
	if after := strings.Count(s.shown(""), "\nsq_"); after != before {
		t.Errorf("%d series became %d", before, after)
	}
}

// TestRemovedTenants lose their series, and a request that ends afterwards brings
// none back. What is counted of all does not go down with them.
func TestRemovedTenants(t *testing.T) {
	s := newStage(t, 10, "alice", "bob")
	s.sizes["/bob"] = 1
	s.see("alice", "select", 401)
	s.see("bob", "select", 401)
	s.wants(`tenant="alice"`, `sq_http_requests_total{endpoint="select",status="401",tenant="bob"} 1`, `sq_tenant_stored_bytes{tenant="bob"} 1`)
	s.become("alice")
	s.Prune()
	s.wants(`tenant="alice"`, `!tenant="bob"`)
	s.see("bob", "select", 401)
	s.wants(`!tenant="bob"`, `sq_http_requests_total{endpoint="select",status="401",tenant="(other)"} 1`, `sq_http_requests_refused_total{reason="unauthorized"} 3`)
	s.become("alice", "bob")
	s.Prune()
	s.see("bob", "select", 401)
	s.wants(`sq_http_requests_total{endpoint="select",status="401",tenant="bob"} 1`)
}

// TestManyTenants: beyond so many they share one series, and one that becomes free
// is for the next.
func TestManyTenants(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	s := newStage(t, 2, names...)
	for _, name := range names {
		s.sizes["/"+name] = 10
		s.see(name, "select", 200)
		s.see(name, "select", 200)
	}
	s.wants(`tenant="a"} 2`, `tenant="b"} 2`, `!tenant="c"`, `sq_http_requests_total{endpoint="select",status="200",tenant="(other)"} 4`,
		`sq_tenant_stored_bytes{tenant="b"} 10`, `sq_tenant_stored_bytes{tenant="(other)"} 20`)
	early := s.Observe("d") // before there is room
	s.become("b", "c", "d")
	s.Prune()
	early(seen("select", 200))
	s.wants(`!tenant="a"`, `sq_http_requests_total{endpoint="select",status="200",tenant="d"} 1`)
}

// TestSizes are asked for once in a while, and remembered of directories that are
// closed.
func TestSizes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUsage(Options{Tenants: 10, Registry: newRegistry("alice", "bob"), Sizes: nil})
		sizes, asked := map[string]int64{"/alice": 7, "/strange": 1}, 0
		u.sizes = func() map[string]int64 { asked++; return sizes }
		look := func() (found string) {
			for tenant, bytes := range u.known() {
				found += fmt.Sprint(tenant.Name, " ", bytes, ";")
			}
			return found
		}
		if got := look(); got != "alice 7;" {
			t.Errorf("found %q", got)
		}
		sizes = map[string]int64{"/bob": 8}
		if got := look(); got != "alice 7;" || asked != 1 {
			t.Errorf("found %q, asked %d times", got, asked)
		}
		time.Sleep(sizesEvery)
		if got := look(); got != "alice 7;bob 8;" || asked != 2 {
			t.Errorf("later found %q, asked %d times", got, asked)
		}
		u.registry = newRegistry("bob")
		look()
		u.registry = newRegistry("alice", "bob")
		if got := look(); got != "bob 8;" {
			t.Errorf("of a tenant that was removed and came back it knows %q", got)
		}
	})
}

func newRegistry(names ...string) func() *tenant.Registry {
	var s stage
	s.become(names...)
	return s.current
}

// TestFormats: who accepts OpenMetrics gets it.
func TestFormats(t *testing.T) {
	s := newStage(t, 10, "alice")
	if text := s.shown("application/openmetrics-text"); !strings.HasSuffix(text, "# EOF\n") || !strings.Contains(text, "sq_http_responses_broken_total 0") {
		t.Errorf("OpenMetrics is\n%s", ours(text))
	}
	if text := s.shown(""); strings.Contains(text, "# EOF") || !strings.Contains(text, "# TYPE sq_http_requests_in_flight gauge") {
		t.Errorf("the text is\n%s", ours(text))
	}
}

// TestTogether: requests end while tenants are removed and metrics are asked for.
func TestTogether(t *testing.T) {
	s := newStage(t, 3, "a", "b", "c", "d")
	var work sync.WaitGroup
	for i := range 4 {
		work.Go(func() {
			for n := range 500 {
				s.see(string(rune('a'+(i+n)%4)), "select", 200)
			}
		})
	}
	for i := range 20 {
		s.become([]string{"a", "b", "c", "d"}[i%4:]...)
		s.Prune()
		s.shown("")
	}
	work.Wait()
	s.become("a")
	s.Prune()
	s.wants(`!tenant="b"`, `!tenant="c"`, `!tenant="d"`, `sq_http_request_duration_seconds_count{endpoint="select"} 2000`)
}

func TestObserveAllocatesNothing(t *testing.T) {
	s := newStage(t, 10, "alice")
	observe, call := s.Observe("alice"), seen("select", 200)
	if n := testing.AllocsPerRun(100, func() { observe(call) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkObserve is what a request costs beside 10,000 tenants with series.
func BenchmarkObserve(b *testing.B) {
	r := newRequests(api.EndpointNames(), func(string) bool { return true }, 20000)
	for i := range 10000 {
		r.Observe(fmt.Sprintf("founding-%05d", i))
	}
	observe, o := r.Observe("founding-05000"), api.Observation{Endpoint: "select", Status: 200, Out: 1000, Duration: 50 * time.Microsecond}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			observe(o)
		}
	})
	b.Run("together", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				observe(o)
			}
		})
	})
}
