package api

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

func phextSum(text string) string { return phext.Sum([]byte(text)).String() }

// blocking is a store whose snapshots wait until they are let go.
type blocking struct {
	sq.Store
	entered, release chan struct{}
}

func (b blocking) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	b.entered <- struct{}{}
	<-b.release
	return b.Store.Snapshot(ctx, name)
}

// TestSlots: so many requests at work and no more, one tenant at most a quarter,
// and refused before anything is done.
func TestSlots(t *testing.T) {
	var r *rig
	entered, release := make(chan struct{}), make(chan struct{})
	mine := Route{Path: "/mine", Name: "mine", Right: EachTenant, Methods: map[string]Action{"POST": func(http.ResponseWriter, *http.Request) error {
		entered <- struct{}{}
		<-release
		return nil
	}}}
	r = newRig(t, people{names: []string{"alice", "bob", "carol"}}, Options{Many: true, Routes: []Route{mine}, Limits: Limits{Requests: 8}, Store: func(tenant sq.Tenant) sq.Store {
		return blocking{r.store(tenant.Name), entered, release}
	}})
	var all sync.WaitGroup
	read := func(who string, q request) {
		all.Go(func() {
			if reply, text := r.send(with(q, "Authorization: "+who)); reply.StatusCode != 200 {
				t.Errorf("%d %s", reply.StatusCode, text)
			}
		})
		<-entered
	}
	read("alice's", get("/api/v2/get?p=x"))
	read("alice's", post("/mine", ""))
	r.run([]row{
		{"alice has her share", get("/api/v2/version"), 503, "~too many requests", []string{"Retry-After: 1"}, nil},
		{"in routes too", post("/mine", ""), 503, "~too many requests", []string{"Retry-After: 1"}, nil},
		{"bob does not mind", with(get("/api/v2/version"), "Authorization: bob's"), 200, "0.5.5", nil, nil},
		{"a stranger takes none", with(get("/api/v2/version"), "Authorization: "), 401, "", nil, nil},
	})
	close(release)
	all.Wait()
	r.run([]row{{"alice again", get("/api/v2/version"), 200, "0.5.5", nil, nil}})
}

// TestSizes: bodies and headers have their limits, chunked ones too.
func TestSizes(t *testing.T) {
	r := newRig(t, twoTenants, Options{Limits: Limits{BodyBytes: 1000}})
	insert := "/api/v2/insert?p=notes" + at
	r.run([]row{
		{"as long as may be", post(insert, strings.Repeat("x", 1000)), 200, "Inserted 1000 bytes", nil, nil},
		{"a byte more", post(insert, strings.Repeat("x", 1001)), 413, "~more than 1000 bytes", nil, nil},
		{"nothing of it is there", get("/api/v2/status?p=notes"), 200, "~Phext Size: 1000\n", nil, nil},
		{"large headers", with(get("/api/v2/version"), "X-Large: "+strings.Repeat("x", 60<<10)), 200, "", nil, nil},
	})
	head := "POST " + insert + " HTTP/1.1\r\nHost: x\r\nAuthorization: alice's\r\n"
	for what, c := range map[string]struct {
		text string
		want []int
	}{
		"chunked and too long":        {head + "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + strings.Repeat("x", 1001) + "\r\n0\r\n\r\n", []int{413}},
		"chunked":                     {head + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", []int{200}},
		"a chunk that is cut":         {head + "Transfer-Encoding: chunked\r\n\r\n5\r\nx\r\n0\r\n\r\n", []int{400}},
		"a chunk that ends otherwise": {head + "Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", []int{400}},
		"two ends":                    {head + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nGET /api/v2/version HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}},
		"two lengths":                 {head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", []int{400}},
		"a space before the colon":    {head + "Content-Length : 1\r\n\r\nx", []int{400}},
		"an unknown coding":           {head + "Transfer-Encoding: gzip\r\n\r\nx", []int{501}},
		"headers without end":         {head + "X: " + strings.Repeat("x", 70<<10) + "\r\n\r\n", []int{431}},
		"pipelined":                   {"GET /api/v2/version HTTP/1.1\r\nHost: x\r\nAuthorization: alice's\r\n\r\n" + head + "Content-Length: 1\r\n\r\nx", []int{200, 200}},
	} {
		t.Run(what, func(t *testing.T) {
			if got := r.raw(c.text); !slices.Equal(got, c.want) {
				t.Errorf("statuses %v, want %v", got, c.want)
			}
		})
	}
}

// TestStalled: who stands still while sending headers or a body is let go.
func TestStalled(t *testing.T) {
	r := newRig(t, twoTenants, Options{Limits: Limits{HeaderTimeout: 500 * time.Millisecond, StallTimeout: 500 * time.Millisecond}})
	for what, text := range map[string]string{
		"headers": "GET /api/v2/version HTTP/1.1\r\nHost: x\r\n",
		"body":    "POST /api/v2/insert?p=notes" + at + " HTTP/1.1\r\nHost: x\r\nAuthorization: alice's\r\nContent-Length: 5\r\n\r\nx",
	} {
		t.Run(what, func(t *testing.T) {
			c, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, text); err != nil {
				t.Fatal(err)
			}
			reply, err := io.ReadAll(c) // until the server closes
			if err != nil || what == "body" && !strings.HasPrefix(string(reply), "HTTP/1.1 408") {
				t.Errorf("%q, %v", reply, err)
			}
		})
	}
	if _, text := r.send(get("/api/v2/get?p=notes")); text != "" {
		t.Errorf("half a body was written: %q", text)
	}
}

// failing is a store whose snapshots cannot be read to their end.
type failing struct {
	sq.Store
	err error
}

func (f failing) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	s, err := f.Store.Snapshot(ctx, name)
	return failingSnapshot{s, f.err}, err
}

