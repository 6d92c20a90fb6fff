package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// backendsOf starts a server for each token, in this process, and returns them with
// the path of a router's configuration.
func backendsOf(t *testing.T, tokens ...string) (servers []*server, config string) {
	t.Helper()
	for _, token := range tokens {
		s := begin(t, map[string]string{"SQ_KEY": token}, "host", "0", "--data-dir", t.TempDir(), "--listen", "127.0.0.1")
		s.listens()
		servers = append(servers, s)
	}
	config = filepath.Join(t.TempDir(), "router-config.json")
	writeRoutes(t, config, tokens, servers)
	return servers, config
}

func writeRoutes(t *testing.T, config string, tokens []string, servers []*server) {
	t.Helper()
	var entries []string
	for i, token := range tokens {
		entries = append(entries, fmt.Sprintf(`{"token": %q, "port": %s, "data_dir": "/srv/sq/%d"}`, token, servers[i].port(), i))
	}
	put(t, config, `{"tenants": [`+strings.Join(entries, ", ")+`]}`)
}

// routes starts a router.
func routes(t *testing.T, config string, args ...string) *server {
	t.Helper()
	s := begin(t, nil, append([]string{"route", config, "0", "--listen", "127.0.0.1"}, args...)...)
	s.listens()
	return s
}

