package route

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Why requests were not handed on, or not answered by their backend.
const (
	refusedNoToken = "no_token"
	refusedToken   = "token"
	refusedMethod  = "method"
	refusedBusy    = "busy"
	refusedStreams = "streams"
	refusedBody    = "body"
	refusedDown    = "backend"
	refusedFailed  = "internal"
)

var refusals = []string{
	refusedNoToken, refusedToken, refusedMethod, refusedBusy, refusedStreams, refusedBody, refusedDown, refusedFailed,
}

// metrics are what the router counts. Labels are ports of backends, classes of
// statuses and reasons of refusals: clients make no series.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	refused  *prometheus.CounterVec
	broken   prometheus.Counter
	duration prometheus.Histogram
	reloads  *prometheus.CounterVec
}

func newMetrics(r *Router) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "sq_route_" + name, Help: help}, labels)
	}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: counter("requests_total", "Requests that a backend answered, by its port and the class of the status.", "port", "code"),
		refused:  counter("requests_refused_total", "Requests that the router answered itself, by reason: no_token and token (401), method (405), busy and streams (503), body (400, 408), backend (502), internal (500).", "reason"),
		reloads:  counter("config_reloads_total", "Reloads of the configuration, by result: success or failure.", "result"),
		broken:   prometheus.NewCounter(prometheus.CounterOpts{Name: "sq_route_responses_broken_total", Help: "Replies that were cut short, with their connection, since the backend or the client broke off."}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sq_route_request_duration_seconds", Help: "Time from the headers of a request to the end of its reply, streams left out.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
	}
	for _, why := range refusals {
		m.refused.WithLabelValues(why)
	}
	m.reloads.WithLabelValues("success")
	m.reloads.WithLabelValues("failure")
	m.registry.MustRegister(m.requests, m.refused, m.broken, m.duration, m.reloads, nowCollector{r},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe counts a call that has ended.
func (m *metrics) observe(c *call, d time.Duration) {
	switch {
	case c.refusal != "":
		m.refused.WithLabelValues(c.refusal).Inc()
	case c.backend != nil && !c.backend.gone.Load():
		m.requests.WithLabelValues(portLabel(c.backend), class(c.reply.status)).Inc()
	}
	if c.broken {
		m.broken.Inc()
	}
	if c.dry == nil {
		m.duration.Observe(d.Seconds())
	}
}

func portLabel(b *backend) string { return strconv.Itoa(int(b.port)) }

func class(status int) string {
	if status < 100 || status > 599 {
		return "none"
	}
	return strconv.Itoa(status/100) + "xx"
}

func (m *metrics) reloaded(err error) {
	result := "success"
	if err != nil {
		result = "failure"
	}
	m.reloads.WithLabelValues(result).Inc()
}

// forget takes the series of a backend away that is gone.
func (m *metrics) forget(b *backend) {
	m.requests.DeletePartialMatch(prometheus.Labels{"port": portLabel(b)})
}

// Metrics returns what shows the metrics in the formats of Prometheus. They tell the
// ports of all backends: it is not for strangers.
func (r *Router) Metrics() http.Handler {
	const scrapes = 4 // at once; more are answered 503
	return promhttp.HandlerFor(r.metrics.registry, promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: scrapes})
}

// nowCollector tells how things are when somebody asks.
type nowCollector struct{ router *Router }

var (
	backendUp   = prometheus.NewDesc("sq_route_backend_up", "1 when the backend answers, 0 when it refuses connections or hangs.", []string{"port"}, nil)
	inFlight    = prometheus.NewDesc("sq_route_requests_in_flight", "Requests at work, by backend, streams left out.", []string{"port"}, nil)
	streaming   = prometheus.NewDesc("sq_route_streams", "Event streams and upgraded connections, by backend.", []string{"port"}, nil)
	tokensKnown = prometheus.NewDesc("sq_route_tokens", "Tokens in the configuration in force.", nil, nil)
	connections = prometheus.NewDesc("sq_route_connections", "Open connections of clients, by state: active has a request, idle has none.", []string{"state"}, nil)
)

func (nowCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{backendUp, inFlight, streaming, tokensKnown, connections} {
		to <- d
	}
}

func (c nowCollector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value int, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value), labels...)
	}
	for _, b := range c.router.current.Load().backends {
		up := 0
		if state, _ := b.state(); state == well {
			up = 1
		}
		gauge(backendUp, up, portLabel(b))
		at := c.router.places.of(b)
		gauge(inFlight, at.requests, portLabel(b))
		gauge(streaming, at.streams, portLabel(b))
	}
	tokens, _ := c.router.Count()
	gauge(tokensKnown, tokens)
	if c.router.Connections != nil {
		open, idle, _ := c.router.Connections()
		gauge(connections, open-idle, "active")
		gauge(connections, idle, "idle")
	}
}
