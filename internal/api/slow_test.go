package api

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// trickle sends a text a byte at a time, again and again from a place in it on,
// until the connection is cut, and returns what was answered. It never stands
// still.
func (r *rig) trickle(text string, again int) string {
	c, err := r.connect()
	if err != nil {
		r.t.Error(err)
		return ""
	}
	defer c.Close()
	answer := make(chan string, 1)
	go func() {
		reply, _ := io.ReadAll(c)
		answer <- string(reply)
	}()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		if i == len(text) {
			i = again
		}
		select {
		case reply := <-answer:
			return reply
		case <-tick.C:
			io.WriteString(c, text[i:i+1]) // it may be cut by now
		}
	}
}

// TestSlowHeaders: who never stops sending a head, and never ends it, is cut off
// all the same, and nobody else waits for that.
func TestSlowHeaders(t *testing.T) { overBoth(t, slowHeaders) }

func slowHeaders(t *testing.T, newRig rigMaker) {
	const each = 10
	r := newRig(t, twoTenants, Options{Many: true, Limits: Limits{HeaderTimeout: time.Second, Requests: 4 * each}})
	start := "GET /api/v2/version HTTP/1.1\r\nHost: localhost\r\nAuthorization: bob's\r\n"
	var slow sync.WaitGroup
	for what, c := range map[string]struct {
		text  string
		again int
		want  string // begins the first reply
	}{
		"a request line": {"GET /api/v2/version?" + "x", len("GET /api/v2/version?"), ""},
		"a header":       {start + "X: y", len(start) + 3, ""},
		"headers":        {start + "X: y\r\n", len(start), ""},
		"a second head":  {start + "\r\n" + start + "X: y\r\n", 2*len(start) + 2, "HTTP/1.1 200"},
	} {
		for range each {
			slow.Go(func() {
				if reply := r.trickle(c.text, c.again); !strings.HasPrefix(reply, c.want) || c.want == "" && strings.HasPrefix(reply, "HTTP/1.1 200") {
					t.Errorf("%s: %q", what, reply)
				}
			})
		}
	}
	r.workBeside(t, &slow)
}

// workBeside has alice work until all others have been let go.
func (r *rig) workBeside(t *testing.T, others *sync.WaitGroup) {
	t.Helper()
	gone := make(chan struct{})
	go func() {
		others.Wait()
		close(gone)
	}()
	for requests := 0; ; requests++ {
		if reply, text := r.send(post("/api/v2/insert?p=notes"+at, "x")); reply.StatusCode != http.StatusOK {
			t.Errorf("alice's request %d: %d %q", requests, reply.StatusCode, text)
		}
		select {
		case <-gone:
			t.Logf("alice made %d requests beside them", requests+1)
			return
		default:
		}
	}
}

// TestSlowBodies: who stands still in a body is cut off, with and without a token,
// and so is who sends one slowly and has no token. A tenant holds its own slots
// with them and no more, so that the others work on.
func TestSlowBodies(t *testing.T) { overBoth(t, slowBodies) }

func slowBodies(t *testing.T, newRig rigMaker) {
	const quarter = 8
	r := newRig(t, twoTenants, Options{Many: true, Limits: Limits{StallTimeout: 500 * time.Millisecond, Requests: 4 * quarter}})
	insert := "POST /api/v2/insert?p=notes" + at + " HTTP/1.1\r\nHost: localhost\r\n"
	var slow sync.WaitGroup
	waits := func(text string) { // for an answer, and sends no more
		c, in := r.dial(text)
		slow.Go(func() {
			defer c.Close()
			for reply, err := http.ReadResponse(in, nil); err == nil; reply, err = http.ReadResponse(in, nil) {
				io.Copy(io.Discard, reply.Body)
				if reply.StatusCode != http.StatusRequestTimeout && reply.StatusCode != http.StatusUnauthorized && reply.StatusCode != http.StatusContinue {
					t.Errorf("%v to %.200q", reply.Status, text)
				}
			}
		})
	}
	for range quarter / 2 {
		waits(insert + "Authorization: bob's\r\nContent-Length: 60000000\r\n\r\nx")
		waits(insert + "Authorization: bob's\r\nTransfer-Encoding: chunked\r\n\r\n100\r\nx")
		for _, length := range []string{"Content-Length: 1000", "Content-Length: 60000000", "Transfer-Encoding: chunked"} {
			waits(insert + "Authorization: guessed\r\n" + length + "\r\n\r\n")
			slow.Go(func() {
				if reply := r.trickle(insert+length+"\r\n\r\n1\r\nx\r\n", len(insert+length)+4); !strings.HasPrefix(reply, "HTTP/1.1 401") {
					t.Errorf("a stranger is answered %q", reply)
				}
			})
		}
	}
	r.workBeside(t, &slow)
	if r.exists("bob", "notes") {
		t.Error("half a body was written")
	}
}
