package route

import (
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func timeout() time.Time { return time.Now().Add(patience) }

// TestRefuses: a backend that is not there is a 502, the others do not notice, and it
// is asked again at once when it is back.
func TestRefuses(t *testing.T) {
	l, err := net.Listen("tcp", loopback+":0")
	if err != nil {
		t.Fatal(err)
	}
	dead := portOf(t, l)
	l.Close()
	r := newRig(t, Options{}, map[string]int{alice: dead, bob: serve(t, says("bob's"))})
	r.log.await(t, 1, "refuses connections")
	r.want(alice, "/", 502, badGateway)
	r.want(bob, "/", 200, "bob's")
	r.want("", "/readyz", 200, "degraded\n")
	if got := r.metric(upOf(dead)); got != "0" {
		t.Errorf("%s is %s, want 0", upOf(dead), got)
	}

	if l, err = net.Listen("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: says("alice's")}
	served := make(chan struct{})
	go func() { defer close(served); s.Serve(l) }()
	defer func() { s.Close(); <-served }()
	r.want(alice, "/", 200, "alice's")
	r.log.await(t, 1, "backend answers again") // it is asked now, and not when its turn comes
}

// TestHangs: a backend that takes connections and does not answer is found out. Who
// waits for it is told, nobody is sent there any more, and all is well when it is.
func TestHangs(t *testing.T) {
	w := newWire(t)
	r := newRig(t, Options{HealthEvery: 10 * time.Millisecond, HealthPatience: 200 * time.Millisecond},
		map[string]int{alice: w.port(), bob: serve(t, says("bob's"))})
	asked := make(chan int, 1)
	request := r.request(alice, http.MethodGet, "/insert", nil)
	go func() {
		reply, err := r.client.Do(request)
		if err != nil {
			t.Error(err)
			asked <- 0
			return
		}
		reply.Body.Close()
		asked <- reply.StatusCode
	}()
	r.log.await(t, 1, "hangs")
	if status := <-asked; status != 502 {
		t.Errorf("who waited got %d, want 502", status)
	}
	r.want(alice, "/", 502, badGateway)
	r.want(bob, "/", 200, "bob's")
	r.want("", "/healthz", 200, "degraded\n")

	// It wakes up: what comes is the question how it is, until the answer.
	answered := false
	for !answered {
		c := w.accept()
		request, err := http.ReadRequest(c.in)
		if err != nil {
			continue // one that gave up
		}
		if request.URL.Path != "/livez" && request.URL.Path != "/insert" {
			t.Errorf("%s was sent to a backend that hangs", request.URL.Path)
		}
		if request.URL.Path == "/livez" {
			c.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			answered = strings.Contains(r.log.String(), "answers again")
		}
		c.Close()
	}
	state, wait := r.backendOf(alice).state()
	if state == hangs || wait.Err() != nil {
		t.Errorf("it is said that it %v, %v", state, wait.Err())
	}
}

// TestBegunGoesOn: a reply that has begun is not ended when its backend hangs: it may be
// at work with that.
func TestBegunGoesOn(t *testing.T) {
	w := newWire(t)
	r := newRig(t, Options{HealthEvery: 10 * time.Millisecond, HealthPatience: 400 * time.Millisecond}, map[string]int{alice: w.port()})
	client := r.raw("GET /long HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + alice + "\r\n\r\n")
	var c *wireConn
	for c == nil {
		if next := w.accept(); next.take(t).URL.Path == "/long" {
			c = next
		}
	}
	c.say("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none")
	reply := client.reply(t, http.MethodGet)
	r.log.await(t, 1, "hangs")
	c.say("two")
	if text, err := io.ReadAll(reply.Body); err != nil || string(text) != "onetwo" {
		t.Errorf("%q, %v", text, err)
	}
}

func (r *rig) backendOf(token string) *backend { return r.router.current.Load().find(token) }

// TestHealth: what strangers are told.
func TestHealth(t *testing.T) {
	ready := atomic.Bool{}
	ready.Store(true)
	l, err := net.Listen("tcp", loopback+":0")
	if err != nil {
		t.Fatal(err)
	}
	dead := portOf(t, l)
	l.Close()
	r := newRig(t, Options{Ready: ready.Load}, nil)
	r.want("", "/livez", 200, "ok\n")
	r.want("", "/readyz", 200, "ok\n")
	r.write(map[string]int{alice: dead})
	if err := r.router.Reload(); err != nil {
		t.Fatal(err)
	}
	r.log.await(t, 1, "refuses connections")
	r.want("", "/livez", 200, "ok\n")
	r.want("", "/readyz", 503, "no backend answers\n")
	ready.Store(false)
	r.want("", "/healthz", 503, "draining\n")
	r.want("", "/livez", 200, "ok\n")
	if status, _ := r.call("", http.MethodPost, "/readyz", nil); status != 401 {
		t.Errorf("POST /readyz: %d; it is nobody's", status)
	}
}

// TestReload: a token that was taken away leads nowhere at once, a request under way
// finishes, and what does not load changes nothing.
func TestReload(t *testing.T) {
	began, finish := make(chan struct{}), make(chan struct{})
	slow := serve(t, func(w http.ResponseWriter, request *http.Request) {
		if request.URL.Path == "/slow" {
			close(began)
			<-finish
		}
		io.WriteString(w, "alice's")
	})
	other := serve(t, says("bob's"))
	r := newRig(t, Options{}, map[string]int{alice: slow})
	r.want(alice, "/", 200, "alice's")
	got := make(chan string, 1)
	request := r.request(alice, http.MethodGet, "/slow", nil)
	go func() {
		reply, err := r.client.Do(request)
		if err != nil {
			got <- err.Error()
			return
		}
		defer reply.Body.Close()
		text, _ := io.ReadAll(reply.Body)
		got <- string(text)
	}()
	<-began

	if err := os.WriteFile(r.path, []byte(`{"tenants": [{"token": "x", "port": 0}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.router.Reload(); err == nil || !strings.Contains(err.Error(), "router-config.json:1:") {
		t.Errorf("%v, want an error with its place", err)
	}
	r.want(alice, "/", 200, "alice's")

	r.write(map[string]int{bob: other})
	if err := r.router.Reload(); err != nil {
		t.Fatal(err)
	}
	r.want(alice, "/", 401, `{"error": "Unauthorized - Invalid token"}`)
	r.want(bob, "/", 200, "bob's")
	if got := r.metric(upOf(slow)); got != "" {
		t.Errorf("a backend that is gone has a series: %s", got)
	}
	close(finish)
	if text := <-got; text != "alice's" {
		t.Errorf("the request under way got %q", text)
	}
	r.log.await(t, 3, "backend="+portLabel(&backend{port: uint16(slow)})+" status=200")
	if got := r.metric(`sq_route_requests_total{code="2xx",port="` + portLabel(&backend{port: uint16(slow)}) + `"}`); got != "" {
		t.Errorf("a request that outlived its backend has a series: %s", got)
	}
	for result, want := range map[string]string{"success": "1", "failure": "1"} {
		if got := r.metric(`sq_route_config_reloads_total{result="` + result + `"}`); got != want {
			t.Errorf("%s reloads with %s were counted, want %s", got, result, want)
		}
	}
	r.write(nil)
	if err := r.router.Reload(); err != nil {
		t.Fatal(err)
	}
	r.router.checks.Wait() // nobody asks any more
}

// TestOneMissed: one answer that is missing may be a busy moment.
func TestOneMissed(t *testing.T) {
	w := newWire(t)
	r := newRig(t, Options{HealthPatience: 100 * time.Millisecond}, map[string]int{alice: w.port()})
	w.accept().take(t)
	w.takeCheck()
	if strings.Contains(r.log.String(), "hangs") {
		t.Errorf("one answer was missing:\n%s", r.log)
	}
}

// TestPlacesOfAll: there are so many places, whoever has them.
func TestPlacesOfAll(t *testing.T) {
	p := places{requests: 8, streams: 8}
	var many []*backend
	for range 5 {
		many = append(many, &backend{})
	}
	for i := range 8 {
		if b := many[i/2]; !p.enter(b) {
			t.Fatalf("request %d has no place", i)
		}
	}
	if p.enter(many[0]) || p.enter(many[4]) {
		t.Error("a request has a place that is not there")
	}
	for i := range 8 {
		if b := many[i/2]; !p.flow(b) || !p.enter(b) {
			t.Fatalf("stream %d has no place", i)
		}
	}
	if p.flow(many[0]) {
		t.Error("a stream has a place that is not there")
	}
	p.dry(many[1])
	p.leave(many[2])
	if !p.enter(many[4]) || !p.flow(many[4]) || p.flow(many[2]) {
		t.Error("what is given back is not had by another")
	}
}

// TestPlaces: one backend of two has a quarter of the places, of requests and of
// streams, and the other does not notice when they are taken.
func TestPlaces(t *testing.T) {
	began, finish := make(chan struct{}, 10), make(chan struct{})
	slow := serve(t, func(w http.ResponseWriter, request *http.Request) {
		if request.URL.Path == "/events" {
			w.Header().Set("Content-Type", "text/event-stream")
			w.WriteHeader(200)
			http.NewResponseController(w).Flush()
		}
		began <- struct{}{}
		<-finish
	})
	r := newRig(t, Options{Requests: 8, Streams: 4}, map[string]int{alice: slow, bob: serve(t, says("bob's"))})
	done := make(chan struct{}, 10)
	ask := func(path string) {
		request := r.request(alice, http.MethodGet, path, nil)
		go func() {
			defer func() { done <- struct{}{} }()
			reply, err := r.client.Do(request)
			if err != nil {
				t.Error(err)
				return
			}
			io.Copy(io.Discard, reply.Body)
			reply.Body.Close()
		}()
		<-began
	}
	stream := r.do(r.request(alice, http.MethodGet, "/events", nil)) // which gives its first place back
	<-began
	ask("/1")
	ask("/2")
	r.want(alice, "/3", 503, `{"error": "Service Unavailable - too many requests at work"}`)
	r.want(bob, "/", 200, "bob's")
	if got := r.metric(`sq_route_requests_in_flight{port="` + portLabel(r.backendOf(alice)) + `"}`); got != "2" {
		t.Errorf("%s requests at work, want 2", got)
	}
	close(finish)
	<-done
	<-done
	if reply := r.do(r.request(alice, http.MethodGet, "/4", nil)); reply.StatusCode != 200 {
		t.Errorf("status %d once there are places again", reply.StatusCode)
	}
	stream.Body.Close()
}

// TestManyStreams: there are so many streams of one backend, and no more.
func TestManyStreams(t *testing.T) {
	finish := make(chan struct{})
	port := serve(t, func(w http.ResponseWriter, request *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(200)
		http.NewResponseController(w).Flush()
		<-finish
	})
	r := newRig(t, Options{Streams: 2}, map[string]int{alice: port})
	one, two := r.do(r.request(alice, http.MethodGet, "/", nil)), r.do(r.request(alice, http.MethodGet, "/", nil))
	if one.StatusCode != 200 || two.StatusCode != 200 {
		t.Fatalf("%d and %d", one.StatusCode, two.StatusCode)
	}
	r.want(alice, "/", 503, `{"error": "Service Unavailable - too many streams"}`)
	close(finish)
	for _, reply := range []*http.Response{one, two} {
		if _, err := io.ReadAll(reply.Body); err != nil {
			t.Error(err)
		}
	}
	r.log.await(t, 2, "status=200") // their places are free then
	r.want(alice, "/", 200, "")
}
