package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// bearer shows a token with each request.
type bearer struct {
	http.RoundTripper
	token string
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.RoundTripper.RoundTrip(r)
}

// agent connects a client of the SDK to the server, with a token.
func (s *server) agent(token string) *agent {
	s.t.Helper()
	t := s.t.(*testing.T)
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(context.Background(), &mcp.StreamableClientTransport{
		Endpoint: "http://" + s.address + "/mcp", HTTPClient: &http.Client{Transport: bearer{s.client.Transport, token}}, MaxRetries: -1,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return &agent{t: t, session: session, stderr: s.stderr}
}

const tokenToReadAlice = "example-token-to-read"

// TestAgentsOverHTTP: each agent has the phexts of its token, and no others; one that
// may only read has no tools that write.
func TestAgentsOverHTTP(t *testing.T) {
	dir := t.TempDir()
	config := strings.Replace(twoTenantsIn(dir), `{"tenants": {`, fmt.Sprintf(`{"tenants": {%q: {"name": "alice", "data_dir": "%s/alice", "read_only": true},`, tokenToReadAlice, dir), 1)
	s := start(t, "--config", write(t, "three.json", config))
	alice, reader, bob := s.agent(tokenOfAlice), s.agent(tokenToReadAlice), s.agent(tokenOfBob)
	in := map[string]any{"phext": "notes", "coordinate": "1.1.1/1.1.1/1.1.1"}
	with := func(key string, value any) map[string]any {
		return map[string]any{"phext": "notes", "coordinate": "1.1.1/1.1.1/1.1.1", key: value}
	}
	alice.says(`"bytes_after":7`, "sq_write", with("text", "alice's"))
	if text, failed := bob.call("sq_read", in); !failed || !strings.Contains(text, `there is no phext "notes"`) {
		t.Errorf("bob reads: failed %v, %s", failed, text)
	}
	bob.says(`{"phexts":[],"total":0}`, "sq_list", nil)
	bob.says(`"bytes_after":5`, "sq_write", with("text", "bob's"))
	reader.says(`"text":"alice's"`, "sq_read", in)
	reader.says(`"read_only":true,"phexts":1`, "sq_info", nil)
	if _, err := reader.session.CallTool(t.Context(), &mcp.CallToolParams{Name: "sq_write", Arguments: with("text", "no")}); err == nil {
		t.Error("who may read has written")
	}
	s.want(tokenOfAlice, "GET", "select"+at("notes", first), "", "alice's")
	s.want(tokenOfBob, "GET", "select"+at("notes", first), "", "bob's")

	var all sync.WaitGroup
	for n := range 4 {
		for name, a := range map[string]*agent{"alice": s.agent(tokenOfAlice), "bob": s.agent(tokenOfBob)} {
			all.Go(func() {
				for line := range 10 {
					a.call("sq_append", map[string]any{"phext": "log", "coordinate": "1.1.1/1.1.1/1.1.1", "text": fmt.Sprintf("%s %d %d", name, n, line), "new_scroll": true})
				}
			})
		}
	}
	all.Wait()
	for token, name := range map[string]string{tokenOfAlice: "alice", tokenOfBob: "bob"} {
		_, toc := s.call(token, "GET", "toc?p=log", "")
		if strings.Count(toc, ": "+name) != 40 || strings.Count(toc, "\n") != 40 {
			t.Errorf("%s has\n%s", name, toc)
		}
	}
}

const listTools = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`

// message sends a message to /mcp as HTTP has it.
func (s *server) message(method, body string, header ...string) (status int, reply string) {
	s.t.Helper()
	r, err := http.NewRequest(method, "http://"+s.address+"/mcp", io.MultiReader(strings.NewReader(body))) // of unknown length
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	answer, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// TestMCPDoor: the door of /mcp is that of all requests.
func TestMCPDoor(t *testing.T) {
	config, _ := twoTenants(t)
	s, open := start(t, "--config", config), start(t, "--data-dir", t.TempDir())
	alice := "Authorization: Bearer " + tokenOfAlice
	const listen = `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",` +
		`"io.modelcontextprotocol/clientInfo":{"name":"x","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`
	for _, c := range []struct {
		what   string
		to     *server
		method string
		body   string
		header []string
		status int
		want   string
	}{
		{"a message", s, "POST", listTools, []string{alice}, 200, `"name":"sq_write"`},
		{"behind a proxy on this machine", s, "POST", listTools, []string{alice, "Host: sq.example.org"}, 200, `"name":"sq_write"`},
		{"nobody", s, "POST", listTools, nil, 401, "Unauthorized"},
		{"a guess", s, "POST", listTools, []string{"Authorization: Bearer guess"}, 401, "Unauthorized"},
		{"no stream", s, "GET", "", []string{alice}, 405, "Method Not Allowed"},
		{"no session", s, "DELETE", "", []string{alice}, 405, "Method Not Allowed"},
		{"too long", s, "POST", strings.Repeat(" ", 17<<20) + listTools, []string{alice}, 413, "body: more than 16777216 bytes are not taken"},
		{"no message", s, "POST", "hello", []string{alice}, 400, ""},
		{"what would not end", s, "POST", listen, []string{alice, "Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: subscriptions/listen"}, 200, `"resultType":"complete"`},
		{"without a key", open, "POST", listTools, nil, 200, `"name":"sq_write"`},
		{"from a page, without a key", open, "POST", listTools, []string{"Origin: https://a.example"}, 403, "Forbidden"},
		{"under another name, without a key", open, "POST", listTools, []string{"Host: a.example"}, 403, "Forbidden"},
	} {
		if status, got := c.to.message(c.method, c.body, c.header...); status != c.status || !strings.Contains(got, c.want) {
			t.Errorf("%s: %d %.300s\nwant %d %s", c.what, status, got, c.status, c.want)
		}
	}
}
