package api

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/wbic16/sq-go"
)

// TestObserve: each call but those to quiet routes is told of once, with the tenant, the endpoint and the
// bytes, and with no word that the client made up.
func TestObserve(t *testing.T) {
	var mu sync.Mutex
	type told struct {
		tenant string
		Observation
	}
	var seen []told
	hello := func(w http.ResponseWriter, _ *http.Request) error { _, err := w.Write([]byte("hello")); return err }
	r := newRig(t, twoTenants, Options{
		Many: true,
		Routes: []Route{
			{Path: "/hello/{id}", Name: "hello", Methods: map[string]Action{"GET": hello}},
			{Path: "/quiet", Name: "quiet", Quiet: true, Methods: map[string]Action{"GET": hello}},
		},
		Observe: func(tenant string) func(Observation) {
			return func(o Observation) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, told{tenant, o})
			}
		},
	})
	for _, row := range []struct {
		request
		want told
	}{
		{post("/api/v2/insert?p=notes"+at, "text"), told{"alice", Observation{Endpoint: "insert", Status: 200, In: 4, Out: 16}}},
		{get("/api/v2/select?p=notes" + at), told{"alice", Observation{Endpoint: "select", Status: 200, Out: 4}}},
		{get("/api/v2/select?p=notes"), told{"alice", Observation{Endpoint: "select", Status: 400}}},
		{with(get("/api/v2/version"), "Authorization: bob's"), told{"bob", Observation{Endpoint: "version", Status: 200, Out: 5}}},
		{with(get("/api/v2/version"), "Authorization: guess"), told{"", Observation{Endpoint: "-", Status: 401, Out: 12}}},
		{get("/api/v2/made-up"), told{"alice", Observation{Endpoint: "-", Status: 404, Out: 9}}},
		{get("/made-up"), told{"", Observation{Endpoint: "-", Status: 404, Out: 9}}},
		{request{method: "MADEUP", path: "/api/v2/select?p=notes"}, told{"alice", Observation{Endpoint: "select", Status: 405, Out: 18}}},
		{get("/hello/made-up"), told{"", Observation{Endpoint: "hello", Status: 200, Out: 5}}},
	} {
		r.send(get("/quiet")) // which nobody is told of
		r.send(row.request)
		r.wait(&mu, func() bool { return len(seen) > 0 })
		mu.Lock()
		got := seen
		seen = nil
		mu.Unlock()
		if len(got) != 1 || got[0].Duration <= 0 {
			t.Fatalf("%s %s is told of as %+v", row.method, row.path, got)
		}
		if got[0].Duration = 0; row.want.Out == 0 {
			got[0].Out = 0
		}
		if got[0] != row.want {
			t.Errorf("%s %s is told of as %+v, want %+v", row.method, row.path, got[0], row.want)
		}
	}
}

// numbered are tenants of a revision.
type numbered struct {
	people
	revision *atomic.Uint64
}

func (n numbered) Revision() uint64 { return n.revision.Load() }

// TestRecall: the store of a tenant, and who is told of its calls, are asked for once
// under each revision, for each tenant.
func TestRecall(t *testing.T) {
	var revision atomic.Uint64
	var stores, observers atomic.Int64
	model := newModel()
	s := New(Options{
		Tenants: func() Tenants { return numbered{twoTenants, &revision} },
		Store:   func(sq.Tenant) sq.Store { stores.Add(1); return model },
		Observe: func(string) func(Observation) { observers.Add(1); return func(Observation) {} },
	})
	ask := func(token string) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "/api/v2/version", nil)
		r.Header.Set("Authorization", token)
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Fatal(w.Code, w.Body)
		}
	}
	for i, want := range []int64{2, 4, 6} {
		revision.Store(uint64(i))
		for range 3 {
			ask("alice's")
			ask("alice's to read")
			ask("bob's")
		}
		if stores.Load() != want || observers.Load() != 1+want { // one for nobody's calls
			t.Errorf("after revision %d stores were asked for %d times, observers %d times", i, stores.Load(), observers.Load())
		}
	}
}

// wait waits until what a lock guards is as it must become: a reply arrives a
// moment before the server is told of it.
func (r *rig) wait(mu *sync.Mutex, is func() bool) {
	for {
		mu.Lock()
		ok := is()
		mu.Unlock()
		if ok {
			return
		}
		runtime.Gosched()
	}
}

func TestStats(t *testing.T) {
	inside, leave := make(chan struct{}), make(chan struct{})
	r := newRig(t, twoTenants, Options{Store: func(sq.Tenant) sq.Store { return blocking{newModel(), inside, leave} }})
	replied := make(chan struct{})
	go func() {
		defer close(replied)
		reply, err := http.Get("http://" + r.addr + "/api/v2/version")
		if err == nil {
			reply.Body.Close()
		}
		q, _ := http.NewRequest("GET", "http://"+r.addr+"/api/v2/status?p=notes", nil)
		q.Header.Set("Authorization", "alice's")
		if reply, err := r.client.Do(q); err == nil {
			reply.Body.Close()
		}
	}()
	<-inside
	if got := r.server.Stats(); got.Requests != 1 || got.RequestsMost != 512 || got.Connections < 1 || got.Idle >= got.Connections {
		t.Errorf("with a request at work: %+v", got)
	}
	close(leave)
	<-replied
	if got := r.server.Stats(); got.Requests != 0 {
		t.Errorf("without a request: %+v", got)
	}
	http.DefaultClient.CloseIdleConnections()
}

