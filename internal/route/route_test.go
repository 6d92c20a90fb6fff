package route

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestTokens: a token leads to its backend and to no other; who shows none, a wrong
// one or two is told so by the router.
func TestTokens(t *testing.T) {
	r := newRig(t, Options{}, map[string]int{
		alice: serve(t, says("alice's")),
		bob:   serve(t, says("bob's")),
	})
	r.want(alice, "/api/v2/version", 200, "alice's")
	r.want(bob, "/", 200, "bob's")
	r.want("", "/api/v2/version", 401, `{"error": "Unauthorized - No token provided"}`)
	r.want("invented", "/api/v2/version", 401, `{"error": "Unauthorized - Invalid token"}`)

	two := r.request(alice, http.MethodGet, "/", nil)
	two.Header.Set("X-SQ-API-Key", bob)
	reply := r.do(two)
	text, _ := io.ReadAll(reply.Body)
	if reply.StatusCode != 401 || string(text) != `{"error": "Unauthorized - Invalid token"}` {
		t.Errorf("two tokens: %d %s", reply.StatusCode, text)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Access-Control-Allow-Origin": "*", "Www-Authenticate": "Bearer",
		"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
	} {
		if got := reply.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := r.metric(`sq_route_requests_refused_total{reason="token"}`); got != "2" {
		t.Errorf("%s requests with a wrong token were counted, want 2", got)
	}
}

// TestGone: where the client left while its answer was held back, nothing is sent.
func TestGone(t *testing.T) {
	r := newRig(t, Options{WrongToken: func(*http.Request) bool { return false }}, nil)
	if _, err := r.client.Do(r.request("invented", http.MethodGet, "/", nil)); !errors.Is(err, io.EOF) {
		t.Errorf("%v, want EOF", err)
	}
}

// TestOptions: a browser asks without a token whether it may ask.
func TestOptions(t *testing.T) {
	r := newRig(t, Options{MayAsk: func(h http.Header) { h.Set("Access-Control-Max-Age", "1") }}, nil)
	reply := r.do(r.request("", http.MethodOptions, "/api/v2/select", nil))
	if reply.StatusCode != http.StatusNoContent || reply.Header.Get("Access-Control-Max-Age") != "1" {
		t.Errorf("%d %v", reply.StatusCode, reply.Header)
	}
}

// TestAsItCame: path, query, host and token reach the backend byte for byte; what
// is between two neighbours only does not; and the client tells nothing of itself
// that is for the router to tell.
func TestAsItCame(t *testing.T) {
	for _, trusted := range []bool{false, true} {
		w := newWire(t)
		r := newRig(t, Options{TrustForwarded: trusted}, map[string]int{alice: w.port()})
		w.takeCheck()
		const target = `/api/v2/sel%65ct//x;y?p=n%20o&c=1.1.1;1.1.1;1.1.1&s=a+b%zz&&;=`
		head := "GET " + target + " HTTP/1.1\r\n" +
			"Host: sq.example.org:8080\r\n" +
			"Authorization: Bearer " + alice + "\r\n" +
			"X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\n" +
			"X-Forwarded-Port: 99\r\nX-Real-IP: 203.0.113.8\r\nForwarded: for=203.0.113.9\r\n" +
			"Connection: X-Private, keep-alive\r\nX-Private: 1\r\nKeep-Alive: 9\r\nTE: trailers\r\nProxy-Authorization: no\r\n" +
			"If-Match: \"x\"\r\n\r\n"
		client := r.raw(head)
		c := w.accept()
		got := c.take(t)
		if got.RequestURI != target || got.Host != "sq.example.org:8080" {
			t.Errorf("%s at %s, want %s at sq.example.org:8080", got.RequestURI, got.Host, target)
		}
		want := http.Header{
			"Authorization": {"Bearer " + alice}, "If-Match": {`"x"`}, "Te": {"trailers"},
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"sq.example.org:8080"}, "X-Forwarded-Proto": {"http"},
		}
		if trusted {
			want["X-Forwarded-For"] = []string{"203.0.113.7, 127.0.0.1"}
			want["X-Forwarded-Host"], want["X-Forwarded-Proto"] = []string{"evil.example"}, []string{"https"}
			want["Forwarded"], want["X-Forwarded-Port"], want["X-Real-Ip"] = []string{"for=203.0.113.9"}, []string{"99"}, []string{"203.0.113.8"}
		}
		for name, values := range got.Header {
			if !slices.Equal(values, want[name]) {
				t.Errorf("trusted %v: %s is %q, want %q", trusted, name, values, want[name])
			}
			delete(want, name)
		}
		if len(want) > 0 {
			t.Errorf("trusted %v: missing: %v", trusted, want)
		}
		c.say("HTTP/1.1 299 Fine\r\nContent-Length: 2\r\nX-Reply: 1\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\nok")
		reply := client.reply(t, http.MethodGet)
		if reply.StatusCode != 299 || reply.Header.Get("X-Reply") != "1" || reply.Header.Get("X-Hop") != "" {
			t.Errorf("%d %v", reply.StatusCode, reply.Header)
		}
	}
}

