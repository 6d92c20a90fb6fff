package api

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
)

// TestEndpoints is the table of the API, row by row.
func TestEndpoints(t *testing.T) {
	r := newRig(t, twoTenants, Options{Many: true})
	const sum = "cf83ee0c23eaa0f0dbd80ea27ab0a7b0"
	r.run([]row{
		{"version", get("/api/v2/version"), 200, "0.5.5", []string{"Content-Type: text/plain; charset=utf-8", "Access-Control-Allow-Origin: *"}, nil},
		{"select nothing", get("/api/v2/select?p=notes" + at), 200, "", []string{"Content-Length: 0"}, []string{"Etag"}},
		{"toc of nothing", get("/api/v2/toc?p=notes"), 200, "", nil, nil},
		{"get nothing", get("/api/v2/get?p=notes"), 200, "", nil, nil},
		{"export nothing", get("/api/v2/json-export?p=notes"), 200, "[]\n", []string{"Content-Type: application/json"}, nil},
		{"checksum of nothing", get("/api/v2/checksum?p=notes"), 200, "99aa06d3014798d86001c324468d497f", nil, nil},
		{"insert", get("/api/v2/insert?p=notes" + at + "&s=a%2Bb+c+%F0%9F%94%86"), 200, "Inserted 10 bytes", []string{"Cache-Control: no-store"}, nil},
		{"insert by POST", post("/api/v2/insert?p=notes"+at+"&s=ignored", "δ\n2"), 200, "Inserted 4 bytes", nil, nil},
		{"select", get("/api/v2/select?p=notes&c=1.1.1;1.1.1;1.1.1"), 200, "a+b c 🔆δ\n2", []string{"Content-Length: 14"}, nil},
		{"a form is a text", with(post("/api/v2/insert?p=form"+at, "s=x&y"), "Content-Type: application/x-www-form-urlencoded"), 200, "Inserted 5 bytes", nil, nil},
		{"and stays one", get("/api/v2/select?p=form" + at), 200, "s=x&y", nil, nil},
		{"update", post("/api/v2/update?p=notes&c=1.1.1/1.1.1/1.1.2", "two\nlines"), 200, "Updated 9 bytes", nil, nil},
		{"update by PUT", request{method: http.MethodPut, path: "/api/v2/update?p=notes&c=1.1.1/1.1.1/2.1.1", body: "chapter"}, 200, "Updated 7 bytes", nil, nil},
		{"POST without a body takes s", post("/api/v2/update?p=notes"+at+"&s=one", ""), 200, "Updated 3 bytes", nil, nil},
		{"toc", get("/api/v2/toc?p=notes"), 200, "* 1.1.1/1.1.1/1.1.1: one\n* 1.1.1/1.1.1/1.1.2: two...\n* 1.1.1/1.1.1/2.1.1: chapter\n", nil, nil},
		{"get", get("/api/v2/get?p=notes"), 200, "one\x17two\nlines\x19chapter", []string{"Content-Length: 21"}, nil},
		{"status", get("/api/v2/status?p=notes"), 200, "~Hosting: notes.phext\nConnection ID: ", nil, nil},
		{"status, the rest", get("/api/v2/status?p=notes"), 200, "~\nPhext Size: 21\nScrolls: 3\n", nil, nil},
		{"export", get("/api/v2/json-export?p=notes"), 200, `[{"coord":"1.1.1/1.1.1/1.1.1","scroll":"one"},{"coord":"1.1.1/1.1.1/1.1.2","scroll":"two\nlines"},{"coord":"1.1.1/1.1.1/2.1.1","scroll":"chapter"}]` + "\n", nil, nil},
		{"delta of all", get("/api/v2/delta?p=notes"), 200, "one\x17two\nlines\x19chapter", nil, nil},
		{"delta", post("/api/v2/delta?p=notes", "1.1.1/1.1.1/1.1.1: "+checksum("one")+"\n1.1.1/1.1.1/1.1.2: "+sum+"\r\n\n2.1.1/1.1.1/1.1.1: "+sum+"\n1.1.1/1.1.1/1.1.3: "+sum), 200,
			"\x17two\nlines\x17---sq:Scroll-Missing---\x19chapter\x01---sq:Scroll-Missing---", nil, nil},
		{"delta of what is no line", post("/api/v2/delta?p=notes", "1.1.1/1.1.1/1.1.1: "+sum+"\nx"), 400, "~line 2", nil, nil},
		{"delta of a coordinate twice", post("/api/v2/delta?p=notes", strings.Repeat("1.1.1/1.1.1/1.1.1: "+sum+"\n", 2)), 400, "~twice", nil, nil},
		{"delete", get("/api/v2/delete?p=notes&c=1.1.1/1.1.1/1.1.2"), 200, "Removed 9 bytes", nil, nil},
		{"DELETE", request{method: http.MethodDelete, path: "/api/v2/delete?p=notes&c=1.1.1/1.1.1/2.1.1"}, 200, "Removed 7 bytes", nil, nil},
		{"delete nothing", get("/api/v2/delete?p=notes&c=1.1.1/1.1.1/2.1.1"), 200, "Removed 0 bytes", nil, nil},
		{"delete where nothing can be written", get("/api/v2/delete?p=notes&c=1.1.1/1.1.1/1.1.16383"), 200, "Removed 0 bytes", nil, nil},
		{"s= removes", get("/api/v2/update?p=notes" + at + "&s="), 200, "Updated 0 bytes", nil, nil},
		{"and it is gone", get("/api/v2/get?p=notes"), 200, "", nil, nil},
		{"load", get("/api/v2/load?p=notes"), 200, "Loaded notes.phext", nil, nil},
		{"where", post("/api/v2/where", strings.Repeat("x", 100)), 200, "Calculated coordinate 0.0.0/0.0.0/0.0.0 for input (algo=xor, limit=100).", nil, nil},
		{"where, checksum", post("/api/v2/where?p=x&algo=checksum&limit=7", "hello"), 200, "Calculated coordinate 166.938.418/956.355.654/170.196.424 for input (algo=checksum, limit=7).", nil, nil},
		{"where, another algo", post("/api/v2/where?algo=sum", "hello"), 400, "~xor or checksum", nil, nil},
		{"HEAD", request{method: http.MethodHead, path: "/api/v2/version"}, 200, "", []string{"Content-Length: 5"}, nil},
		{"not found", get("/api/v2/nothing"), 404, "Not Found", nil, nil},
		{"elsewhere", get("/"), 404, "Not Found", nil, nil},
	})
}