var connectionID = regexp.MustCompile(`Connection ID: (\d+)\n`)

// TestRequestsOfOthersAreNotCounted: neither the number in status nor the names of
// requests tell a tenant how busy the server is.
func TestRequestsOfOthersAreNotCounted(t *testing.T) {
	r := newRig(t, twoTenants, Options{Many: true})
	number := func() string {
		_, text := r.send(get("/api/v2/status?p=notes"))
		return connectionID.FindStringSubmatch(text)[1]
	}
	names := map[string]bool{}
	for i := 1; i <= 20; i++ {
		if got := number(); got != fmt.Sprint(i) {
			t.Fatalf("request %d has the number %s", i, got)
		}
		reply, _ := r.send(with(get("/api/v2/select?p=notes"), "Authorization: bob's"))
		id := reply.Header.Get("X-Request-Id")
		if len(id) != 16 || names[id] || !strings.Contains(r.log.String(), "request="+id+" ") {
			t.Fatalf("the name of a request is %q, after %v", id, names)
		}
		for other := range names {
			same := 0
			for i := range id {
				if id[i] == other[i] {
					same++
				}
			}
			if same > 8 {
				t.Errorf("%s is like %s", id, other)
			}
		}
		names[id] = true
	}
}

// TestAccessLog: a line at Info for each request but for those to quiet routes, and
// nothing in it that the client made up.
func TestAccessLog(t *testing.T) {
	ok := func(http.ResponseWriter, *http.Request) error { return nil }
	r := newRig(t, twoTenants, Options{AccessLog: true, Routes: []Route{
		{Path: "/quiet", Name: "quiet", Quiet: true, Methods: map[string]Action{"GET": ok}},
		{Path: "/loud", Name: "loud", Methods: map[string]Action{"GET": ok}},
	}})
	for _, q := range []request{get("/api/v2/select?p=made-up" + at), get("/api/v2/made-up"), get("/quiet?made-up"), get("/loud?made-up"), with(get("/made-up"), "Authorization: made-up")} {
		r.send(q)
	}
	var mu sync.Mutex
	r.wait(&mu, func() bool { return strings.Count(r.log.String(), "msg=request") == 5 })
	for line := range strings.Lines(r.log.String()) {
		quiet := strings.Contains(line, "endpoint=quiet")
		if quiet == strings.Contains(line, "level=INFO") || strings.Contains(line, "made-up") || strings.Contains(line, "alice's") {
			t.Errorf("the access log has %q", line)
		}
	}
	if !strings.Contains(r.log.String(), "method=GET endpoint=select tenant=alice status=200 bytes=0 ") {
		t.Errorf("the access log is\n%s", r.log)
	}
}

// TestAccessLogOfClients: behind a proxy on this machine the line has the address that
// the proxy tells of, and of that no word that the client made up.
func TestAccessLogOfClients(t *testing.T) {
	r := newRig(t, twoTenants, Options{AccessLog: true})
	for i, row := range []struct{ forwarded, client string }{
		{"", "127.0.0.1"},
		{"192.0.2.7", "192.0.2.7"},
		{"198.51.100.1, 192.0.2.7", "192.0.2.7"}, // what the client says of itself comes first
		{"::ffff:192.0.2.7", "192.0.2.7"},
		{"fe80::1%made-up", "fe80::1"},
		{"made-up", "127.0.0.1"},
	} {
		q := get("/api/v2/version")
		if row.forwarded != "" {
			q = with(q, "X-Forwarded-For: "+row.forwarded)
		}
		r.send(q)
		var mu sync.Mutex
		r.wait(&mu, func() bool { return strings.Count(r.log.String(), "msg=request") == i+1 })
		lines := strings.Split(strings.TrimSpace(r.log.String()), "\n")
		if line := lines[len(lines)-1]; !strings.Contains(line, " client="+row.client+" ") || !strings.Contains(line, " remote=127.0.0.1:") || strings.Contains(line, "made-up") {
			t.Errorf("for %q the line is %s", row.forwarded, line)
		}
	}
}

// TestLeftStream: that a client leaves a stream is no failure of the server.
func TestLeftStream(t *testing.T) {
	r := newRig(t, twoTenants, Options{AccessLog: true, Routes: []Route{{Path: "/stream", Name: "stream", Methods: map[string]Action{
		"GET": func(w http.ResponseWriter, _ *http.Request) error {
			for {
				if _, err := w.Write([]byte("x")); err != nil {
					return err
				}
				if err := http.NewResponseController(w).Flush(); err != nil {
					return err
				}
			}
		},
	}}}})
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	var mu sync.Mutex
	r.wait(&mu, func() bool { return strings.Contains(r.log.String(), "endpoint=stream") })
	if strings.Contains(r.log.String(), "level=ERROR") {
		t.Errorf("the log has an error:\n%s", r.log)
	}
}