// failingSnapshot writes half of what it says it has.
type failingSnapshot struct {
	sq.Snapshot
	err error
}

func (s failingSnapshot) WriteTo(w io.Writer) (int64, error) {
	n, _ := io.WriteString(w, strings.Repeat("x", int(s.Size()/2)))
	return int64(n), s.err
}

func (s failingSnapshot) Get([]byte, phext.Coordinate) ([]byte, bool, error) {
	return nil, false, s.err
}
func (s failingSnapshot) Size() int64 {
	if s.Snapshot.Scrolls() > 0 {
		return 4 * piece
	}
	return 1000
}

// TestPanickedCallIsNotUsedAgain: what a call was made of is used for another one,
// but not when it panicked: somebody may have it still.
func TestPanickedCallIsNotUsedAgain(t *testing.T) {
	s := New(Options{Tenants: func() Tenants { return twoTenants }, Store: func(sq.Tenant) sq.Store { return nil }})
	newCall := func() *call {
		return s.newCall(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	}
	again := 0
	for range 200 { // a pool may lose some
		c := newCall()
		c.end()
		next := newCall()
		if next == c {
			again++
		}
		func() {
			defer next.end()
			panic("a bug")
		}()
		if newCall() == next {
			t.Fatal("a call that panicked is used again")
		}
	}
	if again == 0 {
		t.Error("no call is used again")
	}
}

// TestFailures: half a reply does not look whole, what fails inside is not told,
// and a panic ends nothing but its request.
func TestFailures(t *testing.T) {
	var r *rig
	secret := sq.Wrap(fmt.Errorf("open /srv/secret/notes: no such device"), sq.Internal, "read a scroll")
	r = newRig(t, twoTenants, Options{Store: func(tenant sq.Tenant) sq.Store {
		if tenant.Name == "bob" {
			panic("a bug")
		}
		return failing{r.store(tenant.Name), secret}
	}})
	r.run([]row{
		{"inside", get("/api/v2/select?p=notes" + at), 500, "internal error", nil, nil},
		{"before anything was sent", get("/api/v2/get?p=notes"), 500, "internal error", nil, nil},
		{"a panic", with(get("/api/v2/get?p=notes"), "Authorization: bob's"), 500, "internal error", nil, nil},
		{"and on", get("/api/v2/version"), 200, "0.5.5", nil, nil},
		{"now it is longer", post("/api/v2/insert?p=notes"+at, "x"), 200, "", nil, nil},
	})
	req, err := http.NewRequest(http.MethodGet, "http://"+r.addr+"/api/v2/get?p=notes", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "alice's")
	reply, err := r.client.Do(req)
	if err == nil {
		_, err = io.ReadAll(reply.Body)
		reply.Body.Close()
	}
	if err == nil {
		t.Error("half a reply looks whole")
	}
	if log := r.log.String(); !strings.Contains(log, "secret/notes") || !strings.Contains(log, "a bug") {
		t.Errorf("the log does not say what happened: %s", log)
	}
}

// TestLogIsSilent: no token and no text gets into the log, at any level.
func TestLogIsSilent(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	r.send(post("/api/v2/insert?p=notes"+at+"&s=textinquery", "textinbody"))
	r.send(with(get("/api/v2/toc?p=..%0aINFO"), "Authorization: guessed-token"))
	r.send(with(get("/api/v2/%0a%0dforged?x=y"), "User-Agent: forged"))
	log := r.log.String()
	for _, secret := range []string{"alice's", "guessed-token", "textin", "forged", "..", "\nINFO"} {
		if strings.Contains(log, secret) {
			t.Errorf("%q is in the log:\n%s", secret, log)
		}
	}
	if strings.Count(log, "msg=request") != 3 || !strings.Contains(log, "endpoint=insert tenant=alice status=200") {
		t.Errorf("not one line a request:\n%s", log)
	}
}

// FuzzRequest: no query and no body makes the server fail.
func FuzzRequest(f *testing.F) {
	f.Add("insert", "p=notes&c=1.1.1/1.1.1/1.1.1&s=x", "body")
	f.Add("delta", "p=a%", "1.1.1/1.1.1/1.1.1: x")
	f.Add("where", "algo=checksum&limit=-1", "\x01\xff")
	stores := map[string]sq.Store{}
	var mu sync.Mutex
	s := New(Options{Tenants: func() Tenants { return people{} }, Loopback: true, Store: func(sq.Tenant) sq.Store {
		mu.Lock()
		defer mu.Unlock()
		if stores[""] == nil {
			stores[""] = newModel()
		}
		return stores[""]
	}})
	f.Fuzz(func(t *testing.T, name, query, body string) {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			req := &http.Request{Method: method, Host: "localhost", Header: http.Header{}, RemoteAddr: "127.0.0.1:9",
				URL: urlOf(prefix+name, query), Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
			w := &recorder{header: http.Header{}}
			s.ServeHTTP(w, req)
			if w.status >= 500 {
				t.Fatalf("%s %s?%s: %d %s", method, name, query, w.status, w.text.String())
			}
		}
	})
}
