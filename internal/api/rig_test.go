package api

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// people are the tenants of the tests: who shows the token "alice's" is alice.
// The zero people need no token.
type people struct {
	names []string
	admin string
}

func (p people) Find(token string) (sq.Tenant, bool) {
	for _, name := range p.names {
		switch token {
		case name + "'s":
			return sq.Tenant{Name: name, DataDir: name}, true
		case name + "'s to read":
			return sq.Tenant{Name: name, DataDir: name, ReadOnly: true}, true
		}
	}
	return sq.Tenant{}, len(p.names) == 0
}

func (p people) NeedsToken() bool          { return len(p.names) > 0 }
func (p people) IsAdmin(token string) bool { return p.admin != "" && token == p.admin }
func (p people) HasAdmin() bool            { return p.admin != "" }
func (p people) Revision() uint64          { return 0 }

// rig is a server on a port that the system picked, over stores in memory.
type rig struct {
	t      *testing.T
	server *Server
	client *http.Client
	addr   string
	secret *tls.Config // of the client; nil: TLS is not spoken
	log    *logbook

	wire net.Conn // of reply; nil: none is open
	in   *bufio.Reader

	mu     sync.Mutex
	stores map[string]sq.Store
}

// logbook is what was logged.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newRig serves until the test ends. What o leaves out is alice's and bob's
// server.
func newRig(t *testing.T, who people, o Options) *rig {
	t.Helper()
	return newRigUnder(t, who, o, nil)
}

// newRigUnder is newRig under TLS, where clients have a configuration of it.
func newRigUnder(t *testing.T, who Tenants, o Options, secret *tls.Config) *rig {
	t.Helper()
	r := &rig{t: t, client: &http.Client{Transport: &http.Transport{TLSClientConfig: secret}}, secret: secret, log: &logbook{}, stores: map[string]sq.Store{}}
	o.Tenants = func() Tenants { return who }
	o.Limits.GuessDelay = cmp.Or(o.Limits.GuessDelay, -1)
	if o.Store == nil {
		o.Store = func(tenant sq.Tenant) sq.Store { return r.store(tenant.Name) }
	}
	o.Logger = slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.server = New(o)
	r.serve()
	return r
}

// serve has the rig's server serve until the test ends.
func (r *rig) serve() {
	t := r.t
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	if r.secret != nil {
		l = r.underTLS(l)
	}
	served := make(chan error, 1)
	go func() { served <- r.server.Serve(l) }()
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		if err := r.server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

func (r *rig) store(name string) sq.Store {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stores[name] == nil {
		r.stores[name] = storetest.NewModel()
	}
	return r.stores[name]
}

var twoTenants = people{names: []string{"alice", "bob"}}

// request is what a client sends. Header lines are NAME: VALUE; without a token
// among them it shows alice's.
type request struct {
	method, path, body string
	header             []string
}

func (r *rig) send(q request) (*http.Response, string) {
	r.t.Helper()
	method := q.method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequest(method, r.scheme()+r.addr+q.path, strings.NewReader(q.body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer alice's")
	for _, line := range q.header {
		name, value, _ := strings.Cut(line, ": ")
		switch {
		case name == "Host":
			req.Host = value
		case value == "":
			req.Header.Del(name)
		default:
			req.Header[http.CanonicalHeaderKey(name)] = append(req.Header[http.CanonicalHeaderKey(name)], value)
			if name == "Authorization" {
				req.Header.Set(name, value)
			}
		}
	}
	reply, err := r.client.Do(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, q.path, err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, q.path, err)
	}
	return reply, string(text)
}

// row is a request and what must be in the reply, and what must not.
type row struct {
	what string
	request
	status int
	text   string   // the whole body; "~" and a part of it; or "" for any
	has    []string // NAME: VALUE of the reply
	hasNot []string // NAME of the reply
}

func (r *rig) run(rows []row) {
	for _, w := range rows {
		r.t.Run(w.what, func(t *testing.T) {
			reply, text := r.send(w.request)
			if reply.StatusCode != w.status {
				t.Errorf("status %d %q, want %d", reply.StatusCode, text, w.status)
			}
			part, isPart := strings.CutPrefix(w.text, "~")
			if w.text != "" && text != w.text && !(isPart && strings.Contains(text, part)) {
				t.Errorf("replies %q, want %q", text, w.text)
			}
			for _, line := range w.has {
				name, value, _ := strings.Cut(line, ": ")
				if got := reply.Header.Get(name); got != value {
					t.Errorf("%s is %q, want %q", name, got, value)
				}
			}
			for _, name := range w.hasNot {
				if got := reply.Header.Values(name); len(got) > 0 {
					t.Errorf("%s is %q, want none", name, got)
				}
			}
			if got := reply.Header.Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("X-Content-Type-Options is %q", got)
			}
			if strings.Contains(text, "DataDir") || strings.Contains(text, "/work") {
				t.Errorf("tells of the machine: %q", text)
			}
		})
	}
}

// raw sends bytes as they are, and nothing more, and returns the replies.
func (r *rig) raw(text string) (statuses []int) {
	r.t.Helper()
	c, err := r.connect()
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	go func() {
		io.WriteString(c, text) // the server may have stopped listening
		c.(interface{ CloseWrite() error }).CloseWrite()
	}()
	in := bufio.NewReader(c)
	for {
		reply, err := http.ReadResponse(in, nil)
		if err != nil {
			return statuses
		}
		io.Copy(io.Discard, reply.Body)
		reply.Body.Close()
		statuses = append(statuses, reply.StatusCode)
	}
}

const at = "&c=1.1.1/1.1.1/1.1.1"

func post(path, body string) request { return request{method: http.MethodPost, path: path, body: body} }
func get(path string) request        { return request{path: path} }

func with(q request, header ...string) request {
	q.header = append(q.header, header...)
	return q
}

func newModel() sq.Store { return storetest.NewModel() }

func urlOf(path, query string) *url.URL { return &url.URL{Path: path, RawQuery: query} }

// recorder is a response without a connection.
type recorder struct {
	header http.Header
	status int
	text   strings.Builder
}

func (w *recorder) Header() http.Header { return w.header }
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}
func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.text.Write(p)
}
