package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/metrics"
)

// observed is what host was told about how it is watched, and how it ends under
// those who watch it.
type observed struct {
	drainDelay     time.Duration // that readyz says no before the end
	accessLog      bool
	metricsTenants int // that have series of their own
}

func (o *observed) register(f *pflag.FlagSet) {
	f.DurationVar(&o.drainDelay, "drain-delay", 0, "for how long /readyz answers 503 at SIGTERM, while requests are still served, before the end begins; `duration` such as 10s")
	f.IntVar(&o.metricsTenants, "metrics-tenants", metrics.DefaultTenants, "how many tenants have metrics of their own; the `number` bounds what Prometheus keeps")
	f.BoolVar(&o.accessLog, "access-log", false, "log a line for each request, health checks left out")
}

func (o *observed) check(*pflag.FlagSet) error {
	if o.drainDelay < 0 {
		return usage("as long as a load balancer takes to notice, such as 10s, or 0", "--drain-delay is %v; it cannot be negative", o.drainDelay)
	}
	if o.metricsTenants < 1 {
		return usage("leave it out for the default", "--metrics-tenants is %d; at least 1 is wanted", o.metricsTenants)
	}
	return nil
}

// readiness is what those who watch the server may ask without a token: whether it
// lives, and whether it wants new work. Strangers learn nothing more from it.
type readiness struct{ draining atomic.Bool }

// routes are the paths of the checks. None of them touches a tenant or the disk.
func (h *readiness) routes() []api.Route {
	return []api.Route{
		healthRoute("livez", func() bool { return true }),
		healthRoute("readyz", h.ready),
		healthRoute("healthz", h.ready),
	}
}

func (h *readiness) ready() bool { return !h.draining.Load() }

// healthRoute is a route that answers 200 while something holds, and 503 otherwise.
func healthRoute(name string, holds func() bool) api.Route {
	answer := func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		status, text := http.StatusOK, "ok\n"
		if !holds() {
			status, text = http.StatusServiceUnavailable, "draining\n"
		}
		w.WriteHeader(status)
		_, err := io.WriteString(w, text)
		return err
	}
	return api.Route{Path: "/" + name, Name: name, Quiet: true, Methods: map[string]api.Action{http.MethodGet: answer}}
}

// drain has readyz say no, and lets whoever sends requests notice, while all
// that come are still answered.
func (o *observed) drain(ctx context.Context, r *readiness, log *slog.Logger) {
	r.draining.Store(true)
	if o.drainDelay == 0 {
		return
	}
	log.Info("draining: /readyz answers 503, requests are still served", "for", o.drainDelay)
	timer := time.NewTimer(o.drainDelay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
