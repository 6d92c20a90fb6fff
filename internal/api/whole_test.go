package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/storetest"
)

func put(path, body string) request { return request{method: http.MethodPut, path: path, body: body} }

const putPath = "/api/v2/put?p=notes"

func TestPutAndDrop(t *testing.T) {
	r := newRig(t, twoTenants, Options{Limits: Limits{BodyBytes: 1000}})
	whole := "one\x17two\x18three\x17"
	r.run([]row{
		{"put", put(putPath, whole), 200, "Replaced notes.phext", []string{"Cache-Control: no-store"}, nil},
		{"in normal form", get("/api/v2/get?p=notes"), 200, "one\x17two\x18three", nil, nil},
		{"by POST", post(putPath, "other"), 200, "Replaced notes.phext", nil, nil},
		{"all of it", get("/api/v2/get?p=notes"), 200, "other", nil, nil},
		{"no body", put(putPath, ""), 400, "~phext: is missing", nil, nil},
		{"broken", put(putPath, "br\xffken"), 400, "", nil, nil},
		{"too long", put(putPath, strings.Repeat("x", 1001)), 413, "~1000 bytes", nil, nil},
		{"with a condition", with(put(putPath, "x"), "If-None-Match: *"), 400, "~conditions on a scroll", nil, nil},
		{"to read", with(put(putPath, "x"), "Authorization: alice's to read"), 403, "", nil, nil},
		{"by GET", get(putPath), 405, "", []string{"Allow: POST, PUT"}, nil},
		{"somewhere else", put("/api/v2/put?p=../notes", "x"), 403, "", nil, nil},
		{"none of it was done", get("/api/v2/get?p=notes"), 200, "other", nil, nil},
		{"empty, in words", put(putPath+"&s=", ""), 200, "Replaced notes.phext", nil, nil},
		{"is empty", get("/api/v2/get?p=notes"), 200, "", []string{"Content-Length: 0"}, nil},
		{"as a parameter", put(putPath+"&s=a%17b", ""), 200, "", nil, nil},
		{"two scrolls", get("/api/v2/get?p=notes"), 200, "a\x17b", nil, nil},
		{"drop by GET", get("/api/v2/drop?p=notes"), 405, "", []string{"Allow: DELETE"}, nil},
		{"drop with a condition", with(request{method: http.MethodDelete, path: "/api/v2/drop?p=notes"}, "If-Match: *"), 400, "", nil, nil},
		{"drop", request{method: http.MethodDelete, path: "/api/v2/drop?p=notes"}, 200, "Dropped notes.phext", []string{"Cache-Control: no-store"}, nil},
		{"is gone", request{method: http.MethodDelete, path: "/api/v2/drop?p=notes"}, 404, "~notes", nil, nil},
		{"another's", with(request{method: http.MethodDelete, path: "/api/v2/drop?p=notes"}, "Authorization: bob's"), 404, "~notes", nil, nil},
	})
}

// TestPutOfUnknownLength: what says how long it is only at its end is taken, within
// bounds, and nothing at all is no phext.
func TestPutOfUnknownLength(t *testing.T) {
	r := newRig(t, twoTenants, Options{Limits: Limits{BodyBytes: 100_000}})
	for _, c := range []struct {
		bytes, status int
	}{{0, 400}, {90_000, 200}, {100_001, 413}} {
		q, err := http.NewRequest(http.MethodPut, "http://"+r.addr+putPath, io.MultiReader(strings.NewReader(strings.Repeat("x", c.bytes))))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Authorization", "alice's")
		reply, err := r.client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		if reply.StatusCode != c.status {
			t.Errorf("%d bytes: %d, want %d", c.bytes, reply.StatusCode, c.status)
		}
	}
	if got := storetest.Read(t, r.store("alice"), "notes"); len(got) != 1 {
		t.Errorf("holds %d scrolls", len(got))
	}
}

// dated knows when a phext was changed.
type dated struct{ sq.Snapshot }

func (dated) Modified() (time.Time, bool) {
	return time.Date(2026, 2, 3, 4, 5, 6, 0, time.FixedZone("", 3600)), true
}

