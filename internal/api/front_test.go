package api

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// front is a Front on a port that the system picked.
func front(t *testing.T, l Limits, answer http.HandlerFunc) (f *Front, address string) {
	t.Helper()
	f = NewFront(FrontOptions{Handler: answer, Limits: l, Refuse: func(w http.ResponseWriter, status int, message string) {
		http.Error(w, "refused: "+message, status)
	}})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- f.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := errors.Join(f.Shutdown(ctx), <-served); err != nil {
			t.Error(err)
		}
	})
	return f, listener.Addr().String()
}

// says connects, sends a text, and returns what comes until the server closes.
func says(t *testing.T, address, text string) string {
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, text); err != nil {
		t.Error(err)
	}
	reply, err := io.ReadAll(c)
	if err != nil {
		t.Error(err)
	}
	return string(reply)
}

// TestFrontTricks: a request that ends in two places is refused, and what hides in it
// does not come to the handler.
func TestFrontTricks(t *testing.T) {
	seen := make(chan string, 100)
	_, address := front(t, Limits{}, func(w http.ResponseWriter, r *http.Request) { seen <- r.URL.Path })
	for _, trick := range []string{
		"POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /open HTTP/1.1\r\nHost: x\r\nX: y\r\n Z: z\r\n\r\n",
	} {
		if reply := says(t, address, trick); !strings.HasPrefix(reply, "HTTP/1.1 400 ") || !strings.Contains(reply, "refused: request: its end is not certain") {
			t.Errorf("%q is answered %q", trick, reply)
		}
	}
	if len(seen) > 0 {
		t.Errorf("the handler saw %s", <-seen)
	}
}

// TestFrontSlow: who sends a head or a body and then nothing more is cut off; a body
// that comes slowly and a reply that takes long are not.
func TestFrontSlow(t *testing.T) {
	const stall = 200 * time.Millisecond
	failed := make(chan error, 1)
	_, address := front(t, Limits{HeaderTimeout: stall, StallTimeout: stall}, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		if err == nil && r.URL.Path == "/long" {
			for range 4 {
				time.Sleep(stall / 2)
				io.WriteString(w, "piece")
				http.NewResponseController(w).Flush()
			}
		}
		failed <- err
	})
	if reply := says(t, address, "GET / HTTP/1.1\r\nHost"); reply != "" && !strings.HasPrefix(reply, "HTTP/1.1 400 ") {
		t.Errorf("half a head is answered %q", reply)
	}
	says(t, address, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
	if err := <-failed; err != errStalled {
		t.Errorf("half a body ends with %v, want %v", err, errStalled)
	}
	if reply := says(t, address, "GET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); strings.Count(reply, "piece") != 4 {
		t.Errorf("a long reply was cut short: %q", reply)
	}
	<-failed
}

// TestFrontTakenOver: what goes over a connection that a handler took over is nobody
// else's, and does not pile up.
func TestFrontTakenOver(t *testing.T) {
	_, address := front(t, Limits{}, func(w http.ResponseWriter, r *http.Request) {
		c, in, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		io.Copy(c, in)
		if framed := c.(*framedConn); framed.framing.kept != nil || framed.ambiguous.Load() {
			t.Error("it was read as requests")
		}
	})
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(time.Minute))
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\r\n")
	in := bufio.NewReader(c)
	if _, err := http.ReadResponse(in, nil); err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("no request\n ", 10000)
	go func() {
		io.WriteString(c, text)
		c.(*net.TCPConn).CloseWrite()
	}()
	if echo, err := io.ReadAll(in); err != nil || string(echo) != text {
		t.Errorf("%d bytes came back, %v", len(echo), err)
	}
}

// TestFrontWrongToken: the answer to a wrong token waits when there were many, until
// the end at the most.
func TestFrontWrongToken(t *testing.T) {
	var f *Front
	came := make(chan struct{}, 2*guessesFree)
	f, address := front(t, Limits{GuessDelay: time.Hour}, func(w http.ResponseWriter, r *http.Request) {
		came <- struct{}{}
		if !f.WrongToken(r) {
			t.Error("the client has not gone")
		}
		select {
		case <-f.ending:
		default:
			if r.URL.Path == "/waits" {
				t.Error("the answer did not wait")
			}
		}
		w.WriteHeader(http.StatusUnauthorized)
	})
	const rest = " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	for range guessesFree {
		if reply := says(t, address, "GET /"+rest); !strings.HasPrefix(reply, "HTTP/1.1 401 ") {
			t.Fatal(reply)
		}
		<-came
	}
	replies := make(chan string)
	for range 8 { // the first waits a tenth of a second, the next twice as long, and so on
		go func() { replies <- says(t, address, "GET /more"+rest) }()
		<-came
	}
	go func() { replies <- says(t, address, "GET /waits"+rest) }()
	<-came
	if open, idle, most := f.Connections(); open == 0 || open < idle || most < 0 {
		t.Errorf("%d of %d connections are open, %d idle", open, most, idle)
	}
	if err := f.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for range 9 {
		if reply := <-replies; !strings.HasPrefix(reply, "HTTP/1.1 401 ") {
			t.Errorf("%q", reply)
		}
	}
}