// TestRoute: what a client has from its server it has through the router, and its
// text is with its server alone.
func TestRoute(t *testing.T) {
	servers, config := backendsOf(t, tokenOfAlice, tokenOfBob)
	r := routes(t, config)
	if want := "SQ v0.5.5 - Router\nLoaded 2 tokens for 2 backends from " + config + "\nListening on port " + r.port() + "...\n"; r.stdout.String() != want {
		t.Errorf("prints %q, want %q", r.stdout, want)
	}
	r.want(tokenOfAlice, "GET", "version", "", "0.5.5")
	r.want(tokenOfAlice, "POST", "insert"+at("notes", first), "alice's + text", "Inserted 14 bytes")
	r.want(tokenOfBob, "GET", "insert?p=notes&c=1.1.1;1.1.1;1.1.1&s=bob's+text", "", "Inserted 10 bytes")
	r.want(tokenOfAlice, "GET", "select"+at("notes", first), "", "alice's + text")
	servers[0].want(tokenOfAlice, "GET", "select"+at("notes", first), "", "alice's + text")
	servers[1].want(tokenOfBob, "GET", "select"+at("notes", first), "", "bob's text")
	if status, text := r.call("", "GET", "version", ""); status != 401 || text != `{"error": "Unauthorized - No token provided"}` {
		t.Errorf("without a token: %d %s", status, text)
	}
	if status, text := r.call("invented", "GET", "version", ""); status != 401 || text != `{"error": "Unauthorized - Invalid token"}` {
		t.Errorf("with a wrong token: %d %s", status, text)
	}
	for _, header := range []string{"Authorization: " + tokenOfBob, "authorization: bearer " + tokenOfBob, "x-sq-api-key: " + tokenOfBob} {
		name, value, _ := strings.Cut(header, ": ")
		request, _ := http.NewRequest(http.MethodGet, "http://"+r.address+"/api/v2/toc?p=notes", nil)
		request.Header.Set(name, value)
		if status, text := r.ask(request); status != 200 || text != "* "+first+": bob's text\n" {
			t.Errorf("%s: %d %q", name, status, text)
		}
	}
	// What the server says of itself to a page it says through the router too.
	request, _ := http.NewRequest(http.MethodOptions, "http://"+r.address+"/api/v2/select", nil)
	reply, err := r.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	direct, err := servers[0].client.Do(must(http.NewRequest(http.MethodOptions, "http://"+servers[0].address+"/api/v2/select", nil)))
	if err != nil {
		t.Fatal(err)
	}
	direct.Body.Close()
	for name := range direct.Header {
		if strings.HasPrefix(name, "Access-Control-") && reply.Header.Get(name) != direct.Header.Get(name) {
			t.Errorf("%s: %q, the server has %q", name, reply.Header.Get(name), direct.Header.Get(name))
		}
	}
	if reply.StatusCode != direct.StatusCode {
		t.Errorf("OPTIONS: %d, the server has %d", reply.StatusCode, direct.StatusCode)
	}
	// Behind a proxy nobody is on this machine.
	if status, _ := r.call(tokenOfAlice, "POST", "reload", ""); status != http.StatusForbidden {
		t.Errorf("a reload through the router: %d", status)
	}
	r.stop()
	if log := r.stderr.String(); strings.Contains(log, "invented") || strings.Contains(log, "notes") {
		t.Errorf("the log tells what is not its own:\n%s", log)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// ask makes a request and returns status and text.
func (s *server) ask(request *http.Request) (int, string) {
	s.t.Helper()
	reply, err := s.client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply.StatusCode, string(text)
}

// TestRouteDown: a server that has gone is a 502, the other does not notice, and when
// it is back, so are its answers.
func TestRouteDown(t *testing.T) {
	servers, config := backendsOf(t, tokenOfAlice, tokenOfBob)
	r := routes(t, config)
	port := servers[0].port()
	r.want(tokenOfAlice, "GET", "version", "", "0.5.5")
	servers[0].stop()
	if status, text := r.call(tokenOfAlice, "GET", "version", ""); status != 502 || text != `{"error": "Bad Gateway"}` {
		t.Errorf("%d %s", status, text)
	}
	r.want(tokenOfBob, "GET", "version", "", "0.5.5")
	r.await(r.stderr, regexp.MustCompile(`backend does not answer" port=`+port))
	if status, text := r.ask(must(http.NewRequest(http.MethodGet, "http://"+r.address+"/readyz", nil))); status != 200 || text != "degraded\n" {
		t.Errorf("/readyz: %d %q", status, text)
	}
	again := begin(t, map[string]string{"SQ_KEY": tokenOfAlice}, "host", port, "--data-dir", t.TempDir(), "--listen", "127.0.0.1")
	again.listens()
	r.want(tokenOfAlice, "GET", "version", "", "0.5.5")
}

// TestRouteReloads: the file is read again at SIGHUP and when it has changed, all of it
// or nothing.
func TestRouteReloads(t *testing.T) {
	servers, config := backendsOf(t, tokenOfAlice, tokenOfBob)
	r := routes(t, config)
	put(t, config, `{"tenants": [{"token": "x"}]}`)
	r.signal(syscall.SIGHUP)
	r.await(r.stderr, regexp.MustCompile(`configuration not reloaded; what was loaded before stays in force" error=".*router-config.json:1:14: \\"port\\" is missing; add it"`))
	r.want(tokenOfAlice, "GET", "version", "", "0.5.5")

	put(t, config, `{"tenants": [{"token": "x", "port": `+r.port()+`}]}`)
	r.signal(syscall.SIGHUP)
	r.await(r.stderr, regexp.MustCompile(`port is the router's own`))

	writeRoutes(t, config, []string{tokenOfAlice, "invented-new"}, servers)
	r.await(r.stderr, regexp.MustCompile(`configuration reloaded" file=\S+ tokens=2 backends=2`)) // by itself
	if status, _ := r.call(tokenOfBob, "GET", "version", ""); status != 401 {
		t.Errorf("a token that was taken away: %d", status)
	}
	// It leads to bob's server, which has the last word.
	if status, text := r.call("invented-new", "GET", "version", ""); status != 401 || text != "Unauthorized" {
		t.Errorf("a token that the server does not know: %d %q", status, text)
	}
	r.want(tokenOfAlice, "GET", "version", "", "0.5.5")
}

// TestRouteEnds: a request under way finishes, and a stream does not hold the end up.
func TestRouteEnds(t *testing.T) {
	events := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/api/v2/watch", func(w http.ResponseWriter, request *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: 1\n\n")
		http.NewResponseController(w).Flush()
		<-request.Context().Done()
		close(events)
	})
	slow, finish := make(chan struct{}), make(chan struct{})
	mux.HandleFunc("/api/v2/slow", func(w http.ResponseWriter, request *http.Request) {
		close(slow)
		<-finish
		io.WriteString(w, "done")
	})
	mux.HandleFunc("/livez", func(w http.ResponseWriter, request *http.Request) {})
	backend := newHTTP(t, mux)
	config := write(t, "router-config.json", `{"tenants": [{"token": "`+tokenOfAlice+`", "port": `+strconv.Itoa(backend)+`}]}`)
	r := routes(t, config)

	stream, err := r.client.Do(withToken(r, "watch"))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	lines := bufio.NewReader(stream.Body)
	if line, err := lines.ReadString('\n'); line != "data: 1\n" {
		t.Fatalf("%q, %v", line, err)
	}
	got := make(chan string, 1)
	go func() {
		reply, err := r.client.Do(withToken(r, "slow"))
		if err != nil {
			got <- err.Error()
			return
		}
		defer reply.Body.Close()
		text, _ := io.ReadAll(reply.Body)
		got <- string(text)
	}()
	<-slow
	r.signal(os.Signal(syscall.SIGTERM))
	if _, err := io.ReadAll(lines); err == nil {
		t.Error("the stream that was ended looks whole")
	}
	<-events // the server hears of it
	close(finish)
	if text := <-got; text != "done" {
		t.Errorf("the request under way got %q", text)
	}
	r.client.CloseIdleConnections()
	if status := r.ends(); status != exitOK {
		t.Errorf("exit status %d:\n%s", status, r.stderr)
	}
}