// rawClient is a client that is a test.
type rawClient struct {
	net.Conn
	in *bufio.Reader
}

// raw connects and sends a text.
func (r *rig) raw(text string) *rawClient {
	r.t.Helper()
	c, err := net.Dial("tcp", r.server.Listener.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(timeout())
	if _, err := io.WriteString(c, text); err != nil {
		r.t.Fatal(err)
	}
	return &rawClient{c, bufio.NewReader(c)}
}

func (c *rawClient) reply(t *testing.T, method string) *http.Response {
	t.Helper()
	reply, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// TestSentOnce: a request goes to the backend once, even where the connection that it
// went over was used before and breaks before the reply. http.Transport would send
// some of these again.
func TestSentOnce(t *testing.T) {
	for _, row := range []struct{ method, header, body string }{
		{http.MethodGet, "", ""},
		{http.MethodHead, "", ""},
		{http.MethodTrace, "", ""},
		{http.MethodDelete, "", ""},
		{http.MethodPost, "", ""},
		{http.MethodPost, "Idempotency-Key: 1\r\n", ""},
		{http.MethodPost, "X-Idempotency-Key: 1\r\n", ""},
		{http.MethodPost, "Idempotency-Key: 1\r\nContent-Length: 0\r\n", ""},
		{http.MethodPost, "Idempotency-Key: 1\r\nContent-Length: 4\r\n", "text"},
		{http.MethodGet, "Content-Length: 4\r\n", "text"},
		{http.MethodPut, "Transfer-Encoding: chunked\r\nIdempotency-Key: 1\r\n", "4\r\ntext\r\n0\r\n\r\n"},
	} {
		t.Run(strings.TrimSpace(row.method+" "+strings.ReplaceAll(row.header, "\r\n", " ")), func(t *testing.T) {
			w := newWire(t)
			r := newRig(t, Options{}, map[string]int{alice: w.port()})
			w.takeCheck()
			const host = " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + alice + "\r\n"
			client := r.raw("GET /first" + host + "\r\n")
			c := w.accept()
			c.take(t)
			c.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			client.reply(t, http.MethodGet)

			io.WriteString(client, row.method+" /insert"+host+row.header+"\r\n"+row.body)
			got := c.take(t) // so the connection was used again
			if text, _ := io.ReadAll(got.Body); got.RequestURI != "/insert" || strings.Trim(row.body, "4\r\n0") != string(text) {
				t.Errorf("%s %q", got.RequestURI, text)
			}
			if row.body == "" && (len(got.TransferEncoding) > 0 || got.ContentLength > 0) {
				t.Errorf("a body was made up: %v, %d bytes", got.TransferEncoding, got.ContentLength)
			}
			c.Close()
			// What comes now is the question how it is, and nothing else.
			next := w.accept()
			if got := next.take(t); got.URL.Path != "/livez" {
				t.Fatalf("%s was sent again", got.RequestURI)
			}
			next.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			if reply := client.reply(t, row.method); reply.StatusCode != http.StatusBadGateway {
				t.Errorf("status %d, want 502", reply.StatusCode)
			}
			select {
			case c := <-w.conns:
				t.Errorf("%s was sent again", c.take(t).RequestURI)
				c.Close()
			default:
			}
		})
	}
}

// TestBreaksOff: a reply that the backend does not end is not ended by the router
// either.
func TestBreaksOff(t *testing.T) {
	for name, head := range map[string]string{
		"length": "Content-Length: 100\r\n\r\npart",
		"chunks": "Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t)
			r := newRig(t, Options{}, map[string]int{alice: w.port()})
			w.takeCheck()
			request := r.request(alice, http.MethodGet, "/", nil)
			got := make(chan error, 1)
			go func() {
				reply, err := r.client.Do(request)
				if err == nil {
					_, err = io.ReadAll(reply.Body)
					reply.Body.Close()
				}
				got <- err
			}()
			c := w.accept()
			c.take(t)
			c.say("HTTP/1.1 200 OK\r\n" + head)
			c.Close()
			if err := <-got; err == nil {
				t.Error("the reply looks whole")
			}
			r.log.await(t, 1, "broken=true")
		})
	}
}

