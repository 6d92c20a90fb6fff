package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/wbic16/sq-go/internal/load"
)

// benchReport is a result as --json prints it.
type benchReport struct {
	Server         string           `json:"server"`
	Phext          string           `json:"phext"`
	Clients        int              `json:"clients"`
	NewConnections bool             `json:"new_connections"`
	Scrolls        int              `json:"scrolls"`
	Size           int              `json:"size"`
	Seconds        float64          `json:"seconds"`
	Reads          benchSum         `json:"reads"`
	Writes         benchSum         `json:"writes"`
	Errors         map[string]int64 `json:"errors"`
}

// benchSum is what became of reads or writes.
type benchSum struct {
	Requests  int64        `json:"requests"`
	PerSecond float64      `json:"per_second"`
	Latency   benchLatency `json:"latency_ms"`
}

// benchLatency is how long requests took, in milliseconds.
type benchLatency struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

func (b *benchmark) report(r *load.Result) benchReport {
	return benchReport{
		Server: b.benchFlags.server, Phext: string(b.name), Clients: b.clients, NewConnections: b.newConnections,
		Scrolls: b.scrolls, Size: b.size, Seconds: r.Elapsed.Seconds(),
		Reads: newBenchSum(&r.Reads, r.Elapsed), Writes: newBenchSum(&r.Writes, r.Elapsed), Errors: r.Errors,
	}
}

func newBenchSum(s *load.Sum, elapsed time.Duration) benchSum {
	millis := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	quantile := func(q float64) float64 { return millis(s.Latency.Quantile(q)) }
	return benchSum{
		Requests: s.Done, PerSecond: float64(s.Done) / elapsed.Seconds(),
		Latency: benchLatency{quantile(0.5), quantile(0.9), quantile(0.99), quantile(0.999), millis(s.Latency.Max())},
	}
}

func (b *benchmark) print(w io.Writer, r *load.Result) error {
	report := b.report(r)
	if b.json {
		return json.NewEncoder(w).Encode(report)
	}
	connections := ""
	if b.newConnections {
		connections = ", a new connection for each request"
	}
	fmt.Fprintf(w, "%s, %.1f s%s; %s of %s\n\n", count(b.clients, "client"), report.Seconds, connections, count(b.scrolls, "scroll"), count(b.size, "byte"))
	fmt.Fprintf(w, "%-8s%12s%12s%10s%10s%10s%10s%10s\n", "", "requests", "a second", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms")
	for _, line := range []struct {
		name string
		benchSum
	}{{"reads", report.Reads}, {"writes", report.Writes}} {
		l := line.Latency
		fmt.Fprintf(w, "%-8s%12d%12.0f%10.2f%10.2f%10.2f%10.2f%10.2f\n", line.name, line.Requests, line.PerSecond, l.P50, l.P90, l.P99, l.P999, l.Max)
	}
	for _, what := range slices.Sorted(maps.Keys(report.Errors)) {
		fmt.Fprintf(w, "%s: %s\n", what, count(int(report.Errors[what]), "time"))
	}
	return nil
}
