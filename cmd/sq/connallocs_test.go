package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
)

// TestConnectionAllocations pins how many allocations a select and an update of 1 KB take, from the
// bytes of the connection to the disk and back. The client makes none.
func TestConnectionAllocations(t *testing.T) {
	text := strings.Repeat("x", 1024)
	server := countedServer(t, text)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	for _, test := range []struct {
		line, body string
		want       float64
	}{
		{"GET /api/v2/select", "", 6},
		{"POST /api/v2/update", text, 14},
	} {
		ask := fmt.Appendf(nil, "%s?p=notes&c=1.1.1/1.1.1/1.1.7 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer invented-token\r\nContent-Length: %d\r\n\r\n%s", test.line, len(test.body), test.body)
		got := testing.AllocsPerRun(500, func() {
			if _, err := conn.Write(ask); err != nil {
				t.Fatal(err)
			}
			skipReply(t, in)
		})
		if underRace {
			test.want = max(test.want, min(got, test.want+8)) // exactly in the other run
		}
		if got != test.want {
			t.Errorf("%s: %v allocations, want %v", test.line, got, test.want)
		}
	}
	conn.Close()
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// skipReply reads a reply whose status has to be 200.
func skipReply(t *testing.T, in *bufio.Reader) {
	length := -1
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil || first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			t.Fatalf("%q, %v", line, err)
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			length, _ = strconv.Atoi(string(value))
		}
	}
	if _, err := in.Discard(length); err != nil {
		t.Fatal(err)
	}
}
