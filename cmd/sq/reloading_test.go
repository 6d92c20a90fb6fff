package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

var reloads = flag.Int("reloads", 120, "how often TestReloadUnderLoad changes the configuration")

// TestReloadUnderLoad: clients of two tenants go on while the configuration is
// changed in every way, and tenants come and go. No request of theirs fails, no
// connection of theirs is cut, a token that was removed is refused at once, and a
// request under way finishes.
func TestReloadUnderLoad(t *testing.T) {
	c := newChanging(t)
	stop := c.load(8)
	ways := []func(int){c.renamed, c.inPlace, c.asEditorsDo, c.broken, c.administered, c.besideAHand, c.underWay}
	for i := range *reloads {
		ways[i%len(ways)](i)
		if i%60 == 30 {
			c.noticed(i)
		}
	}
	stop()
	c.server.stop()
}

// changing is a server whose configuration changes.
type changing struct {
	t           *testing.T
	server      *server
	config, dir string
}

func newChanging(t *testing.T) *changing {
	c := &changing{t: t}
	c.config, c.dir = managed(t, `, "reload_on_change": true`)
	put(t, c.config, c.with(""))
	c.server = start(t, "--config", c.config)
	return c
}

// with returns the configuration with another tenant beside alice and bob.
func (c *changing) with(name string) string {
	other := ""
	if name != "" {
		other = fmt.Sprintf(`%q: {"name": %q, "data_dir": "%s/%s"},`, tokenNamed(name), name, c.dir, name) + "\n"
	}
	return fmt.Sprintf(`{"reload_on_change": true, "admin_key": %q, "data_root": "%s/root", "tenants": {%s
		%q: {"name": "alice", "data_dir": "%s/alice"}, %q: {"name": "bob", "data_dir": "%s/bob"}}}`,
		tokenOfAdmin, c.dir, other, tokenOfAlice, c.dir, tokenOfBob, c.dir)
}

func tokenNamed(name string) string { return "invented-token-of-" + name }

// load has clients of alice and bob write and read until the function that it
// returns is called, which waits for them.
func (c *changing) load(clients int) (stop func()) {
	var dials atomic.Int64
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: clients,
		MaxConnsPerHost:     clients, // so that it makes another one only for one that was cut
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			dials.Add(1)
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}
	done := make(chan struct{})
	counts := make([]int, clients)
	var work sync.WaitGroup
	for n := range clients {
		work.Go(func() { counts[n] = c.client(client, n, done) })
	}
	return func() {
		close(done)
		work.Wait()
		client.CloseIdleConnections()
		total := 0
		for n, count := range counts {
			if total += count; count < 10 {
				c.t.Errorf("client %d made only %d requests", n, count)
			}
		}
		if dials.Load() > int64(clients) {
			c.t.Errorf("%d clients needed %d connections: some were cut", clients, dials.Load())
		}
		c.t.Logf("%d requests beside %d changes", total, *reloads)
	}
}

// client writes and reads a scroll of its own, and returns how often.
func (c *changing) client(client *http.Client, n int, done <-chan struct{}) (count int) {
	token := []string{tokenOfAlice, tokenOfBob}[n%2]
	place := at("load", fmt.Sprintf("1.1.1/1.1.1/1.1.%d", n+1))
	for {
		select {
		case <-done:
			return count
		default:
		}
		text := fmt.Sprint("text ", count)
		for _, row := range [][3]string{{"POST", text, fmt.Sprintf("Updated %d bytes", len(text))}, {"GET", "", text}} {
			what := map[string]string{"POST": "update", "GET": "select"}[row[0]]
			status, got, err := askAs(client, c.server.address, token, row[0], what+place, row[1])
			if err != nil || status != http.StatusOK || got != row[2] {
				c.t.Errorf("client %d: %s: %d %q, %v, want %q", n, what, status, got, err, row[2])
				return count
			}
			count++
		}
	}
}

