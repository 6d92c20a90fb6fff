package metrics

import (
	"maps"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wbic16/sq-go/internal/measure"
)

// metric is a metric of ours: what it is called, and how its values are sent.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func counter(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("sq_"+name, help, labels, nil), prometheus.CounterValue}
}

func gauge(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("sq_"+name, help, labels, nil), prometheus.GaugeValue}
}

// histogram has no kind of value: its values are histograms.
func histogram(name, help string, labels ...string) metric {
	return metric{prometheus.NewDesc("sq_"+name, help, labels, nil), prometheus.UntypedValue}
}

type sink = chan<- prometheus.Metric

// number is what a value may be counted in.
type number interface{ ~int | ~int64 | ~uint64 }

// send sends the value of a counter or a gauge.
func send[N number](to sink, m metric, value N, labels ...string) {
	sendFloat(to, m, float64(value), labels...)
}

func sendFloat(to sink, m metric, value float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(m.desc, m.kind, value, labels...)
}

// sendHistogram sends what a histogram has counted, in units of so many of what it
// counts: 1e9 for nanoseconds as seconds.
func sendHistogram(to sink, m metric, h *measure.Histogram, unit float64, labels ...string) {
	c := h.Counts()
	buckets := make(map[float64]uint64, len(c.Bounds))
	for i, bound := range c.Bounds {
		buckets[float64(bound)/unit] = c.UpTo[i]
	}
	to <- prometheus.MustNewConstHistogram(m.desc, c.All, float64(c.Sum)/unit, buckets, labels...)
}

const seconds = 1e9 // nanoseconds

// collector sends metrics that are read when somebody asks.
type collector struct {
	metrics []metric
	collect func(to sink)
}

func (c collector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		to <- m.desc
	}
}

func (c collector) Collect(to chan<- prometheus.Metric) { c.collect(to) }

var (
	requestCount = counter("http_requests_total", "Requests that ended, health checks left out. The tenant is empty where the request was nobody's, (other) beyond --metrics-tenants.", "tenant", "endpoint", "status")
	requestTime  = histogram("http_request_duration_seconds", "Time from the headers of a request to the end of its reply.", "endpoint")
	requestBytes = counter("http_request_body_bytes_total", "Bytes of the bodies of requests that were read.", "tenant")
	replyBytes   = counter("http_response_body_bytes_total", "Bytes of the bodies of replies that were sent.", "tenant")
	refusedCount = counter("http_requests_refused_total", "Requests that were not carried out, by reason: unauthorized (401), forbidden (403), too_large (413), rate (429), busy (503), full (507: quota or disk).", "reason")
	brokenCount  = counter("http_responses_broken_total", "Replies that were cut short, with their connection, since something failed after they began.")
)

func (r *Requests) collector() collector {
	return collector{[]metric{requestCount, requestTime, requestBytes, replyBytes, refusedCount, brokenCount}, r.collect}
}

func (r *Requests) collect(to sink) {
	for i, name := range r.names {
		sendHistogram(to, requestTime, r.latency[i], seconds, name)
	}
	for name, t := range r.all() {
		r.collectTenant(to, name, t)
	}
	for _, refusal := range refusals {
		send(to, refusedCount, r.failed[indexOf(refusal.status)].Load(), refusal.reason)
	}
	send(to, brokenCount, r.broken.Load())
}

// all returns the counters of all tenants by name.
func (r *Requests) all() map[string]*tenantCounts {
	r.mu.RLock()
	defer r.mu.RUnlock()
	all := maps.Clone(r.tenants)
	all[""], all[Other] = r.nobody, r.other
	return all
}

// collectTenant sends what was counted of one tenant.
func (r *Requests) collectTenant(to sink, name string, t *tenantCounts) {
	in, out, calls := t.counted()
	for _, c := range calls {
		send(to, requestCount, c.n, name, r.names[c.endpoint], statusLabels[c.status])
	}
	if in > 0 || out > 0 || name == "" {
		send(to, requestBytes, in, name)
		send(to, replyBytes, out, name)
	}
}
