package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
)

// payloads are what could become a header, a line of the log or a page.
var payloads = []string{
	"x\r\nInjected: y", "x\nInjected: y", "x\rInjected: y", "x\r\n\r\n<script>injected</script>", "%0d%0aInjected: y", "\u2028Injected", "\u0085Injected: y", "嘊嘍Injected: y",
	"\x1b[2Jinjected", "<script>injected()</script>", "\"><img src=x onerror=injected()>", "injected\ntime=2026 level=ERROR msg=injected", "\" msg=injected level=ERROR x=\"",
	"{\"injected\":1}", "injected\x00", "\xffinjected", "injected%n%s%x", "${injected}", "'; injected --",
}

// known are all headers that a reply may have.
var known = []string{
	"Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Access-Control-Max-Age",
	"Allow", "Cache-Control", "Content-Length", "Content-Type", "Date", "Etag", "Vary", "Www-Authenticate", "X-Content-Type-Options", "X-Request-Id",
}

// checkInert holds a reply to what no browser runs and no parser is led astray by.
func checkInert(t *testing.T, q string, reply *http.Response, text string) {
	t.Helper()
	for name, values := range reply.Header {
		if !slices.Contains(known, name) || strings.Contains(strings.ToLower(strings.Join(values, "")), "injected") {
			t.Errorf("%q: the header %s: %q", q, name, values)
		}
	}
	kind := reply.Header.Get("Content-Type")
	text = strings.TrimSuffix(text, "\n")
	switch {
	case reply.Header.Get("X-Content-Type-Options") != "nosniff":
		t.Errorf("%q: a browser may guess what it is", q)
	case kind == "application/json" || kind == "application/problem+json":
		if !json.Valid([]byte(text)) || strings.ContainsAny(text, "<>\n") {
			t.Errorf("%q: %s %q", q, kind, text)
		}
	case kind != "text/plain; charset=utf-8" && (kind != "" || text != ""):
		t.Errorf("%q: Content-Type %q", q, kind)
	case reply.StatusCode >= 400 && strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x85 }):
		t.Errorf("%q: an error of more than a line: %q", q, text)
	}
}

// TestNothingIsInjected: whatever stands in a parameter, a path, a token or a
// header becomes no header, no page and no line of the log.
func TestNothingIsInjected(t *testing.T) {
	for what, who := range map[string]people{"tokens": twoTenants, "no key": {}} {
		t.Run(what, func(t *testing.T) {
			r := newRig(t, who, Options{Loopback: true, AllowOrigin: []string{"https://app.example"}})
			requests := 0
			ask := func(method, path, body string, lines ...string) {
				t.Helper()
				q := asked(method, path, body, lines...)
				reply, text := r.reply(q)
				if reply == nil {
					return // net/http refused it in its own words
				}
				requests++
				checkInert(t, q, reply, text)
			}
			for _, name := range endpointNames() {
				for _, x := range payloads {
					for accept, method := range map[string]string{"Accept: */*": http.MethodGet, "Accept: application/json": http.MethodPost} {
						for _, param := range []string{"p", "c", "s", "algo", "limit", x} {
							values := url.Values{"p": {"notes"}, "c": {"1.1.1/1.1.1/1.1.1"}, "algo": {"xor"}, param: {x}}
							ask(method, prefix+name+"?"+values.Encode(), x, accept, "Authorization: alice's", endless(name))
						}
						ask(method, prefix+name+url.PathEscape(x), "", accept, "Authorization: alice's", endless(name))
						ask(method, prefix+name, "", accept, "Authorization: "+url.PathEscape(x), "User-Agent: "+url.PathEscape(x), "Referer: "+url.PathEscape(x))
						if strings.Contains(x, "\n") {
							continue // that is another header, or another request
						}
						for _, header := range []string{"Authorization", "Origin", "Accept", "If-None-Match", "If-Match", "X-Forwarded-For", "X-Request-Id"} {
							ask(method, prefix+name+"?p=notes"+at, "", accept, "Authorization: alice's", endless(name), header+": "+x)
						}
						ask(method, "http://"+url.PathEscape(x)+prefix+name+"?p=notes"+at, "", accept, "Authorization: alice's", endless(name)) // the host
					}
				}
			}
			r.checkLog(t, requests)
		})
	}
}

