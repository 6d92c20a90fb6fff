// Package metrics shows what a server counts in the formats of Prometheus: its text
// and OpenMetrics.
//
//	api.Observation --> Requests --+
//	api.Stats, disk.Stats, ... ----+--> collector --> registry --> GET /api/v2/metrics
//
// Requests are counted here, as they end: one look-up of the endpoint and some
// additions, with no allocation and no label put together. What counts a tenant's
// the API keeps. All else is counted where it happens, and only read when somebody
// asks. So neither the API nor the engine knows this package.
//
// How many series there are is bounded. Endpoints and statuses are few and known
// beforehand; what a client makes up is counted as "-" or "other". Counters are
// by tenant, histograms are not. A tenant has series of its own from its first
// request until it is removed from the configuration, while there are fewer than
// Options.Tenants of them; all others share one whose tenant is Other.
//
// doc/metrics.md lists all metrics. Their names do not change without a line in
// the changelog: dashboards and alerts rest on them.
package metrics
