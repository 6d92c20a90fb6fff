package api

import (
	"context"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/wbic16/sq-go"
)

// watched is a store that counts what would change it.
type watched struct {
	sq.Store
	writes *atomic.Int32
}

func (s watched) Apply(ctx context.Context, name sq.PhextName, b sq.Batch) ([]sq.Result, error) {
	s.writes.Add(1)
	return s.Store.Apply(ctx, name, b)
}

func (s watched) Replace(ctx context.Context, name sq.PhextName, r io.Reader) error {
	s.writes.Add(1)
	return s.Store.Replace(ctx, name, r)
}

func (s watched) Drop(ctx context.Context, name sq.PhextName) error {
	s.writes.Add(1)
	return s.Store.Drop(ctx, name)
}

// writers says which methods write, by endpoint. An endpoint that is not here
// must not write by any.
var writers = map[string][]string{
	"insert": {http.MethodGet, http.MethodPost},
	"update": {http.MethodGet, http.MethodPost, http.MethodPut},
	"delete": {http.MethodGet, http.MethodDelete},
	"batch":  {http.MethodPost},
	"put":    {http.MethodPost, http.MethodPut},
	"drop":   {http.MethodDelete},
}

// wouldWrite reports whether a request reached a store's write or the reload.
func wouldWrite(t *testing.T, who people, o Options) func(request) bool {
	var writes atomic.Int32
	var r *rig
	o.Store = func(x sq.Tenant) sq.Store { return watched{r.store(x.Name), &writes} }
	o.Reload = func(*http.Request) error { writes.Add(1); return nil }
	r = newRig(t, who, o)
	return func(q request) bool {
		r.t = t
		before := writes.Load()
		r.send(q)
		return writes.Load() != before
	}
}

// everyRequest yields each endpoint with each method and all that a write needs.
func everyRequest(yield func(name string, q request) bool) {
	for _, name := range endpointNames() {
		body := "1.1.1/1.1.1/1.1.1: " + checksum("x")
		if name == "batch" {
			body = `{"op":"put","c":"1.1.1/1.1.1/1.1.1","text":"x"}`
		}
		for _, method := range methods {
			if !yield(name, request{method: method, path: prefix + name + "?p=notes" + at + "&s=x", body: body, header: []string{endless(name)}}) {
				return
			}
		}
	}
}