func TestList(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	r.run([]row{
		{"of nobody", get("/api/v2/list"), 200, "", []string{"Content-Type: text/plain; charset=utf-8", "Vary: Accept"}, nil},
		{"of nobody in JSON", with(get("/api/v2/list"), "Accept: application/json"), 200, "[]\n", []string{"Content-Type: application/json"}, nil},
	})
	for _, name := range []string{"b", "a%22", "c"} {
		r.send(post("/api/v2/update?p="+name+at, "text"))
	}
	r.send(put("/api/v2/put?p=c&s=", ""))
	r.run([]row{
		{"a name a line", get("/api/v2/list"), 200, "a\"\nb\nc\n", nil, nil},
		{"another's", with(get("/api/v2/list"), "Authorization: bob's"), 200, "", nil, nil},
		{"in JSON", with(get("/api/v2/list"), "Accept: application/json"), 200,
			`[{"name":"a\"","bytes":4,"scrolls":1},` + "\n" + `{"name":"b","bytes":4,"scrolls":1},` + "\n" + `{"name":"c","bytes":0,"scrolls":0}]` + "\n", nil, nil},
		{"by POST", post("/api/v2/list", ""), 405, "", nil, nil},
		{"without a token", with(get("/api/v2/list"), "Authorization: "), 401, "", nil, nil},
	})
	kinds := newRig(t, twoTenants, Options{Store: func(x sq.Tenant) sq.Store { return ofAllKinds{r.store(x.Name)} }})
	_, text := kinds.send(with(get("/api/v2/list"), "Accept: application/json"))
	var all []listed
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	want := []listed{{Name: "a\"", Error: "it is no phext"}, {Name: "b", Bytes: 4, Scrolls: 1, Modified: "2026-02-03T03:05:06Z"}, {Name: "c"}}
	if !slices.Equal(all, want) {
		t.Errorf("%+v", all)
	}
}

// ofAllKinds has a phext that is none, and one that knows its date.
type ofAllKinds struct{ sq.Store }

func (s ofAllKinds) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	got, err := s.Store.Snapshot(ctx, name)
	switch name {
	case "a\"":
		return nil, sq.Errorf(sq.Unreadable, "it is no phext")
	case "b":
		return dated{got}, err
	}
	return got, err
}

func TestStatusInJSON(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	r.send(post("/api/v2/update?p=notes"+at, "text"))
	r.run([]row{
		{"of what is there", with(get("/api/v2/status?p=notes"), "Accept: application/json"), 200,
			`{"phext":"notes","exists":true,"bytes":4,"scrolls":1,"position":"0000000000000001-1","connection":2}` + "\n", []string{"Vary: Accept"}, nil},
		{"of what is not", with(get("/api/v2/status?p=none"), "Accept: application/json"), 200,
			`{"phext":"none","exists":false,"bytes":0,"scrolls":0,"position":"0000000000000001-0","connection":3}` + "\n", nil, nil},
		{"as ever", get("/api/v2/status?p=notes"), 200, "Hosting: notes.phext\nConnection ID: 4\nPhext Size: 4\nScrolls: 1\n", nil, nil},
		{"and beside problems", with(get("/api/v2/status?p=notes"), "Accept: text/plain, application/problem+json"), 200, "~Hosting", nil, nil},
		{"that are JSON then", with(get("/api/v2/status?p=a/b"), "Accept: text/plain, application/problem+json"), 403, `~"code":"forbidden"`, nil, nil},
	})
}

// TestPosition: a reply tells of which moment it is where that is asked for, and no
// other moment is answered.
func TestPosition(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	r.send(post("/api/v2/update?p=notes"+at, "text"))
	here, there := "SQ-Position: 0000000000000001-1", "SQ-Position: 0000000000000001-2"
	var rows []row
	for _, name := range []string{"select", "get", "toc", "status", "checksum", "delta", "json-export"} {
		q := get("/api/v2/" + name + "?p=notes" + at)
		rows = append(rows,
			row{name + " unasked", q, 200, "", nil, []string{"SQ-Position"}},
			row{name + " of any", with(q, "SQ-Position: *"), 200, "", []string{here}, nil},
			row{name + " of this", with(q, here), 200, "", []string{here}, nil},
			row{name + " of another", with(q, there), 412, "~begin to read anew", nil, []string{"SQ-Position", "ETag"}},
			row{name + " of two", with(q, here, here), 400, "~SQ-Position: want", nil, nil},
			row{name + " of none", with(q, "SQ-Position: x"), 400, "~SQ-Position: want", nil, nil})
		q.method = http.MethodHead
		rows = append(rows, row{name + " head", with(q, here), 200, "", []string{here}, nil})
	}
	r.run(append(rows,
		row{"not modified", with(get("/api/v2/select?p=notes"+at), here, `If-None-Match: "`+checksum("text")+`"`), 304, "", []string{here}, nil},
		row{"what is not there", with(get("/api/v2/select?p=none"+at), "SQ-Position: *"), 200, "", []string{"SQ-Position: 0000000000000001-0"}, nil}))
}

