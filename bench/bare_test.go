package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestBare: the bare server answers what it was told, after it has read what was
// sent.
func TestBare(t *testing.T) {
	cmd := exec.Command(os.Args[0], bareCommand)
	cmd.Stdin = strings.NewReader(`{"GET": {"Header": {"Etag": ["x"]}, "Body": "cmVhZA=="}, "POST": {"Header": {"X-A": ["1", "2"]}, "Body": "d3JpdHRlbg=="}}`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	line, err := bufio.NewReader(out).ReadString('\n')
	port := listening.FindStringSubmatch(line)
	if err != nil || port == nil {
		t.Fatalf("%q, %v", line, err)
	}
	url := "http://127.0.0.1:" + port[1] + "/api/v2/any"
	for method, want := range map[string]struct{ header, values, body string }{
		"GET": {"Etag", "x", "read"}, "POST": {"X-A", "1,2", "written"},
	} {
		request, err := http.NewRequest(method, url, strings.NewReader(strings.Repeat("x", 1024)))
		if err != nil {
			t.Fatal(err)
		}
		reply, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(reply.Body)
		reply.Body.Close()
		if got := strings.Join(reply.Header[want.header], ","); err != nil || got != want.values || string(text) != want.body {
			t.Errorf("%s: %q, %q, %v", method, got, text, err)
		}
	}
}