// TestMethodsThatWrite: of all endpoints and methods only those in the table
// write, whatever headers say the method is.
func TestMethodsThatWrite(t *testing.T) {
	writes := wouldWrite(t, twoTenants, Options{})
	for _, headers := range [][]string{
		nil,
		{"X-HTTP-Method-Override: POST", "X-HTTP-Method: POST", "X-Method-Override: POST", "X-Original-Method: POST"},
		{"X-HTTP-Method-Override: DELETE", "X-HTTP-Method: PUT", "X-Method-Override: PUT"},
		{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, // such a page had to know the token
	} {
		for name, q := range everyRequest {
			q.path += "&_method=POST"
			if name == reloading.name {
				continue // see TestReloadIsForThisMachine
			}
			want := slices.Contains(writers[name], q.method)
			if got := writes(with(q, headers...)); got != want {
				t.Errorf("%s %s with %q: writes is %v, want %v", q.method, name, headers, got, want)
			}
		}
	}
}

// TestWhoMustNotWrite: nothing of the API writes, by any method, for those who
// may not write at all.
func TestWhoMustNotWrite(t *testing.T) {
	open := Options{Loopback: true, AllowOrigin: []string{"https://app.example"}, AllowHost: []string{"sq.example"}}
	for _, c := range []struct {
		what    string
		who     people
		options Options
		headers [][]string
	}{
		{"tokens", twoTenants, Options{Many: true}, [][]string{
			{"Authorization: "}, {"Authorization: carol's"}, {"Authorization: alice's to read"}, {"X-SQ-API-Key: bob's"},
			{"Authorization: ", "Cookie: token=alice's"}, {"Authorization: Basic alice's"}, {"Authorization: Bearer alice's, bob's"},
		}},
		{"foreign pages without a key", people{}, open, [][]string{
			{"Sec-Fetch-Site: cross-site"}, {"Sec-Fetch-Site: same-site"}, {"Sec-Fetch-Site: Same-Origin"}, {"Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"},
			{"Origin: https://evil.example"}, {"Origin: null"}, {"Origin: http://localhost"}, {"Origin: https://app.example.evil.example"},
			{"Origin: https://app.example", "Origin: https://evil.example"}, {"Origin: HTTPS://APP.EXAMPLE"}, {"Origin: https://app.example/"},
			{"Origin: https://evil.example", "Sec-Fetch-Site: same-origin"}, {"Origin: https://evil.example", "Host: evil.example"},
			{"Origin: http://evil.example", "Host: evil.example", "Sec-Fetch-Site: same-origin"},
		}},
		{"foreign names without a key", people{}, open, [][]string{
			{"Host: evil.example"}, {"Host: localhost.evil.example"}, {"Host: 127.0.0.1.evil.example"}, {"Host: evil-localhost"},
			{"Host: 10.0.0.1"}, {"Host: 0.0.0.0"}, {"Host: [::]"}, {"Host: 2130706433"}, {"Host: 0x7f000001"}, {"Host: 127.1"}, {"Host: 0177.0.0.1"},
			{"Host: sq.example.evil.example"}, {"Host: evil.example:127"}, {"Host: evil.example", "X-Forwarded-Host: localhost"},
			{"Host: evil.example", "Forwarded: host=localhost"},
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			writes := wouldWrite(t, c.who, c.options)
			for _, headers := range c.headers {
				for name, q := range everyRequest {
					if c.what == "tokens" && name == reloading.name {
						continue
					}
					if writes(with(q, headers...)) {
						t.Errorf("%s %s with %q writes", q.method, name, headers)
					}
				}
			}
		})
	}
}

// TestGETDoesNotWriteBeyondLoopback, where no key is needed; other methods do.
func TestGETDoesNotWriteBeyondLoopback(t *testing.T) {
	writes := wouldWrite(t, people{}, Options{})
	for name, q := range everyRequest {
		if name == reloading.name {
			continue
		}
		want := q.method != http.MethodGet && slices.Contains(writers[name], q.method)
		if got := writes(with(q, "X-HTTP-Method-Override: POST")); got != want {
			t.Errorf("%s %s: writes is %v, want %v", q.method, name, got, want)
		}
	}
}

// TestReloadIsForThisMachine: who comes through a proxy, or is a page, or asks by
// another method, has nothing reloaded; with an admin key nobody has without it.
func TestReloadIsForThisMachine(t *testing.T) {
	key := twoTenants
	key.admin = "the key"
	reload := request{method: http.MethodPost, path: prefix + "reload", header: []string{"Authorization: "}}
	here, keyed, keyless := wouldWrite(t, twoTenants, Options{}), wouldWrite(t, key, Options{}), wouldWrite(t, people{}, Options{Loopback: true})
	if !here(reload) || !keyed(with(reload, "Authorization: the key")) || !keyless(reload) {
		t.Fatal("is not reloaded for who may ask")
	}
	for _, line := range []string{
		"Forwarded: for=127.0.0.1", "Forwarded: x", "X-Forwarded-For: 127.0.0.1", "x-forwarded-for: ::1", "X-Forwarded-Host: localhost", "X-Forwarded-Proto: http",
		"X-Forwarded-Port: 1", "X-Forwarded-Server: x", "X-Forwarded-Prefix: x", "X-Real-IP: 127.0.0.1",
		"Origin: null", "Origin: http://localhost", "Origin: https://evil.example",
	} {
		if here(with(reload, line)) || keyless(with(reload, line)) {
			t.Errorf("reloaded with %q", line)
		}
	}
	for _, method := range methods {
		q := with(request{method: method, path: reload.path}, "X-HTTP-Method-Override: POST")
		if method != http.MethodPost && (here(q) || keyless(q) || keyed(with(q, "Authorization: the key"))) {
			t.Errorf("reloaded by %s", method)
		}
	}
	for _, who := range []string{"", "alice's", "alice's to read", "the ke", "the key ", "THE KEY", "Bearer"} {
		if who != "the key " && keyed(with(reload, "Authorization: "+who)) {
			t.Errorf("reloaded for %q where there is a key", who)
		}
	}
}
