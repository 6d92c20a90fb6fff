package load_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wbic16/sq-go/internal/load"
)

// says starts a server that gives each connection the same answers, one for each
// request, and then closes it.
func says(t *testing.T, answers ...string) (server *load.Server, connections *atomic.Int64) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-ended })
	connections = new(atomic.Int64)
	go func() {
		defer close(ended)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			answer(c, answers)
		}
	}()
	server, err = load.ParseServer("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return server, connections
}

func answer(c net.Conn, answers []string) {
	defer c.Close()
	in := bufio.NewReader(c)
	for _, a := range answers {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		io.Copy(io.Discard, r.Body)
		io.WriteString(c, a)
	}
}

func TestReplies(t *testing.T) {
	const kept = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	for name, test := range map[string]struct {
		answers []string
		status  int // 0: an error
		body    string
		again   bool // the next request has another connection
	}{
		"a length":               {answers: []string{kept, kept}, status: 200, body: "ok"},
		"names in any case":      {answers: []string{"HTTP/1.1 200 OK\ncONTENT-lENGTH:2\n\nok", kept}, status: 200, body: "ok"},
		"chunks":                 {answers: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nTrailer: 1\r\n\r\n", kept}, status: 200, body: "ok"},
		"up to the end":          {answers: []string{"HTTP/1.1 200 OK\r\n\r\nok"}, status: 200, body: "ok", again: true},
		"a connection to close":  {answers: []string{"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", kept}, status: 200, body: "ok", again: true},
		"an interim reply":       {answers: []string{"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + kept, kept}, status: 200, body: "ok"},
		"no content":             {answers: []string{"HTTP/1.1 204 No Content\r\n\r\n", kept}, status: 204},
		"a refusal":              {answers: []string{"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", kept}, status: 404, body: "gone"},
		"a body cut off":         {answers: []string{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok"}, again: true},
		"chunks cut off":         {answers: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"}, again: true},
		"a head cut off":         {answers: []string{"HTTP/1.1 200 OK\r\nContent-Le"}, again: true},
		"nothing":                {answers: []string{""}, again: true},
		"another protocol":       {answers: []string{"SSH-2.0-OpenSSH_9.2 and more\r\n"}, again: true},
		"a status of letters":    {answers: []string{"HTTP/1.1 two OK\r\n\r\n", kept}, again: true},
		"a length of letters":    {answers: []string{"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok", kept}, again: true},
		"a length too long":      {answers: []string{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nok", kept}, again: true},
		"a coding it cannot do":  {answers: []string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok", kept}, again: true},
		"a line without a colon": {answers: []string{"HTTP/1.1 200 OK\r\nContent\r\n\r\nok", kept}, again: true},
	} {
		t.Run(name, func(t *testing.T) {
			server, connections := says(t, test.answers...)
			c := load.NewConn(server, false)
			defer c.Close()
			head := c.Head("GET", "/", "")
			reply, err := c.Do(t.Context(), head, nil, nil)
			if (err != nil) != (test.status == 0) || reply.Status != test.status && err == nil || string(reply.Body) != test.body && err == nil {
				t.Errorf("%d %q, %v; want %d %q", reply.Status, reply.Body, err, test.status, test.body)
			}
			c.Do(t.Context(), head, nil, nil)
			if again := connections.Load() == 2; again != test.again {
				t.Errorf("%d connections after two requests", connections.Load())
			}
		})
	}
}

func TestStreams(t *testing.T) {
	const many = 300_000
	text := strings.Repeat("x", many)
	for name, answer := range map[string]string{
		"a length":      "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + text,
		"chunks":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n493E0\r\n" + text + "\r\n0\r\n\r\n",
		"up to the end": "HTTP/1.1 200 OK\r\n\r\n" + text,
	} {
		server, _ := says(t, answer)
		c := load.NewConn(server, false)
		var got bytes.Buffer
		status, n, err := c.Stream(t.Context(), c.Head("GET", "/", ""), &got)
		c.Close()
		if status != 200 || n != many || err != nil || got.String() != text {
			t.Errorf("%s: %d, %d bytes, %v", name, status, n, err)
		}
	}
	server, _ := says(t, "HTTP/1.1 200 OK\r\nContent-Length: 300001\r\n\r\n"+text)
	c := load.NewConn(server, false)
	defer c.Close()
	if _, _, err := c.Stream(t.Context(), c.Head("GET", "/", ""), io.Discard); err == nil {
		t.Error("a body that was cut off is taken for whole")
	}
}

// TestFresh: each request has a connection of its own, and asks for its end.
func TestFresh(t *testing.T) {
	server, connections := says(t, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
	c := load.NewConn(server, true)
	defer c.Close()
	for range 3 {
		if reply, err := c.Do(t.Context(), c.Head("GET", "/", ""), nil, nil); err != nil || string(reply.Body) != "ok" {
			t.Errorf("%q, %v", reply.Body, err)
		}
	}
	if connections.Load() != 3 {
		t.Errorf("%d connections", connections.Load())
	}
}

func TestParseServer(t *testing.T) {
	for text, ok := range map[string]bool{
		"http://localhost:1337": true, "https://sq.example/under/": true, "http://[::1]:80": true,
		"localhost:1337": false, "ftp://x": false, "http://": false, "": false, "http://a:b@c": false, "http://x?p=1": false, "http://x:y": false,
	} {
		if _, err := load.ParseServer(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