// reply sends one request and returns the reply to it, nil when net/http refused
// it before any of our code was asked.
func (r *rig) reply(q string) (*http.Response, string) {
	r.t.Helper()
	if r.wire == nil {
		r.wire, r.in = r.dial("")
	}
	if _, err := io.WriteString(r.wire, q); err != nil {
		r.t.Fatal(err)
	}
	reply, err := http.ReadResponse(r.in, &http.Request{Method: q[:strings.IndexByte(q, ' ')]})
	if err != nil {
		r.t.Fatalf("%q: %v", q, err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		r.t.Fatalf("%q: %v", q, err)
	}
	if reply.Close {
		r.wire.Close()
		r.wire = nil
	}
	if reply.Close && strings.HasPrefix(string(text), "400 Bad Request") {
		return nil, ""
	}
	return reply, string(text)
}

// checkLog holds the log to a line for each request, with none of what the
// client sent.
func (r *rig) checkLog(t *testing.T, requests int) {
	t.Helper()
	log, lines := r.log.String(), 0
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "time=2") || strings.Count(line, " level=") != 1 || strings.Count(line, " msg=") != 1 {
			t.Errorf("a line of the log: %q", line)
		}
		if strings.Contains(line, " msg=request ") {
			lines++
		}
	}
	for _, part := range []string{"njected", "alice's", "notes", "script", "\x1b", "1.1.1"} {
		if n := strings.Index(log, part); n >= 0 {
			t.Errorf("%q is in the log: %q", part, log[max(0, n-200):min(len(log), n+200)])
		}
	}
	if lines != requests {
		t.Errorf("%d lines in the log for %d requests", lines, requests)
	}
}

// inBothForms are the endpoints that answer text or JSON.
var inBothForms = []string{"status", "list", "delta"}

// TestScrollsAreNoPages: text that a browser could run is sent as what no browser
// runs, by whatever endpoint.
func TestScrollsAreNoPages(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	page := "<!DOCTYPE html><html><script>alert(1)</script>"
	name := url.QueryEscape("<script>alert(1)<")
	r.send(post("/api/v2/update?p="+name+at, page))
	for endpoint, shows := range map[string]string{
		"select": page, "get": page, "delta": page, "toc": page[:30], "status": "<script>alert(1)<", "load": "<script>alert(1)<", "json-export": `\u003cscript\u003ealert(1)`, "checksum": "",
		"list": "",
	} {
		for _, accept := range []string{"*/*", "text/html", "application/json"} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				q := with(request{method: method, path: prefix + endpoint + "?p=" + name + at}, "Accept: "+accept)
				reply, text := r.send(q)
				kind := "text/plain; charset=utf-8"
				if endpoint == "json-export" || accept == "application/json" && slices.Contains(inBothForms, endpoint) {
					kind, shows = "application/json", strings.ReplaceAll(strings.ReplaceAll(shows, "<", `\u003c`), ">", `\u003e`)
				}
				if got := reply.Header.Get("Content-Type"); reply.StatusCode != 200 || got != kind || reply.Header.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("%s %s as %s: %d %q", method, endpoint, accept, reply.StatusCode, got)
				}
				if method == http.MethodGet && !strings.Contains(text, shows) {
					t.Errorf("%s: %q", endpoint, text)
				}
			}
		}
	}
	bad := sq.Errorf(sq.Invalid, "%s\r\n%s", page, page)
	failing := newRig(t, twoTenants, Options{Store: func(sq.Tenant) sq.Store { return refusing{nil, bad} }})
	for _, accept := range []string{"*/*", "text/html", "application/json"} {
		reply, text := failing.send(with(post("/api/v2/insert?p=notes"+at, "x"), "Accept: "+accept))
		checkInert(t, fmt.Sprint("an error that echoes, as ", accept), reply, text)
	}
}
