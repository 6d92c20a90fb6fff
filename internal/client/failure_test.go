package client_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/client"
	"github.com/wbic16/sq-go/internal/storetest"
	"github.com/wbic16/sq-go/phext"
)

var putOne = sq.Batch{{Kind: sq.Put, Coordinate: phext.First, Text: []byte("text")}}

// TestAddresses: what is no server is refused before anybody is asked.
func TestAddresses(t *testing.T) {
	for _, o := range []client.Options{
		{Server: ""}, {Server: "localhost:1337"}, {Server: "ftp://localhost"}, {Server: "http://"}, {Server: "unix://relative"}, {Server: "unix://"},
		{Server: "http://localhost/?x"}, {Server: "http://localhost/#x"}, {Server: "http://us er"}, {Server: "http://localhost", Token: "a\n"},
	} {
		if c, err := client.New(o); sq.ErrorCode(err) != sq.Invalid || c != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := client.New(client.Options{Server: "http://user:secret@localhost"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

// TestPathOfAProxy: a server may be below a path, and be named with that of the API.
func TestPathOfAProxy(t *testing.T) {
	var asked string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		io.WriteString(w, sq.Version)
	}))
	defer s.Close()
	for _, path := range []string{"/below/it", "/below/it/", "/below/it/api/v2", "/below/it/api/v2/"} {
		if _, err := open(t, s.URL+path, "").Version(t.Context()); err != nil || asked != "/below/it/api/v2/version" {
			t.Errorf("%s: %q, %v", path, asked, err)
		}
	}
}

// everyCall makes a call of each kind, of which some write.
func everyCall(c *client.Client) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"version": func(ctx context.Context) error { _, err := c.Version(ctx); return err },
		"list":    func(ctx context.Context) error { _, err := c.List(ctx); return err },
		"describe": func(ctx context.Context) error {
			for _, err := range c.Describe(ctx) {
				if err != nil {
					return err
				}
			}
			return nil
		},
		"snapshot": func(ctx context.Context) error { _, err := c.Snapshot(ctx, "notes"); return err },
		"refresh":  func(ctx context.Context) error { return c.Refresh(ctx, "notes") },
		"delta": func(ctx context.Context) error {
			d, err := c.Delta(ctx, "notes", func(func(phext.Coordinate, phext.Checksum) bool) {})
			if err == nil {
				defer d.Close()
				for _, err := range d.All() {
					if err != nil {
						return err
					}
				}
			}
			return err
		},
		"watch": func(ctx context.Context) error {
			for _, err := range c.Watch(ctx, "notes", phext.AnyPattern, sq.Position{}) {
				return err
			}
			return nil
		},
		"apply":   func(ctx context.Context) error { _, err := c.Apply(ctx, "notes", putOne); return err },
		"replace": func(ctx context.Context) error { return c.Replace(ctx, "notes", strings.NewReader("whole")) },
		"drop":    func(ctx context.Context) error { return c.Drop(ctx, "notes") },
	}
}

func writes(call string) bool { return call == "apply" || call == "replace" || call == "drop" }

// TestPartOfADelta: a server that answers with more than the part that was asked for is older.
func TestPartOfADelta(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("SQ-Position", "0000000000000001-1")
		if q := r.URL.Query(); q.Get("from") != "1.1.1/1.1.1/1.1.2" || q.Get("before") != "1.1.1/1.1.1/1.1.4" {
			t.Errorf("asked for %v", q)
		}
		io.WriteString(w, `[{"coord":"1.1.1/1.1.1/1.1.2","missing":true},{"coord":"1.1.1/1.1.1/1.1.4","missing":true}]`)
	}))
	defer s.Close()
	at := func(n int) phext.Coordinate { return phext.First.With(8, n) }
	d, err := open(t, s.URL, "").DeltaOf(t.Context(), "notes", client.Part{From: at(2), Before: at(4)}, func(func(phext.Coordinate, phext.Checksum) bool) {})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	n := 0
	for _, err := range d.All() {
		if n++; (err == nil) != (n == 1) || n == 2 && !strings.Contains(err.Error(), "1.1.1/1.1.1/1.1.4, which was not asked for") {
			t.Errorf("%d: %v", n, err)
		}
	}
	if n != 2 {
		t.Errorf("%d elements", n)
	}
}