// TestStreamsUp: the backend has the first part of a body before the client sends the
// second.
func TestStreamsUp(t *testing.T) {
	came := make(chan string)
	r := newRig(t, Options{}, map[string]int{alice: serve(t, func(w http.ResponseWriter, request *http.Request) {
		lines := bufio.NewReader(request.Body)
		for range 2 {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Error(err)
			}
			came <- line
		}
	})})
	in, out := io.Pipe()
	done := make(chan int, 1)
	request := r.request(alice, http.MethodPost, "/", in)
	go func() {
		reply, err := r.client.Do(request)
		if err != nil {
			t.Error(err)
			done <- 0
			return
		}
		reply.Body.Close()
		done <- reply.StatusCode
	}()
	for _, line := range []string{"one\n", "two\n"} {
		io.WriteString(out, line)
		if got := <-came; got != line {
			t.Errorf("%q came, want %q", got, line)
		}
	}
	out.Close()
	if status := <-done; status != 200 {
		t.Errorf("status %d", status)
	}
}

// TestEvents: an event is with the client before the backend sends the next, and the
// streams end when the router does.
func TestEvents(t *testing.T) {
	next := make(chan string)
	gone := make(chan struct{}, 2)
	port := serve(t, func(w http.ResponseWriter, request *http.Request) {
		defer func() { gone <- struct{}{} }()
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		w.WriteHeader(http.StatusOK)
		for {
			http.NewResponseController(w).Flush()
			select {
			case text := <-next:
				io.WriteString(w, text)
			case <-request.Context().Done():
				return
			}
		}
	})
	r := newRig(t, Options{}, map[string]int{alice: port})
	reply := r.do(r.request(alice, http.MethodGet, "/watch", nil)) // the headers, before any event
	lines := bufio.NewReader(reply.Body)
	for _, want := range []string{"data: 1\n", "data: 2\n"} {
		next <- want
		if line, err := lines.ReadString('\n'); line != want {
			t.Fatalf("%q, %v", line, err)
		}
	}
	if got := r.metric(`sq_route_streams{port="` + portLabel(&backend{port: uint16(port)}) + `"}`); got != "1" {
		t.Errorf("%q streams, want 1", got)
	}
	r.router.EndStreams()
	if _, err := lines.ReadString('\n'); err == nil || err == io.EOF {
		t.Errorf("the stream ended with %v; it looks whole", err)
	}
	<-gone
	// From here on none begins.
	if reply, err := r.client.Do(r.request(alice, http.MethodGet, "/watch", nil)); err == nil {
		t.Errorf("status %d for a stream after the end", reply.StatusCode)
		reply.Body.Close()
	}
}

// TestUpgrade: both sides of a connection that was upgraded, as for WebSocket, say what
// they like, when they like; each hears when the other has gone.
func TestUpgrade(t *testing.T) {
	const upgrade = "GET /socket HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + alice + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
	for _, ends := range []string{"client", "backend", "router"} {
		t.Run(ends, func(t *testing.T) {
			w := newWire(t)
			r := newRig(t, Options{}, map[string]int{alice: w.port()})
			w.takeCheck()
			client := r.raw(upgrade)
			c := w.accept()
			if got := c.take(t); got.Header.Get("Upgrade") != "websocket" || got.Header.Get("Connection") != "Upgrade" {
				t.Fatalf("%v", got.Header)
			}
			c.say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello\n")
			if reply := client.reply(t, http.MethodGet); reply.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("status %d", reply.StatusCode)
			}
			says := func(to io.Writer, at *bufio.Reader, text string) {
				t.Helper()
				io.WriteString(to, text)
				if line, err := at.ReadString('\n'); line != text {
					t.Fatalf("%q, %v, want %q", line, err, text)
				}
			}
			says(io.Discard, client.in, "hello\n")
			says(client, c.in, "GET / HTTP/1.1\n") // which is no request here
			says(c, client.in, "\x00\xff\n")
			says(client, c.in, "more\n")
			switch ends {
			case "client":
				client.Close()
			case "backend":
				c.Close()
			case "router":
				r.router.EndStreams()
			}
			if _, err := c.in.ReadByte(); err == nil {
				t.Error("the backend does not hear of the end")
			}
			if _, err := client.in.ReadByte(); err == nil {
				t.Error("the client does not hear of the end")
			}
			client.Close()
			c.Close()
			r.log.await(t, 1, "status=101")
		})
	}
}

