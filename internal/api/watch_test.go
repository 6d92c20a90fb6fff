package api

import (
	"bufio"
	"context"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// listening is an open stream of events.
type listening struct {
	t     *testing.T
	reply *http.Response
	lines *bufio.Reader
	leave context.CancelFunc
}

// listen opens a stream, whose first block it reads and returns.
func (r *rig) listen(t *testing.T, query string, header ...string) (*listening, string) {
	t.Helper()
	l := r.tryListening(t, query, header...)
	if l.reply.StatusCode != http.StatusOK || l.reply.Header.Get("Content-Type") != "text/event-stream" {
		text, _ := io.ReadAll(l.reply.Body)
		t.Fatalf("%d %q", l.reply.StatusCode, text)
	}
	return l, l.block()
}

func (r *rig) tryListening(t *testing.T, query string, header ...string) *listening {
	t.Helper()
	ctx, leave := context.WithCancel(context.Background())
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, r.scheme()+r.addr+"/api/v2/watch?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer alice's")
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		q.Header.Set(name, value)
	}
	reply, err := r.client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	l := &listening{t, reply, bufio.NewReader(reply.Body), leave}
	t.Cleanup(l.close)
	return l
}

func (l *listening) close() {
	l.leave()
	l.reply.Body.Close()
}

// block reads up to an empty line.
func (l *listening) block() string {
	l.t.Helper()
	text := ""
	for {
		line, err := l.lines.ReadString('\n')
		if err != nil {
			l.t.Fatalf("%q, and then %v", text+line, err)
		}
		if line == "\n" {
			return text
		}
		text += line
	}
}

// wants reads a block that must be so.
func (l *listening) wants(text string) {
	l.t.Helper()
	if got := l.block(); got != text {
		l.t.Errorf("got %q, want %q", got, text)
	}
}

// ends reads to the end, which must be one.
func (l *listening) ends() {
	l.t.Helper()
	if _, err := io.Copy(io.Discard, l.lines); err != nil {
		l.t.Errorf("the end is %v", err)
	}
}

func event(kind, position, rest string) string {
	return "event: " + kind + "\nid: 0000000000000001-" + position + "\ndata: {\"position\":\"0000000000000001-" + position + `"` + rest + "}\n"
}