func checksum(text string) string { return phextSum(text) }

// TestRefused: what makes no sense is refused, says why, and changes nothing.
func TestRefused(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	r.send(post("/api/v2/insert?p=notes"+at, "kept"))
	_, before := r.send(get("/api/v2/get?p=notes"))
	r.run([]row{
		{"no name", get("/api/v2/select?c=1.1.1/1.1.1/1.1.1"), 400, "~p=NAME", nil, nil},
		{"a way out", get("/api/v2/select?p=../../etc/passwd&c=1"), 403, "Forbidden: Invalid phext path", nil, nil},
		{"a way out, escaped", get("/api/v2/toc?p=..%2F..%2Fetc%2Fpasswd"), 403, "Forbidden: Invalid phext path", nil, nil},
		{"a backslash", get("/api/v2/toc?p=a%5Cb"), 403, "Forbidden: Invalid phext path", nil, nil},
		{"a hidden name", get("/api/v2/toc?p=.sq"), 400, "~begins with a dot", nil, nil},
		{"a NUL", get("/api/v2/toc?p=a%00b"), 400, "~control character", nil, nil},
		{"a long name", get("/api/v2/toc?p=" + strings.Repeat("n", 201)), 400, "~at most 200", nil, nil},
		{"no coordinate", post("/api/v2/insert?p=notes", "x"), 400, "~c=1.1.1/1.1.1/1.1.1", nil, nil},
		{"half a coordinate", post("/api/v2/insert?p=notes&c=1.1.1/1.1.1/1.1", "x"), 400, "~no '.' after the section", nil, nil},
		{"a coordinate too far", post("/api/v2/update?p=notes&c=1.1.1/1.1.1/1.1.1000", "x"), 400, "~outside 1 to 999", nil, nil},
		{"no text", get("/api/v2/insert?p=notes" + at), 400, "~text: is missing", nil, nil},
		{"no text by POST", post("/api/v2/update?p=notes"+at, ""), 400, "~text: is missing", nil, nil},
		{"a delimiter", post("/api/v2/insert?p=notes"+at, "ab\x17c"), 400, "~byte 0x17 at offset 2", nil, nil},
		{"broken UTF-8", get("/api/v2/update?p=notes" + at + "&s=abc%FF"), 400, "~byte 0xFF at offset 3", nil, nil},
		{"a broken escape", get("/api/v2/insert?p=notes" + at + "&s=50%"), 400, "~%25", nil, nil},
		{"a parameter twice", get("/api/v2/insert?p=notes&p=other" + at + "&s=x"), 400, "~p is given twice", nil, nil},
		{"a problem document", with(post("/api/v2/insert?p=notes"+at, "\x01"), "Accept: application/json"), 400, "~\"status\":400", []string{"Content-Type: application/problem+json", "Cache-Control: no-store"}, nil},
		{"POST select", post("/api/v2/select?p=notes"+at, ""), 405, "", []string{"Allow: GET, HEAD"}, nil},
		{"GET where", get("/api/v2/where"), 405, "", []string{"Allow: POST"}, nil},
		{"HEAD insert", request{method: http.MethodHead, path: "/api/v2/insert?p=notes" + at + "&s=x"}, 405, "", []string{"Allow: GET, POST"}, nil},
		{"HEAD delete", request{method: http.MethodHead, path: "/api/v2/delete?p=notes" + at}, 405, "", []string{"Allow: GET, DELETE"}, nil},
		{"PATCH update", request{method: http.MethodPatch, path: "/api/v2/update?p=notes" + at, body: "x"}, 405, "", []string{"Allow: GET, POST, PUT"}, nil},
		{"a token to read", with(post("/api/v2/insert?p=notes"+at, "x"), "Authorization: alice's to read"), 403, "~read-only", nil, nil},
		{"and it reads", with(get("/api/v2/get?p=notes"), "Authorization: alice's to read"), 200, "kept", nil, nil},
	})
	if _, after := r.send(get("/api/v2/get?p=notes")); after != before {
		t.Errorf("the phext is %q, was %q", after, before)
	}
	if names, err := r.store("alice").List(t.Context()); err != nil || len(names) != 1 {
		t.Errorf("phexts were made: %v, %v", names, err)
	}
}

