package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/internal/metrics"
	"github.com/wbic16/sq-go/internal/tenant"
)

// sink is where replies go whose making is counted.
type sink struct {
	header http.Header
	status int
	bytes  int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { s.bytes += len(p); return len(p), nil }

// countedServer is a server whose calls are counted, over a folder on the disk with a phext
// of such texts.
func countedServer(t *testing.T, text string) *api.Server {
	t.Helper()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "notes.phext"), strings.Repeat(text+"\x17", 100))
	engine := disk.New(disk.Options{})
	t.Cleanup(func() { engine.Close(context.Background()) })
	registry := tenant.Single("invented-token", dir)
	return api.New(api.Options{
		Tenants: func() api.Tenants { return registry },
		Store:   func(o sq.Tenant) sq.Store { return engine.Store(o.DataDir) },
		Observe: metrics.New(metrics.Options{Registry: func() *tenant.Registry { return registry }}).Observe,
	})
}

// TestAllocations pins how many allocations a select and an update of 1 KB take,
// from the handler to the disk, with what is counted. More of them are a decision.
func TestAllocations(t *testing.T) {
	text := strings.Repeat("x", 1024)
	server := countedServer(t, text)
	ask := func(method, what string, body []byte) *http.Request {
		r := &http.Request{
			Method: method, URL: &url.URL{Path: "/api/v2/" + what, RawQuery: "p=notes&c=1.1.1/1.1.1/1.1.7"},
			Header: http.Header{"Authorization": {"Bearer invented-token"}}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
		}
		if body != nil {
			r.ContentLength = int64(len(body))
		}
		return r
	}
	for _, test := range []struct {
		method, what string
		body         []byte
		want         float64
	}{
		{http.MethodGet, "select", nil, 5},
		{http.MethodPost, "update", []byte(text), 16},
	} {
		r := ask(test.method, test.what, test.body)
		reader := bytes.NewReader(nil)
		reply := &sink{header: http.Header{}}
		got := testing.AllocsPerRun(200, func() {
			clear(reply.header)
			reply.status = 0
			if test.body != nil {
				reader.Reset(test.body)
				r.Body = io.NopCloser(reader)
			}
			server.ServeHTTP(reply, r)
			if reply.status != http.StatusOK {
				t.Fatalf("%s: %d", test.what, reply.status)
			}
		})
		if underRace {
			test.want = max(test.want, min(got, test.want+8)) // exactly in the other run
		}
		if got != test.want {
			t.Errorf("%s: %v allocations, want %v", test.what, got, test.want)
		}
	}
}
