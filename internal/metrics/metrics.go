package metrics

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/internal/tenant"
)

// DefaultTenants is how many tenants have series of their own where nothing else is
// said.
const DefaultTenants = 10000

// Options is where the metrics come from. All functions but Certificate are
// required; they are called when somebody asks for the metrics, never for a
// request.
type Options struct {
	// Routes are the names of what is served beside the endpoints of the API.
	Routes []string
	// Tenants is how many tenants may have series of their own; 0: DefaultTenants.
	Tenants int
	// Version and Revision are those of the program, Go that of its compiler.
	Version, Revision, Go string
	// Logger gets what goes wrong while the metrics are put together.
	Logger *slog.Logger

	Registry func() *tenant.Registry
	Reloads  func() tenant.Reloads
	Server   func() api.Stats
	Engine   func() disk.Stats
	// Sizes returns the bytes that directories take, by path, as far as they can be
	// had cheaply. It is asked once in 30 s at the most.
	Sizes func() map[string]int64
	// Certificate returns when the certificate expires that clients are shown; the
	// zero time, or no function, where there is none.
	Certificate func() time.Time
}

// Metrics are the metrics of one server. Goroutines share them.
type Metrics struct {
	*Requests
	handler http.Handler
}

// New returns metrics that have counted nothing yet. It starts nothing.
func New(o Options) *Metrics {
	o.Tenants = cmp.Or(o.Tenants, DefaultTenants)
	known := func(name string) bool { _, ok := o.Registry().Tenant(name); return ok }
	m := &Metrics{Requests: newRequests(append(api.EndpointNames(), o.Routes...), known, o.Tenants)}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		m.Requests.collector(), serverCollector(o.Server), engineCollector(o.Engine), configCollector(o),
		newUsage(o).collector(), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	const scrapes = 4 // at once; more are answered 503
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: scrapes, ErrorLog: errorLog{o.Logger},
	})
	return m
}

// Route is where the metrics are served, to the administration alone: they name
// the tenants.
func (m *Metrics) Route() api.Route {
	serve := func(w http.ResponseWriter, r *http.Request) error { m.handler.ServeHTTP(w, r); return nil }
	return api.Route{Path: "/api/v2/metrics", Name: RouteName, Right: api.Administration, Methods: map[string]api.Action{http.MethodGet: serve}}
}

// RouteName is the name of the route.
const RouteName = "metrics"

type errorLog struct{ to *slog.Logger }

func (e errorLog) Println(v ...any) {
	if e.to != nil {
		e.to.Error("metrics", "error", fmt.Sprint(v...))
	}
}

var (
	atWork           = gauge("http_requests_in_flight", "Requests of tenants at work.")
	atWorkMost       = gauge("http_requests_in_flight_limit", "Requests of tenants that may be at work at once; the next is refused as busy.")
	connections      = gauge("http_connections", "Open connections, by state: active has a request, idle has none.", "state")
	connectionsLimit = gauge("http_connections_limit", "Connections that may be open at once; 0 is any number.")
)

func serverCollector(stats func() api.Stats) collector {
	return collector{[]metric{atWork, atWorkMost, connections, connectionsLimit}, func(to sink) {
		s := stats()
		send(to, atWork, s.Requests)
		send(to, atWorkMost, s.RequestsMost)
		send(to, connections, s.Connections-s.Idle, "active")
		send(to, connections, s.Idle, "idle")
		send(to, connectionsLimit, s.Most)
	}}
}

var (
	buildInfo      = gauge("build_info", "1; which program this is.", "version", "revision", "goversion")
	tenantCount    = gauge("tenants", "Tenants in the configuration that have a token in force.")
	reloadCount    = counter("config_reloads_total", "Reloads of the configuration, by result: success or failure.", "result")
	reloadOK       = gauge("config_last_reload_successful", "1 when the newest reload of the configuration succeeded, or there was none; 0 when it failed.")
	reloadTime     = gauge("config_last_reload_success_timestamp_seconds", "When the configuration in force was loaded, in seconds since 1970.")
	certificateEnd = gauge("tls_certificate_expiry_timestamp_seconds", "When the certificate that clients are shown expires, in seconds since 1970. Absent without TLS.")
)

func configCollector(o Options) collector {
	return collector{[]metric{buildInfo, tenantCount, reloadCount, reloadOK, reloadTime, certificateEnd}, func(to sink) {
		send(to, buildInfo, 1, o.Version, o.Revision, o.Go)
		send(to, tenantCount, len(o.Registry().Tenants()))
		r := o.Reloads()
		send(to, reloadCount, r.Succeeded, "success")
		send(to, reloadCount, r.Failed, "failure")
		send(to, reloadOK, oneUnless(r.LastFailed))
		sendFloat(to, reloadTime, float64(r.Last.UnixNano())/seconds)
		if o.Certificate == nil {
			return
		}
		if end := o.Certificate(); !end.IsZero() {
			send(to, certificateEnd, end.Unix())
		}
	}}
}

func oneUnless(failed bool) int {
	if failed {
		return 0
	}
	return 1
}