// TestTokens: who shows what, and what a stranger learns.
func TestTokens(t *testing.T) {
	r := newRig(t, twoTenants, Options{Many: true})
	r.send(post("/api/v2/insert?p=same"+at, "alice's text"))
	r.send(with(post("/api/v2/insert?p=same"+at, "bob's text"), "Authorization: bob's"))
	no := []string{"Www-Authenticate: Bearer", "Access-Control-Allow-Origin: *"}
	mine := get("/api/v2/select?p=same" + at)
	r.run([]row{
		{"alice", mine, 200, "alice's text", nil, nil},
		{"bob", with(mine, "Authorization: bEaReR bob's"), 200, "bob's text", nil, nil},
		{"without Bearer", with(mine, "Authorization: bob's"), 200, "bob's text", nil, nil},
		{"the other header", with(mine, "Authorization: ", "x-sq-api-key: bob's"), 200, "bob's text", nil, nil},
		{"two that differ", with(mine, "X-SQ-API-Key: bob's"), 401, "Unauthorized", no, nil},
		{"two that agree", with(mine, "X-SQ-API-Key: alice's"), 200, "alice's text", nil, nil},
		{"none", with(mine, "Authorization: "), 401, "Unauthorized", no, nil},
		{"a wrong one", with(mine, "Authorization: Bearer carol's"), 401, "Unauthorized", no, nil},
		{"none for version", with(get("/api/v2/version"), "Authorization: "), 401, "Unauthorized", no, nil},
		{"none for what is not there", with(get("/api/v2/nothing"), "Authorization: "), 401, "Unauthorized", no, nil},
		{"none and a wrong method", with(post("/api/v2/select?p=../x", "x"), "Authorization: "), 401, "Unauthorized", no, nil},
		{"preflight", request{method: http.MethodOptions, path: "/api/v2/update", header: []string{"Authorization: ", "Origin: https://app.example"}}, 204, "",
			[]string{"Access-Control-Allow-Origin: *", "Access-Control-Max-Age: 86400", "Access-Control-Allow-Headers: Authorization, X-SQ-API-Key, Content-Type, If-Match, If-None-Match, Last-Event-ID, SQ-Position"}, nil},
	})
}

// TestConditions: ETags name texts, and writes can depend on them.
func TestConditions(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	path := "/api/v2/update?p=notes" + at
	tag := func(text string) string { return `"` + checksum(text) + `"` }
	r.run([]row{
		{"only if absent", with(post(path, "a"), "If-None-Match: *"), 200, "Updated 1 bytes", nil, nil},
		{"not again", with(post(path, "b"), "If-None-Match: *"), 412, "", nil, nil},
		{"select", get("/api/v2/select?p=notes" + at), 200, "a", []string{"Etag: " + tag("a")}, nil},
		{"not modified", with(get("/api/v2/select?p=notes"+at), "If-None-Match: "+tag("b")+", W/"+tag("a")), 304, "", []string{"Etag: " + tag("a")}, nil},
		{"if it is that", with(post(path, "b"), "If-Match: "+tag("a")), 200, "", nil, nil},
		{"if it is not that", with(post(path, "c"), "If-Match: "+tag("a")), 412, "", nil, nil},
		{"if there is any", with(post(path, "c"), "If-Match: *"), 200, "", nil, nil},
		{"a tag that is none", with(post(path, "d"), "If-Match: abc"), 400, "~If-Match", nil, nil},
		{"both", with(post(path, "d"), "If-Match: *", "If-None-Match: *"), 400, "", nil, nil},
		{"unchanged since", get("/api/v2/select?p=notes" + at), 200, "c", nil, nil},
	})
}

