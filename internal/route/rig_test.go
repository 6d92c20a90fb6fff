package route

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what has to come.
const patience = 30 * time.Second

const (
	alice = "invented-token-of-alice"
	bob   = "invented-token-of-bob"
)

// rig is a router on a port that the system picked.
type rig struct {
	t      *testing.T
	router *Router
	path   string // of the configuration
	server *httptest.Server
	client *http.Client
	log    *logbook
}

// newRig starts a router for what leads where.
func newRig(t *testing.T, o Options, leads map[string]int) *rig {
	t.Helper()
	r := &rig{t: t, path: filepath.Join(t.TempDir(), "router-config.json"), log: newLogbook()}
	r.write(leads)
	o.Logger = slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Token = bearer
	if o.HealthEvery == 0 {
		o.HealthEvery = time.Hour // only the first question, and those after failures
	}
	var err error
	if r.router, err = Open(r.path, o); err != nil {
		t.Fatal(err)
	}
	r.server = httptest.NewServer(r.router)
	r.client = &http.Client{Transport: &http.Transport{DisableCompression: true}}
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		r.router.EndStreams()
		r.server.Close()
		r.router.Close()
	})
	return r
}

// bearer reads a token as the tests show it.
func bearer(h http.Header) (string, bool) {
	token, ok := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	return token, ok && len(h["X-Sq-Api-Key"]) == 0
}

// write writes the configuration.
func (r *rig) write(leads map[string]int) {
	r.t.Helper()
	var entries []string
	for token, port := range leads {
		entries = append(entries, fmt.Sprintf(`{"token": %q, "port": %d, "data_dir": "/nowhere"}`, token, port))
	}
	text := `{"tenants": [` + strings.Join(entries, ",\n") + `]}`
	if err := os.WriteFile(r.path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// request makes a request that shows a token.
func (r *rig) request(token, method, path string, body io.Reader) *http.Request {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r.t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, method, r.server.URL+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return request
}

// do sends a request and returns the reply, whose body is closed after the test.
func (r *rig) do(request *http.Request) *http.Response {
	r.t.Helper()
	reply, err := r.client.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { reply.Body.Close() })
	return reply
}

// call sends a request and returns status and text.
func (r *rig) call(token, method, path string, body io.Reader) (int, string) {
	r.t.Helper()
	reply := r.do(r.request(token, method, path, body))
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return reply.StatusCode, string(text)
}

// want holds the reply to a GET to a status and a text.
func (r *rig) want(token, path string, status int, text string) {
	r.t.Helper()
	if gotStatus, got := r.call(token, http.MethodGet, path, nil); gotStatus != status || got != text {
		r.t.Errorf("GET %s as %q: %d %q, want %d %q", path, token, gotStatus, got, status, text)
	}
}

const badGateway = `{"error": "Bad Gateway"}`

// serve starts a backend that is well, and returns its port.
func serve(t *testing.T, answer http.HandlerFunc) int {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("/", answer)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return portOf(t, s.Listener)
}

func portOf(t *testing.T, l net.Listener) int {
	t.Helper()
	return l.Addr().(*net.TCPAddr).Port
}

// says is a backend that says who it is.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

// wire is a backend that a test is, connection by connection. It answers nothing by
// itself.
type wire struct {
	t     *testing.T
	l     net.Listener
	conns chan *wireConn
	done  sync.WaitGroup
}

type wireConn struct {
	net.Conn
	in *bufio.Reader
}

func newWire(t *testing.T) *wire {
	t.Helper()
	l, err := net.Listen("tcp", loopback+":0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, l: l, conns: make(chan *wireConn, 100)}
	w.done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(patience))
			w.conns <- &wireConn{c, bufio.NewReader(c)}
		}
	})
	t.Cleanup(func() {
		l.Close()
		w.done.Wait()
		close(w.conns)
		for c := range w.conns {
			c.Close()
		}
	})
	return w
}

func (w *wire) port() int { return portOf(w.t, w.l) }

// accept returns the next connection, which is closed after the test.
func (w *wire) accept() *wireConn {
	w.t.Helper()
	select {
	case c := <-w.conns:
		w.t.Cleanup(func() { c.Close() })
		return c
	case <-time.After(patience):
		w.t.Fatal("nobody comes")
		return nil
	}
}

// takeCheck answers the question that a new backend is asked first.
func (w *wire) takeCheck() {
	w.t.Helper()
	c := w.accept()
	c.take(w.t)
	c.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	c.Close()
}

// take reads a request with its body.
func (c *wireConn) take(t *testing.T) *http.Request {
	t.Helper()
	request, err := http.ReadRequest(c.in)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		t.Fatal(err)
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	return request
}

func (c *wireConn) say(text string) { io.WriteString(c, text) }

// logbook is a log that tests wait for lines in.
type logbook struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func newLogbook() *logbook { return &logbook{changed: make(chan struct{})} }

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// await waits for so many lines that have a text.
func (l *logbook) await(t *testing.T, n int, what string) {
	t.Helper()
	limit := time.After(patience)
	for {
		l.mu.Lock()
		got, changed := strings.Count(l.text.String(), what), l.changed
		l.mu.Unlock()
		if got >= n {
			return
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("waited in vain for %d lines with %q:\n%s", n, what, l)
		}
	}
}

// metric returns the value of a series, and "" where there is none.
func (r *rig) metric(series string) string {
	r.t.Helper()
	w := httptest.NewRecorder()
	r.router.Metrics().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if value, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// upOf returns the series that tells whether a backend answers.
func upOf(port int) string { return `sq_route_backend_up{port="` + strconv.Itoa(port) + `"}` }
