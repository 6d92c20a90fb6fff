package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

var manyTenants = flag.Int("tenants", 200, "how many tenants TestTenantsOneByOne adds; 10000 for the figures")

// TestTenantsOneByOne adds tenants one by one over HTTP, one after the other and
// many at once, lists them, and removes them; then the same by the command. It
// tells how long that takes.
func TestTenantsOneByOne(t *testing.T) {
	config, _ := managed(t, "")
	s := start(t, "--config", config)
	took := func(what string, work func()) {
		t.Helper()
		began := time.Now()
		work()
		d := time.Since(began)
		t.Logf("%-45s %8.2f s, %8.3f ms each", fmt.Sprint(*manyTenants, " ", what), d.Seconds(), d.Seconds()*1000/float64(*manyTenants))
	}
	listed := func(want int) {
		t.Helper()
		_, text := s.call(tokenOfAdmin, "GET", "admin/tenants", "")
		if n := strings.Count(text, `"status":"active"`); n != want {
			t.Errorf("%d tenants are listed, want %d", n, want)
		}
	}
	each := func(clients int, ask func(i int) (int, string)) func() {
		return func() {
			var work sync.WaitGroup
			for c := range clients {
				work.Go(func() {
					for i := c; i < *manyTenants; i += clients {
						if status, text := ask(i); status != http.StatusOK {
							t.Errorf("%d: %d %s", i, status, text)
							return
						}
					}
				})
			}
			work.Wait()
		}
	}
	add := func(prefix string) func(i int) (int, string) {
		return func(i int) (int, string) {
			return s.call(tokenOfAdmin, "POST", "admin/tenants/add", fmt.Sprintf(`{"tenant_id": "%s-%d", "quota_mb": 10}`, prefix, i))
		}
	}
	remove := func(prefix string) func(i int) (int, string) {
		return func(i int) (int, string) {
			return s.call(tokenOfAdmin, "DELETE", fmt.Sprintf("admin/tenants/%s-%d", prefix, i), "")
		}
	}
	took("added over HTTP, one after the other", each(1, add("one")))
	took("listed", func() { listed(*manyTenants + 1) })
	took("removed over HTTP, one after the other", each(1, remove("one")))
	listed(1)
	took("added over HTTP, 16 at once", each(16, add("many")))
	listed(*manyTenants + 1)
	took("removed over HTTP, 16 at once", each(16, remove("many")))
	s.stop()

	var names bytes.Buffer
	for i := range *manyTenants {
		fmt.Fprintf(&names, "batch-%d\n", i)
	}
	from := write(t, "names.txt", names.String())
	command := func(args ...string) string {
		c := begin(t, nil, append([]string{"tenants"}, append(args, "--config", config)...)...)
		if status := c.ends(); status != exitOK {
			t.Errorf("%q: exit status %d: %s", args, status, c.stderr)
		}
		return c.stdout.String()
	}
	took("added by the command as a batch", func() {
		if n := strings.Count(command("add", "--from", from), "\n"); n != *manyTenants {
			t.Errorf("%d tokens are printed", n)
		}
	})
	took("listed by the command", func() {
		enabled := 0
		for line := range strings.Lines(command("list", "--json")) {
			var a struct{ Status string }
			if err := json.Unmarshal([]byte(line), &a); err == nil && a.Status == "active" {
				enabled++
			}
		}
		if enabled != *manyTenants+1 {
			t.Errorf("%d tenants are listed", enabled)
		}
	})
	took("removed by the command as a batch", func() { command("remove", "--from", from) })
}