func withToken(s *server, what string) *http.Request {
	request := must(http.NewRequest(http.MethodGet, "http://"+s.address+"/api/v2/"+what, nil))
	request.Header.Set("Authorization", "Bearer "+tokenOfAlice)
	return request
}

// TestRouteMetrics: what is counted is shown on an address of its own, and stands in
// the documentation with the same words; clients make no series.
func TestRouteMetrics(t *testing.T) {
	servers, config := backendsOf(t, tokenOfAlice)
	metrics := freePort(t)
	r := routes(t, config, "--metrics-listen", "127.0.0.1:"+metrics, "--access-log")
	r.want(tokenOfAlice, "GET", "version", "", "0.5.5")
	r.call("invented", "GET", "version", "")
	r.call(tokenOfAlice, "GET", "no-such-path", "")
	_, text := r.ask(must(http.NewRequest(http.MethodGet, "http://127.0.0.1:"+metrics+"/metrics", nil)))
	for _, line := range []string{
		`sq_route_backend_up{port="PORT"} 1`, `sq_route_requests_total{code="2xx",port="PORT"} 1`, `sq_route_requests_total{code="4xx",port="PORT"} 1`,
		`sq_route_requests_refused_total{reason="token"} 1`, `sq_route_requests_in_flight{port="PORT"} 0`, `sq_route_tokens 1`,
	} {
		if line = strings.Replace(line, "PORT", servers[0].port(), 1); !strings.Contains(text, line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
	page := read(t, "../../doc/route.md")
	for _, m := range regexp.MustCompile(`(?m)^# HELP (sq_route_\w+) (.*)$`).FindAllStringSubmatch(text, -1) {
		if row := regexp.MustCompile("(?m)^\\| `" + m[1] + "` \\| .* \\| " + regexp.QuoteMeta(m[2]) + " \\|$"); !row.MatchString(page) {
			t.Errorf("doc/route.md has no row for %s: %s", m[1], m[2])
		}
	}
	if status, _ := r.ask(must(http.NewRequest(http.MethodGet, "http://"+r.address+"/metrics", nil))); status != 401 {
		t.Errorf("strangers ask for /metrics and get %d", status)
	}
	r.logs("msg=request method=GET backend="+servers[0].port()+" status=200 bytes=5", "backend=0 status=401")
}

// TestRouteTLS: TLS is spoken to clients, and the backend hears of it.
func TestRouteTLS(t *testing.T) {
	heard := make(chan string, 10)
	backend := newHTTP(t, http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.URL.Path != "/livez" {
			heard <- request.Header.Get("X-Forwarded-Proto")
		}
	}))
	config := write(t, "router-config.json", `{"tenants": [{"token": "`+tokenOfAlice+`", "port": `+strconv.Itoa(backend)+`}]}`)
	id := newIdentity(t, t.TempDir())
	client := secretClient(t, id.pool, "sq.example.org")
	r := routes(t, config, "--tls-cert", id.certFile, "--tls-key", id.keyFile)
	request := must(http.NewRequest(http.MethodGet, "https://"+r.address+"/", nil))
	request.Header.Set("X-SQ-API-Key", tokenOfAlice)
	reply, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	if proto := <-heard; reply.StatusCode != 200 || proto != "https" {
		t.Errorf("%d, the backend hears of %q", reply.StatusCode, proto)
	}
}

// newHTTP starts a server that is none of ours, and returns its port.
func newHTTP(t *testing.T, h http.Handler) int {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().(*net.TCPAddr).Port
}

// freePort returns a port that nobody has at the moment.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// TestRoutePage does what doc/route.md begins with, on ports that the system picks.
func TestRoutePage(t *testing.T) {
	page := read(t, root+"/doc/route.md")
	t.Chdir(t.TempDir())
	hosts := regexp.MustCompile(`^SQ_KEY=(\S+) sq host (\d+) --data-dir (\w+) &$`)
	var (
		ports  []string // pairs: of the page, and of the server
		router *server
		done   int
	)
	for _, step := range consoleSteps(page) {
		switch host := hosts.FindStringSubmatch(step.command); {
		case host != nil:
			s := begin(t, map[string]string{"SQ_KEY": host[1]}, "host", "0", "--data-dir", host[3], "--listen", "127.0.0.1")
			s.listens()
			ports = append(ports, host[2], s.port())
		case step.command == "cat router-config.json":
			put(t, "router-config.json", strings.NewReplacer(ports...).Replace(step.reply))
		case step.command == "sq route &":
			router = routes(t, "router-config.json")
			if got := strings.Replace(router.stdout.String(), "port "+router.port(), "port 1337", 1); got != step.reply {
				t.Errorf("prints %q, and the page says %q", got, step.reply)
			}
		case strings.HasPrefix(step.command, "curl "):
			router.does("", step)
		default:
			continue
		}
		done++
	}
	if done != 6 {
		t.Errorf("%d steps of the page were done, want 6", done)
	}
}