// TestWithoutKey: a server without a key answers neither foreign pages nor foreign
// names, and beyond loopback GET does not write.
func TestWithoutKey(t *testing.T) {
	r := newRig(t, people{}, Options{Loopback: true, AllowOrigin: []string{"https://app.example"}, AllowHost: []string{"sq.example"}})
	own := with(get("/api/v2/insert?p=notes"+at+"&s=x"), "Authorization: ")
	star := []string{"Access-Control-Allow-Origin"}
	r.run([]row{
		{"a program", own, 200, "Inserted 1 bytes", nil, star},
		{"typed by the user", with(own, "Sec-Fetch-Site: none"), 200, "", nil, star},
		{"a page of ours", with(own, "Sec-Fetch-Site: same-origin", "Origin: http://"+r.addr), 200, "", nil, star},
		{"a foreign page", with(own, "Sec-Fetch-Site: cross-site"), 403, "~--allow-origin", nil, star},
		{"a page of another port", with(own, "Sec-Fetch-Site: same-site"), 403, "", nil, star},
		{"a foreign origin", with(own, "Origin: https://evil.example"), 403, "", nil, star},
		{"no origin at all", with(own, "Origin: null"), 403, "", nil, star},
		{"an allowed origin", with(own, "Origin: https://app.example", "Sec-Fetch-Site: cross-site"), 200, "", []string{"Access-Control-Allow-Origin: https://app.example", "Vary: Origin"}, nil},
		{"a foreign name", with(own, "Host: evil.example"), 403, "~--allow-host", nil, star},
		{"an allowed name", with(own, "Host: sq.example:1337"), 200, "", nil, star},
		{"localhost", with(own, "Host: LOCALHOST:80"), 200, "", nil, star},
		{"IPv6", with(own, "Host: [::1]:80"), 200, "", nil, star},
		{"preflight of a foreign page", request{method: http.MethodOptions, path: "/api/v2/update", header: []string{"Origin: https://evil.example"}}, 403, "", nil, star},
	})
	beyond := newRig(t, people{}, Options{AllowHost: []string{"sq.example"}})
	beyond.run([]row{
		{"GET insert beyond loopback", own, 405, "", []string{"Allow: POST"}, nil},
		{"POST insert beyond loopback", with(post("/api/v2/insert?p=notes"+at, "x"), "Authorization: "), 200, "Inserted 1 bytes", nil, nil},
	})
}

// TestReload: who may have the configuration read again, and what they are told.
func TestReload(t *testing.T) {
	fails := sq.Errorf(sq.Invalid, "tenants.json:3:7: something secret")
	reload := request{method: http.MethodPost, path: "/api/v2/reload", header: []string{"Authorization: "}}
	failing := func(*http.Request) error { return fails }
	newRig(t, twoTenants, Options{Reload: func(*http.Request) error { return nil }}).run([]row{
		{"from here", reload, 200, "Config reload triggered", nil, nil},
		{"through a proxy", with(reload, "X-Forwarded-For: 127.0.0.1"), 403, "", nil, nil},
		{"through another", with(reload, "Forwarded: for=127.0.0.1"), 403, "", nil, nil},
		{"through a third", with(reload, "X-Real-IP: 127.0.0.1"), 403, "", nil, nil},
		{"a page", with(reload, "Origin: http://localhost"), 403, "", nil, nil},
		{"GET", get("/api/v2/reload"), 405, "", []string{"Allow: POST"}, nil},
	})
	mistaken := newRig(t, twoTenants, Options{Reload: failing})
	mistaken.run([]row{
		{"a mistake", reload, 409, "the configuration was not reloaded, the one in force stays", nil, nil},
	})
	failed := newRig(t, twoTenants, Options{Reload: func(*http.Request) error { return errors.New("something secret") }})
	failed.run([]row{
		{"a failure", reload, 500, "the configuration was not reloaded, the one in force stays", nil, nil},
	})
	for _, r := range []*rig{mistaken, failed} {
		log := r.log.String()
		if strings.Count(log, "something secret") != 1 || !strings.Contains(log, "level=ERROR msg=\"configuration not reloaded; ") || strings.Contains(log, "request failed") {
			t.Errorf("the reason is not told once:\n%s", log)
		}
	}
	admin := twoTenants
	admin.admin = "the key"
	newRig(t, admin, Options{Reload: failing}).run([]row{
		{"without the key", reload, 403, "", nil, nil},
		{"with a tenant's token", with(reload, "Authorization: alice's"), 403, "", nil, nil},
		{"with the key", with(reload, "Authorization: Bearer the key"), 409, "the configuration was not reloaded, the one in force stays: tenants.json:3:7: something secret", nil, nil},
	})
}