func TestDeltaInJSON(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	r.send(put(putPath, "one\x17---sq:Scroll-Missing---\x17\"three\"\x17same"))
	json := []string{"Accept: application/json", "SQ-Position: *"}
	r.run([]row{
		{"all", with(post("/api/v2/delta?p=notes", "1.1.1/1.1.1/1.1.4: "+checksum("same")+"\n1.1.1/1.1.1/1.1.3: "+checksum("3")+"\n1.1.1/1.1.1/9.9.9: "+checksum("x")), json...), 200,
			`[{"coord":"1.1.1/1.1.1/1.1.1","text":"one","checksum":"` + checksum("one") + `"},` + "\n" +
				`{"coord":"1.1.1/1.1.1/1.1.2","text":"---sq:Scroll-Missing---","checksum":"` + checksum(missing) + `"},` + "\n" +
				`{"coord":"1.1.1/1.1.1/1.1.3","text":"\"three\"","checksum":"` + checksum(`"three"`) + `"},` + "\n" +
				`{"coord":"1.1.1/1.1.1/9.9.9","missing":true}]` + "\n", []string{"Content-Type: application/json", "SQ-Position: 0000000000000001-1", "Vary: Accept"}, nil},
		{"a part", with(post("/api/v2/delta?p=notes&from=1.1.1/1.1.1/1.1.2&before=1.1.1/1.1.1/1.1.4", "1.1.1/1.1.1/1.1.3: "+checksum("3")), json...), 200,
			`[{"coord":"1.1.1/1.1.1/1.1.2","text":"---sq:Scroll-Missing---","checksum":"` + checksum(missing) + `"},` + "\n" +
				`{"coord":"1.1.1/1.1.1/1.1.3","text":"\"three\"","checksum":"` + checksum(`"three"`) + `"}]` + "\n", nil, nil},
		{"what is missing in a part", with(post("/api/v2/delta?p=notes&from=1.1.1/1.1.1/1.1.5&before=1.1.1/1.1.1/2.1.1", "1.1.1/1.1.1/1.1.9: "+checksum("x")), json...), 200,
			`[{"coord":"1.1.1/1.1.1/1.1.9","missing":true}]` + "\n", nil, nil},
		{"a part to the end", with(get("/api/v2/delta?p=notes&from=1.1.1/1.1.1/1.1.4"), json...), 200, "~\"text\":\"same\"", nil, []string{"three"}},
		{"a line before a part", with(post("/api/v2/delta?p=notes&from=1.1.1/1.1.1/1.1.5", "1.1.1/1.1.1/1.1.4: "+checksum("x")), json...), 400, "~body: line 1: 1.1.1/1.1.1/1.1.4 stands before 1.1.1/1.1.1/1.1.5", nil, nil},
		{"a line behind a part", with(post("/api/v2/delta?p=notes&before=1.1.1/1.1.1/1.1.4", "1.1.1/1.1.1/1.1.4: "+checksum("x")), json...), 400, "~body: line 1: 1.1.1/1.1.1/1.1.4 does not stand before", nil, nil},
		{"a part of nothing", with(get("/api/v2/delta?p=notes&from=1.1.1/1.1.1/1.1.4&before=1.1.1/1.1.1/1.1.4"), json...), 400, "~there is nothing from 1.1.1/1.1.1/1.1.4 on", nil, nil},
		{"a part from nowhere", with(get("/api/v2/delta?p=notes&from=x"), json...), 400, "~query: from: ", nil, nil},
		{"nothing", with(get("/api/v2/delta?p=none"), json...), 200, "[]\n", nil, nil},
		{"as ever", with(post("/api/v2/delta?p=notes", "1.1.1/1.1.1/9.9.9: "+checksum("x"))), 200, "~---sq:Scroll-Missing---\x17\"three\"", []string{"Content-Type: text/plain; charset=utf-8"}, nil},
	})
}