// askAs makes a request.
func askAs(client *http.Client, address, token, method, what, body string) (int, string, error) {
	r, err := http.NewRequest(method, "http://"+address+"/api/v2/"+what, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	reply, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	return reply.StatusCode, string(text), err
}

// becomes waits until a token gets a status, which an answer of the server has already
// promised or a signal has asked for.
func (c *changing) becomes(token string, want int) {
	c.t.Helper()
	for limit := time.After(patience); ; {
		log, changed := c.server.stderr.look() // each reload is logged when it is in force
		status, _ := c.server.call(token, "GET", "version", "")
		if status == want {
			return
		}
		select {
		case <-changed:
		case <-limit:
			c.t.Fatalf("a token gets %d and not %d:\n%s", status, want, log)
		}
	}
}

// is holds a token to a status, now.
func (c *changing) is(token string, want int) {
	c.t.Helper()
	if status, text := c.server.call(token, "GET", "version", ""); status != want {
		c.t.Errorf("a token gets %d %q, want %d", status, text, want)
	}
}

func (c *changing) reload(want int) {
	c.t.Helper()
	if status, text := c.server.call(tokenOfAdmin, "POST", "reload", ""); status != want {
		c.t.Errorf("reload: %d %s, want %d", status, text, want)
	}
}

// renamed has a tenant come by another file and a signal, and go by a request.
func (c *changing) renamed(i int) {
	name := fmt.Sprint("renamed-", i)
	replace(c.t, c.config, c.with(name))
	c.server.signal(syscall.SIGHUP)
	c.becomes(tokenNamed(name), 200)
	replace(c.t, c.config, c.with(""))
	c.reload(200)
	c.is(tokenNamed(name), 401)
}

// inPlace has a tenant come and go by the same file, written over.
func (c *changing) inPlace(i int) {
	name := fmt.Sprint("in-place-", i)
	put(c.t, c.config, c.with(name))
	c.reload(200)
	c.is(tokenNamed(name), 200)
	c.server.want(tokenNamed(name), "POST", "update"+at("notes", first), "text", "Updated 4 bytes")
	put(c.t, c.config, c.with(""))
	c.reload(200)
	c.is(tokenNamed(name), 401)
}

// asEditorsDo moves the file away before it writes another.
func (c *changing) asEditorsDo(i int) {
	name := fmt.Sprint("edited-", i)
	if err := os.Rename(c.config, c.config+"~"); err != nil {
		c.t.Fatal(err)
	}
	c.reload(500) // there is none, and what was loaded stays
	put(c.t, c.config, c.with(name))
	c.server.signal(syscall.SIGHUP)
	c.becomes(tokenNamed(name), 200)
}

// broken files change nothing.
func (c *changing) broken(i int) {
	whole := c.with(fmt.Sprint("broken-", i))
	replace(c.t, c.config, c.with("stays"))
	c.reload(200)
	for _, text := range []string{"", whole[:len(whole)/2], strings.Replace(whole, "tenants", "tenant", 1), strings.Replace(whole, `/bob"`, `/alice"`, 1)} {
		put(c.t, c.config, text)
		c.reload(409)
		c.is(tokenNamed("stays"), 200)
		c.is(tokenNamed(fmt.Sprint("broken-", i)), 401)
	}
	if status, _ := c.server.call(tokenOfAdmin, "POST", "admin/tenants/add", `{"tenant_id": "never"}`); status != http.StatusConflict {
		c.t.Errorf("a change beside a broken file: %d", status)
	}
	put(c.t, c.config, c.with(""))
	c.reload(200)
	c.is(tokenNamed("stays"), 401)
}

// administered has a tenant come and go by requests.
func (c *changing) administered(i int) {
	name := fmt.Sprint("administered-", i)
	token := c.server.newToken("POST", "admin/tenants/add", `{"tenant_id": "`+name+`"}`)
	c.server.want(token, "POST", "update"+at("notes", first), "text", "Updated 4 bytes")
	next := c.server.newToken("POST", "admin/tenants/"+name+"/rotate", `{"now": true}`)
	c.is(token, 401)
	c.server.want(next, "GET", "select"+at("notes", first), "", "text")
	if status, text := c.server.call(tokenOfAdmin, "DELETE", "admin/tenants/"+name, ""); status != http.StatusOK {
		c.t.Errorf("DELETE: %d %s", status, text)
	}
	c.is(next, 401)
}

// besideAHand has a tenant come by a request, and one by the file just before.
func (c *changing) besideAHand(i int) {
	put(c.t, c.config, c.with(fmt.Sprint("hand-", i)))
	token := c.server.newToken("POST", "admin/tenants/add", fmt.Sprintf(`{"tenant_id": "beside-%d"}`, i))
	c.is(token, 200)
	c.is(tokenNamed(fmt.Sprint("hand-", i)), 200)
	put(c.t, c.config, c.with(""))
	c.reload(200)
	c.is(token, 401)
}

// underWay removes a tenant in the midst of its request, which finishes.
func (c *changing) underWay(i int) {
	name := fmt.Sprint("under-way-", i)
	token := c.server.newToken("POST", "admin/tenants/add", `{"tenant_id": "`+name+`"}`)
	conn, err := net.Dial("tcp", c.server.address)
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /api/v2/update%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: 8\r\nExpect: 100-continue\r\n\r\n", at("notes", first), token)
	replies := bufio.NewReader(conn)
	line, err := replies.ReadString('\n')
	if err != nil || !strings.Contains(line, "100 Continue") {
		c.t.Fatalf("%q, %v", line, err)
	}
	replies.ReadString('\n')
	io.WriteString(conn, "half")
	if status, text := c.server.call(tokenOfAdmin, "DELETE", "admin/tenants/"+name, ""); status != http.StatusOK {
		c.t.Errorf("DELETE: %d %s", status, text)
	}
	c.is(token, 401)
	io.WriteString(conn, "half")
	reply, err := http.ReadResponse(replies, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer reply.Body.Close()
	if text, err := io.ReadAll(reply.Body); err != nil || string(text) != "Updated 8 bytes" {
		c.t.Errorf("a request under way while its tenant was removed: %d %q, %v", reply.StatusCode, text, err)
	}
}

// noticed has a tenant come by another file alone.
func (c *changing) noticed(i int) {
	name := fmt.Sprint("noticed-", i)
	replace(c.t, c.config, c.with(name))
	c.becomes(tokenNamed(name), 200)
}