// TestBetween: trailers of both sides and informational replies go through.
func TestBetween(t *testing.T) {
	r := newRig(t, Options{}, map[string]int{alice: serve(t, func(w http.ResponseWriter, request *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del("Link")
		io.Copy(io.Discard, request.Body)
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "text")
		w.Header().Set("X-Sum", request.Trailer.Get("X-Sum")+"!")
	})})
	client := r.raw("POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + alice + "\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"4\r\ntext\r\n0\r\nX-Sum: 42\r\n\r\n")
	early := client.reply(t, http.MethodPost)
	if early.StatusCode != http.StatusEarlyHints || early.Header.Get("Link") != "</style.css>" {
		t.Errorf("%d %v", early.StatusCode, early.Header)
	}
	reply := client.reply(t, http.MethodPost)
	text, err := io.ReadAll(reply.Body)
	if err != nil || string(text) != "text" || reply.Trailer.Get("X-Sum") != "42!" || reply.Header.Get("Link") != "" {
		t.Errorf("%q, %v, trailer %v, header %v", text, err, reply.Trailer, reply.Header)
	}
}

// TestExpect: a client that waits for leave to send its body gets that of the backend,
// or its refusal, when that says that the connection ends: otherwise the body has to go
// on, since the next request stands behind it.
func TestExpect(t *testing.T) {
	w := newWire(t)
	r := newRig(t, Options{}, map[string]int{alice: w.port()})
	w.takeCheck()
	const head = "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + alice + "\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
	client := r.raw(head)
	c := w.accept()
	if request, err := http.ReadRequest(c.in); err != nil || request.Header.Get("Expect") != "100-continue" {
		t.Fatalf("%v, %v", request, err)
	}
	c.say("HTTP/1.1 100 Continue\r\n\r\n")
	if reply := client.reply(t, http.MethodPost); reply.StatusCode != http.StatusContinue {
		t.Fatalf("status %d, want 100", reply.StatusCode)
	}
	io.WriteString(client, "text")
	text := make([]byte, 4)
	if _, err := io.ReadFull(c.in, text); err != nil || string(text) != "text" {
		t.Fatalf("%q, %v", text, err)
	}
	c.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	if reply := client.reply(t, http.MethodPost); reply.StatusCode != http.StatusOK {
		t.Errorf("status %d, want 200 and no second 100", reply.StatusCode)
	}

	io.WriteString(client, head)
	if _, err := http.ReadRequest(c.in); err != nil {
		t.Fatal(err)
	}
	c.say("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	if reply := client.reply(t, http.MethodPost); reply.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413 and no 100", reply.StatusCode)
	}
}

// TestBody: a body that the client does not end is not the fault of the backend.
func TestBody(t *testing.T) {
	w := newWire(t)
	r := newRig(t, Options{}, map[string]int{alice: w.port()})
	w.takeCheck()
	client := r.raw("POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + alice + "\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntext\r\nno chunk\r\n")
	if reply := client.reply(t, http.MethodPost); reply.StatusCode == http.StatusBadGateway || reply.StatusCode < 400 || reply.StatusCode >= 500 {
		t.Errorf("status %d, want one that blames the client", reply.StatusCode)
	}
	if got := r.metric(`sq_route_requests_refused_total{reason="body"}`); got != "1" {
		t.Errorf("%s were counted, want 1", got)
	}
}

// TestManyAtOnce: tokens and backends are not mixed up, whatever is reloaded meanwhile.
func TestManyAtOnce(t *testing.T) {
	leads := map[string]int{alice: serve(t, says("alice's")), bob: serve(t, says("bob's"))}
	r := newRig(t, Options{}, leads)
	ctx, stop := context.WithCancel(context.Background())
	var reloading, asking sync.WaitGroup
	reloading.Go(func() {
		for ctx.Err() == nil {
			if err := r.router.Reload(); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 8 {
		token, want := alice, "alice's"
		if i%2 == 1 {
			token, want = bob, "bob's"
		}
		asking.Go(func() {
			for range 100 {
				r.want(token, "/", 200, want)
			}
		})
	}
	asking.Wait()
	stop()
	reloading.Wait()
}