func TestWatch(t *testing.T) {
	r := newRig(t, twoTenants, Options{Many: true})
	r.send(post("/api/v2/update?p=notes"+at, "before"))
	l, first := r.listen(t, "p=notes")
	if first != "retry: 3000\nid: 0000000000000001-1\n" {
		t.Errorf("begins with %q", first)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"} {
		if got := l.reply.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	r.send(post("/api/v2/update?p=notes"+at, "a"))
	r.send(post("/api/v2/insert?p=notes"+at, "bc"))
	r.send(request{method: http.MethodDelete, path: "/api/v2/delete?p=notes" + at})
	r.send(post(batchPath, lines(`{"op":"put","c":"1.1.1/1.1.1/1.1.1","text":"x"}`, `{"op":"put","c":"2.1.1/1.1.1/1.1.1","text":"y"}`)))
	r.send(put(putPath, "whole"))
	where := `,"coord":"1.1.1/1.1.1/1.1.1"`
	updated := event("update", "2", where+`,"bytes":1,"checksum":"`+checksum("a")+`"`)
	second := event("update", "5", `,"coord":"2.1.1/1.1.1/1.1.1","bytes":1,"checksum":"`+checksum("y")+`"`)
	first = strings.Replace(event("update", "5", where+`,"bytes":1,"checksum":"`+checksum("x")+`"`), "id: 0000000000000001-5\n", "", 1)
	all := []string{
		updated, event("insert", "3", where+`,"bytes":2,"checksum":"`+checksum("bc")+`"`), event("delete", "4", where+`,"bytes":0`),
		first, second, event("reset", "6", ""),
	}
	for _, want := range all {
		l.wants(want)
	}
	again, _ := r.listen(t, "p=notes", "Last-Event-ID: 0000000000000001-1")
	for _, want := range all {
		again.wants(want)
	}
	within, _ := r.listen(t, "p=notes&c=2.*.*/*.*.*/*.*.*", "Last-Event-ID: 0000000000000001-2")
	within.wants(second)
	elsewhere, _ := r.listen(t, "p=notes", "Last-Event-ID: 0000000000000007-1")
	elsewhere.wants(event("reset", "6", ""))
	reader, _ := r.listen(t, "p=notes", "Authorization: alice's to read", "Last-Event-ID: 0000000000000001-5")
	reader.wants(all[5])
	if _, first := r.listen(t, "p=notes", "Authorization: bob's"); first != "retry: 3000\nid: 0000000000000001-0\n" {
		t.Errorf("another tenant's begins with %q", first)
	}
	r.run([]row{
		{"no pattern", get("/api/v2/watch?p=notes&c=1.1"), 400, "", nil, nil},
		{"no phext", get("/api/v2/watch"), 400, "", nil, nil},
		{"no id", with(get("/api/v2/watch?p=notes"), "Last-Event-ID: 12"), 400, "~Last-Event-ID", nil, nil},
		{"no token", with(get("/api/v2/watch?p=notes"), "Authorization: "), 401, "", nil, nil},
		{"by POST", post("/api/v2/watch?p=notes", ""), 405, "", []string{"Allow: GET, HEAD"}, nil},
		{"its head", request{method: http.MethodHead, path: "/api/v2/watch?p=notes"}, 200, "", []string{"Content-Type: text/event-stream"}, nil},
	})
}

// TestWatchGoesOn for longer than a reply may stand still, and shows that it lives.
func TestWatchGoesOn(t *testing.T) {
	o := Options{Limits: Limits{StallTimeout: 200 * time.Millisecond, Heartbeat: 20 * time.Millisecond}}
	for how, r := range map[string]*rig{"plain": newRig(t, twoTenants, o), "under TLS": newSecretRig(t, twoTenants, o)} {
		l, _ := r.listen(t, "p=notes")
		for range 25 {
			l.wants(": heartbeat\n")
		}
		r.send(post("/api/v2/update?p=notes"+at, "a"))
		text := l.block()
		for text == ": heartbeat\n" {
			text = l.block()
		}
		if !strings.HasPrefix(text, "event: update\n") {
			t.Errorf("%s: %q", how, text)
		}
	}
}

// TestWatchEndsWithTheServer, which does not wait for it.
func TestWatchEndsWithTheServer(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	l, _ := r.listen(t, "p=notes")
	if err := r.server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	l.ends()
}

// TestWatchEndsWithItsStore, as that of a tenant that is removed.
func TestWatchEndsWithItsStore(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	l, _ := r.listen(t, "p=notes")
	if err := r.store("alice").Close(); err != nil {
		t.Error(err)
	}
	l.ends()
}

// TestWatchEndsWithItsToken: a token that is taken away hears nothing more.
func TestWatchEndsWithItsToken(t *testing.T) {
	for _, beat := range []time.Duration{time.Hour, time.Millisecond} {
		var who atomic.Pointer[people]
		who.Store(&twoTenants)
		r := newRigUnder(t, changing{&who}, Options{Limits: Limits{Heartbeat: beat, StallTimeout: 2 * time.Hour}}, nil)
		l, _ := r.listen(t, "p=notes")
		who.Store(&people{names: []string{"bob"}})
		if _, err := r.store("alice").Apply(t.Context(), "notes", sq.Batch{{Kind: sq.Put, Coordinate: phext.First, Text: []byte("secret")}}); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(l.lines)
		if err != nil || strings.Contains(string(text), "event") {
			t.Errorf("%q, %v", text, err)
		}
	}
}

// changing is tenants that change.
type changing struct{ now *atomic.Pointer[people] }

func (c changing) Find(token string) (sq.Tenant, bool) { return c.now.Load().Find(token) }
func (c changing) NeedsToken() bool                    { return true }
func (c changing) IsAdmin(string) bool                 { return false }
func (c changing) HasAdmin() bool                      { return false }
func (c changing) Revision() uint64                    { return 0 }

// TestStreamsHaveTheirOwnLimit, beside that of requests, and a tenant a part of it.
func TestStreamsHaveTheirOwnLimit(t *testing.T) {
	r := newRig(t, twoTenants, Options{Many: true, Limits: Limits{Requests: 4, Streams: 8, Heartbeat: 10 * time.Millisecond}})
	var open []*listening
	for range 2 {
		l, _ := r.listen(t, "p=notes")
		open = append(open, l)
	}
	if l := r.tryListening(t, "p=notes"); l.reply.StatusCode != http.StatusServiceUnavailable || l.reply.Header.Get("Retry-After") == "" {
		t.Errorf("a third stream: %d", l.reply.StatusCode)
	}
	r.listen(t, "p=notes", "Authorization: bob's")
	r.run([]row{{"requests go on", get("/api/v2/select?p=notes" + at), 200, "", nil, nil}})
	open[0].close()
	for l := r.tryListening(t, "p=notes"); l.reply.StatusCode != http.StatusOK; l = r.tryListening(t, "p=notes") {
		l.close()
	}
}

// failingWatch is a store whose watches fail, or worse.
type failingWatch struct {
	sq.Store
	panics bool
}

func (s failingWatch) Watch(context.Context, sq.PhextName, phext.Pattern, sq.Position) iter.Seq2[sq.Change, error] {
	return func(yield func(sq.Change, error) bool) {
		if s.panics {
			panic("a store that panics")
		}
		yield(sq.Change{}, sq.Errorf(sq.Unreadable, "it is no phext any more"))
	}
}

// TestWatchThatFails is cut off, which is no end; and the server goes on.
func TestWatchThatFails(t *testing.T) {
	for _, panics := range []bool{false, true} {
		r := newRig(t, twoTenants, Options{Store: func(sq.Tenant) sq.Store { return failingWatch{newModel(), panics} }})
		l, _ := r.listen(t, "p=notes")
		if _, err := io.ReadAll(l.lines); err == nil {
			t.Error("looks as if it had ended well")
		}
		r.run([]row{{"and on", get("/api/v2/version"), 200, "", nil, nil}})
		if got := strings.Contains(r.log.String(), "a store that panics"); got != panics {
			t.Errorf("the log tells of a panic: %v", got)
		}
	}
}