// TestStrangers: what is answered by no SQ is an error that says so.
func TestStrangers(t *testing.T) {
	for what, answer := range map[string]http.HandlerFunc{
		"a page":  func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<!DOCTYPE html><h1>Welcome</h1>") },
		"nothing": func(w http.ResponseWriter, _ *http.Request) {},
		"a line": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			io.WriteString(w, "hello\n\n/")
		},
		"JSON": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"a":1}`)
		},
		"an array of JSON": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("SQ-Position", "1-1")
			io.WriteString(w, `[{"coord":"1.1.1/1.1.1/1.1.1","text":"a","checksum":"b"}]`)
		},
		"much": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			io.Copy(w, io.LimitReader(zeros{}, 1<<22))
		},
		"no content": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"an event without an end": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, strings.Repeat("data: hello\n", 1<<12))
		},
		"events": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: hello\n\n")
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := httptest.NewServer(answer)
			defer s.Close()
			c := open(t, s.URL, "a token")
			for name, call := range everyCall(c) {
				err := call(t.Context())
				want := sq.Invalid
				if writes(name) {
					want = sq.Uncertain
				}
				if what == "no content" {
					want = sq.Internal
				}
				if sq.ErrorCode(err) != want || !strings.Contains(err.Error(), "no SQ") || strings.Contains(err.Error(), "token") || len(err.Error()) > 500 {
					t.Errorf("%s: %.600v", name, err)
				}
			}
			c.Close()
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestRefusals: errors come back as the server meant them, and those of others as
// what they are.
func TestRefusals(t *testing.T) {
	problem := func(code sq.Code, detail string) string {
		text, _ := json.Marshal(map[string]any{"type": "about:blank", "status": code.Status(), "detail": detail, "code": code})
		return string(text)
	}
	for _, row := range []struct {
		what         string
		status       int
		kind, text   string
		reads, write sq.Code
		says         string
	}{
		{"busy", 503, "application/problem+json", problem(sq.Busy, "too many"), sq.Busy, sq.Busy, "too many"},
		{"closed", 503, "application/problem+json", problem(sq.Closed, "the store is closed"), sq.Closed, sq.Closed, "closed"},
		{"uncertain", 500, "application/problem+json", problem(sq.Uncertain, "may have happened"), sq.Uncertain, sq.Uncertain, "may have"},
		{"full", 507, "application/problem+json", problem(sq.Full, "no room"), sq.Full, sq.Full, "no room"},
		{"a token is wrong", 401, "application/problem+json", problem(sq.Unauthorized, "Unauthorized"), sq.Unauthorized, sq.Unauthorized, "does not know the token"},
		{"escapes", 403, "application/problem+json", problem(sq.Forbidden, "no \x1b[31mred\nline"), sq.Forbidden, sq.Forbidden, "no  [31mred line"},
		{"an older server", 404, "application/problem+json", `{"detail":"Not Found","status":404}`, sq.Invalid, sq.Invalid, "it may be an older SQ"},
		{"a code that nobody knows", 409, "application/problem+json", `{"detail":"x","code":"odd"}`, sq.Conflict, sq.Conflict, "x"},
		{"SQ of old", 401, "text/plain; charset=utf-8", "Unauthorized", sq.Unauthorized, sq.Unauthorized, "401 Unauthorized: Unauthorized"},
		{"another program", 404, "text/html", "<h1>", sq.NotFound, sq.NotFound, "from a proxy or from another program"},
		{"no backend", 502, "text/html", "<h1>", sq.Busy, sq.Uncertain, "502 Bad Gateway"},
		{"slow backend", 504, "text/html", "<h1>", sq.Busy, sq.Uncertain, "504 Gateway Timeout"},
		{"half a problem", 500, "application/problem+json", `{"detail":`, sq.Internal, sq.Internal, "no SQ's"},
	} {
		t.Run(row.what, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", row.kind)
				w.WriteHeader(row.status)
				io.WriteString(w, row.text)
			}))
			defer s.Close()
			c := open(t, s.URL, "secret")
			for name, call := range everyCall(c) {
				err := call(t.Context())
				want := row.reads
				if writes(name) {
					want = row.write
				}
				if sq.ErrorCode(err) != want || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "secret") {
					t.Errorf("%s: %s %v, want %s", name, sq.ErrorCode(err), err, want)
				}
			}
			c.Close()
		})
	}
}

// TestTokens: who has none, or a wrong one, is told what to do.
func TestTokens(t *testing.T) {
	server := serve(t, storetest.NewModel(), "tcp", "127.0.0.1:0", "a token")
	for token, says := range map[string]string{"": "wants a token, and none was given", "another": "does not know the token"} {
		_, err := open(t, server, token).List(t.Context())
		if sq.ErrorCode(err) != sq.Unauthorized || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", token, err)
		}
	}
}

// TestNoRedirect: a token goes to the server that was named and to no other.
func TestNoRedirect(t *testing.T) {
	var reached atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := httptest.NewServer(http.RedirectHandler(other.URL+"/api/v2/version?s=x", status))
		c := open(t, s.URL, "secret")
		for name, call := range everyCall(c) {
			if err := call(t.Context()); sq.ErrorCode(err) != sq.Invalid || !strings.Contains(err.Error(), other.URL+";") {
				t.Errorf("%d, %s: %v", status, name, err)
			}
		}
		c.Close()
		s.Close()
	}
	if reached.Load() > 0 {
		t.Error("the other server was asked")
	}
}

// TestNobodyThere: nothing was done, and that is known.
func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for _, server := range []string{"http://" + l.Addr().String(), "unix://" + filepath.Join(t.TempDir(), "none")} {
		for name, call := range everyCall(open(t, server, "secret")) {
			if err := call(t.Context()); sq.ErrorCode(err) != sq.Busy || !strings.Contains(err.Error(), "no server answers at "+server) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestLostInTheMidst: a server that goes away while it is asked may have done what
// it was asked for, and is not asked again. Many connections are lost, since
// net/http repeats a request on its own where it thinks that it may.
func TestLostInTheMidst(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var requests atomic.Int32
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(conn)
			for n := 0; ; n++ {
				r, err := http.ReadRequest(in)
				if err != nil {
					break
				}
				io.Copy(io.Discard, r.Body)
				if strings.HasSuffix(r.URL.Path, "/version") && n == 0 {
					io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n0.5.5")
					continue // and the connection is used again
				}
				if !strings.HasSuffix(r.URL.Path, "/version") {
					requests.Add(1)
				}
				break
			}
			conn.Close()
		}
	}()
	for name := range everyCall(nil) {
		c := open(t, "http://"+l.Addr().String(), "")
		if _, err := c.Version(t.Context()); err != nil {
			t.Fatal(err)
		}
		requests.Store(0)
		err := everyCall(c)[name](t.Context())
		switch {
		case name == "version":
		case writes(name) && (sq.ErrorCode(err) != sq.Uncertain || requests.Load() != 1):
			t.Errorf("%s: sent %d times, %v", name, requests.Load(), err)
		case !writes(name) && sq.ErrorCode(err) != sq.Busy:
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
}

// TestNotWaitedFor: a call ends with its context, and with the client.
func TestNotWaitedFor(t *testing.T) {
	asked, done := make(chan struct{}), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-done:
		case <-r.Context().Done():
		}
	}))
	defer s.Close()
	defer close(done)
	for name := range everyCall(nil) {
		for _, how := range []string{"context", "close"} {
			c := open(t, s.URL, "")
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- everyCall(c)[name](ctx) }()
			<-asked
			want := sq.Busy
			if how == "close" {
				want = sq.Closed
				c.Close()
			}
			cancel()
			if writes(name) {
				want = sq.Uncertain
			}
			err := <-ended
			if name == "watch" && how == "context" && err == nil {
				continue // that is how watches end
			}
			if sq.ErrorCode(err) != want {
				t.Errorf("%s, %s: %s %v, want %s", name, how, sq.ErrorCode(err), err, want)
			}
			if how == "context" && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v does not say that the context ended", name, err)
			}
			c.Close()
		}
	}
}

// TestBrokenSource: a phext that cannot be read to its end is not sent as if it
// ended there.
func TestBrokenSource(t *testing.T) {
	store := storetest.NewModel()
	c := open(t, serve(t, store, "tcp", "127.0.0.1:0", ""), "")
	if err := c.Replace(t.Context(), "notes", strings.NewReader("kept")); err != nil {
		t.Fatal(err)
	}
	why := errors.New("the disk is broken")
	for _, r := range []io.Reader{iotest.ErrReader(why), io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), iotest.ErrReader(why))} {
		err := c.Replace(t.Context(), "notes", r)
		if sq.ErrorCode(err) != sq.Invalid || !errors.Is(err, why) {
			t.Errorf("%v", err)
		}
	}
	if got := storetest.Read(t, store, "notes"); got[phext.First] != "kept" || len(got) != 1 {
		t.Errorf("%q", got)
	}
}

// TestSnapshotOfAnother: a reply that is not of the moment, or not the text that it
// says, is not taken for it; nor one that ends too soon.
func TestSnapshotOfAnother(t *testing.T) {
	var position, tag, text, length string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/status") {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"phext":"notes","exists":true,"bytes":4,"scrolls":1,"position":"0000000000000001-1"}`)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("SQ-Position", position)
		w.Header().Set("ETag", tag)
		if length != "" {
			w.Header().Set("Content-Length", length)
		}
		if r.Method != http.MethodHead {
			io.WriteString(w, text)
		}
	}))
	defer s.Close()
	good, right := `"`+phext.Sum([]byte("text")).String()+`"`, "0000000000000001-1"
	for _, row := range []struct {
		what, position, tag, length string
		ok                          bool
	}{
		{"right", right, good, "4", true},
		{"compressed by a proxy", right, "W/" + good, "4", true},
		{"of another moment", "0000000000000001-2", good, "4", false},
		{"of no moment", "", good, "4", false},
		{"another text", right, `"` + phext.Sum([]byte("tent")).String() + `"`, "4", false},
		{"cut off", right, good, "5", false},
		{"too much", right, `"` + phext.Sum([]byte("texts")).String() + `"`, "", false},
	} {
		position, tag, text, length = row.position, row.tag, "text", row.length
		if length == "" {
			text = "texts"
		}
		snapshot, err := open(t, s.URL, "").Snapshot(t.Context(), "notes")
		if err != nil {
			t.Fatal(err)
		}
		got, ok, err := snapshot.Get(nil, phext.First)
		if (err == nil) != row.ok || ok != row.ok || row.ok && string(got) != "text" {
			t.Errorf("%s: %q, %v, %v", row.what, got, ok, err)
		}
		n, err := snapshot.WriteTo(io.Discard)
		if wrong := row.position != right || row.length != "4"; (err != nil) != wrong {
			t.Errorf("%s: written %d, %v", row.what, n, err)
		}
		for _, err = range snapshot.Scan(phext.Coordinate{}, phext.Last) {
			if err != nil {
				break
			}
		}
		if wrong := row.position != right || row.length != "4"; (err != nil) != wrong {
			t.Errorf("%s: scanned, %v", row.what, err)
		}
		if size, has := snapshot.Has(phext.First); has != (row.position == right && length != "") || has != (snapshot.Err() == nil) {
			t.Errorf("%s: has %d, %v, %v", row.what, size, has, snapshot.Err())
		}
		snapshot.Close()
	}
}
