package main

import (
	"runtime"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/metrics"
	"github.com/wbic16/sq-go/internal/tenant"
)

// watch makes the metrics of the service, and the routes of those who watch it.
// others are the routes beside them, whose requests are counted too.
func (v *service) watch(others []api.Route) []api.Route {
	v.metrics = metrics.New(metrics.Options{
		Routes:   routeNames(others, metrics.RouteName),
		Tenants:  v.metricsTenants,
		Version:  sq.Version,
		Revision: thisBuild().Revision,
		Go:       runtime.Version(),
		Logger:   v.log,
		Registry: v.live.Current,
		Reloads:  v.live.Reloads,
		Server:   func() api.Stats { return v.api.Stats() },
		Engine:   v.engine.Stats,
		Sizes:    v.engine.Sizes,
		Certificate: func() time.Time {
			end, _ := v.door.end() // zero where there is none
			return end
		},
	})
	return append(append(others, v.readiness.routes()...), v.metrics.Route())
}

// observe returns what counts the calls of a tenant.
func (v *service) observe(tenant string) func(api.Observation) { return v.metrics.Observe(tenant) }

func routeNames(routes []api.Route, more ...string) []string {
	for _, r := range routes {
		more = append(more, r.Name)
	}
	return more
}

// changed is told of each reload.
func (v *service) changed(before, now *tenant.Registry) {
	v.durability.tell(before, now, v.log)
	v.metrics.Prune()
}
