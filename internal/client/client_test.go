package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/client"
	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/internal/storetest"
	"github.com/wbic16/sq-go/phext"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// single is one tenant, with a token or without.
type single string

func (s single) Find(token string) (sq.Tenant, bool) {
	return sq.Tenant{DataDir: "here"}, s == "" || token == string(s)
}
func (s single) NeedsToken() bool  { return s != "" }
func (single) IsAdmin(string) bool { return false }
func (single) HasAdmin() bool      { return false }
func (single) Revision() uint64    { return 0 }

// serve serves a store until the test ends, and returns where.
func serve(t *testing.T, store sq.Store, network, addr, token string) string {
	t.Helper()
	return serveWithin(t, store, network, addr, token, api.Limits{})
}

func serveWithin(t *testing.T, store sq.Store, network, addr, token string, limits api.Limits) string {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	server := api.New(api.Options{
		Limits:   limits,
		Tenants:  func() api.Tenants { return single(token) },
		Store:    func(sq.Tenant) sq.Store { return store },
		Loopback: true,
	})
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	if network == "unix" {
		return "unix://" + addr
	}
	return "http://" + l.Addr().String()
}

func open(t *testing.T, server, token string) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{Server: server, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestSocket(t *testing.T) {
	t.Chdir(t.TempDir())
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	serve(t, storetest.NewModel(), "unix", filepath.Join(folder, "s"), "")
	for _, path := range []string{filepath.Join(folder, "s"), "./s", "../" + filepath.Base(folder) + "/s"} {
		if v, err := open(t, "unix://"+path, "").Version(t.Context()); err != nil || v != sq.Version {
			t.Errorf("%s: %s, %v", path, v, err)
		}
	}
}

// TestStatus tells what the server counts.
func TestStatus(t *testing.T) {
	c := open(t, serve(t, storetest.NewModel(), "tcp", "127.0.0.1:0", ""), "")
	if err := c.Replace(t.Context(), "notes", strings.NewReader("a\x17bc")); err != nil {
		t.Fatal(err)
	}
	got, err := c.Status(t.Context(), "notes")
	if want := (client.Status{Exists: true, Bytes: 4, Scrolls: 2, Position: sq.Position{Epoch: 1, Sequence: 1}, Connection: 2}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := c.Status(t.Context(), "none"); err != nil || got.Exists {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestDescribe: a list comes with what the server knows of each phext, also of one
// that cannot be read, in one request.
func TestDescribe(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a": "one\x17two", "b": "a\xffb"} {
		if err := os.WriteFile(filepath.Join(dir, name+".phext"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	engine := disk.New(disk.Options{})
	defer engine.Close(context.Background())
	for store, want := range map[sq.Store]string{engine.Store(dir): "a 7 2 true false, b 0 0 true true, ", engine.Store(t.TempDir()): ""} {
		c := open(t, serve(t, store, "tcp", "127.0.0.1:0", ""), "")
		got := ""
		for p, err := range c.Describe(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got += fmt.Sprintf("%s %d %d %v %v, ", p.Name, p.Bytes, p.Scrolls, p.Modified != "", p.Error != "")
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestDelta tells what is missing from a scroll that reads as if it were.
func TestDelta(t *testing.T) {
	c := open(t, serve(t, storetest.NewModel(), "tcp", "127.0.0.1:0", ""), "")
	at := func(n int) phext.Coordinate { return phext.First.With(8, n) }
	if err := c.Replace(t.Context(), "notes", strings.NewReader("same\x17---sq:Scroll-Missing---\x17\"other\"")); err != nil {
		t.Fatal(err)
	}
	d, err := c.Delta(t.Context(), "notes", func(yield func(phext.Coordinate, phext.Checksum) bool) {
		_ = yield(at(9), phext.Sum([]byte("only here"))) && yield(at(3), phext.Sum([]byte("another"))) && yield(at(1), phext.Sum([]byte("same")))
	})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var got []string
	for x, err := range d.All() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%v %v %s", x.Coordinate, x.Missing, x.Text))
	}
	want := []string{"1.1.1/1.1.1/1.1.2 false ---sq:Scroll-Missing---", `1.1.1/1.1.1/1.1.3 false "other"`, "1.1.1/1.1.1/1.1.9 true "}
	if !slices.Equal(got, want) || d.Position != (sq.Position{Epoch: 1, Sequence: 1}) {
		t.Errorf("%q at %v", got, d.Position)
	}
}

// TestUnreadable: what is no phext is seen as it is, and named.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "notes.phext"), []byte("br\xffken"), 0o600); err != nil {
		t.Fatal(err)
	}
	engine := disk.New(disk.Options{})
	defer engine.Close(context.Background())
	c := open(t, serve(t, engine.Store(dir), "tcp", "127.0.0.1:0", ""), "")
	s, err := c.Snapshot(t.Context(), "notes")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var text strings.Builder
	if _, err := s.WriteTo(&text); err != nil || text.String() != "br\xffken" || !s.Exists() || sq.ErrorCode(s.Err()) != sq.Unreadable || s.Scrolls() != 0 {
		t.Errorf("%q, %v, %v", text.String(), err, s.Err())
	}
	_, _, err1 := s.Get(nil, phext.First)
	_, err2 := s.Checksum()
	_, err3 := c.Apply(t.Context(), "notes", sq.Batch{{Kind: sq.Put, Coordinate: phext.First, Text: []byte("x")}})
	for _, err := range []error{err1, err2, err3} {
		if sq.ErrorCode(err) != sq.Unreadable {
			t.Error(err)
		}
	}
	if err := c.Refresh(t.Context(), "notes"); err != nil {
		t.Error(err)
	}
}

// TestSnapshotOutlived says so, also where Has cannot.
func TestSnapshotOutlived(t *testing.T) {
	c := open(t, serve(t, storetest.NewModel(), "tcp", "127.0.0.1:0", ""), "")
	snapshot := func() sq.Snapshot {
		s, err := c.Snapshot(t.Context(), "notes")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	if err := c.Replace(t.Context(), "notes", strings.NewReader("a")); err != nil {
		t.Fatal(err)
	}
	one, two := snapshot(), snapshot()
	if err := c.Replace(t.Context(), "notes", strings.NewReader("b")); err != nil {
		t.Fatal(err)
	}
	if _, ok := one.Has(phext.First); ok || sq.ErrorCode(one.Err()) != sq.Busy {
		t.Errorf("%v, %v", ok, one.Err())
	}
	if _, _, err := one.Get(nil, phext.First); sq.ErrorCode(err) != sq.Busy {
		t.Error(err)
	}
	if text, ok, err := two.Get([]byte("before"), phext.First); sq.ErrorCode(err) != sq.Busy || ok || string(text) != "before" {
		t.Errorf("%q, %v, %v", text, ok, err)
	}
	two.Close()
	if _, _, err := two.Get(nil, phext.First); err == nil {
		t.Error("a snapshot that was closed is read")
	}
}

// TestBatchLine: the operation that is why is named.
func TestBatchLine(t *testing.T) {
	c := open(t, serve(t, storetest.NewModel(), "tcp", "127.0.0.1:0", ""), "")
	good, bad := sq.Op{Kind: sq.Put, Coordinate: phext.First, Text: []byte("a")}, sq.Op{Kind: sq.Delete, Coordinate: phext.First.With(8, 2), If: sq.IfExists}
	_, err := c.Apply(t.Context(), "notes", sq.Batch{good, good, bad})
	var of *sq.OpError
	if !errors.As(err, &of) || of.Index != 2 || sq.ErrorCode(err) != sq.Precondition {
		t.Errorf("%v", err)
	}
	bad = sq.Op{Kind: sq.Put, Coordinate: phext.First, Text: []byte("\xff")}
	if _, err := c.Apply(t.Context(), "notes", sq.Batch{good, bad}); !errors.As(err, &of) || of.Index != 1 || sq.ErrorCode(err) != sq.Invalid {
		t.Errorf("%v", err)
	}
}

// TestCloseTwice, and what was open is closed with it.
func TestCloseTwice(t *testing.T) {
	c := open(t, serve(t, storetest.NewModel(), "tcp", "127.0.0.1:0", ""), "")
	s, err := c.Snapshot(t.Context(), "notes")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Checksum(); sq.ErrorCode(err) != sq.Closed {
		t.Error(err)
	}
}

// TestTooLarge: a refusal arrives though there is much more to send.
func TestTooLarge(t *testing.T) {
	store := storetest.NewModel()
	c := open(t, serveWithin(t, store, "tcp", "127.0.0.1:0", "", api.Limits{BodyBytes: 100_000}), "")
	large := strings.Repeat("x", 16<<20)
	_, err1 := c.Apply(t.Context(), "notes", sq.Batch{{Kind: sq.Put, Coordinate: phext.First, Text: []byte(large)}})
	err2 := c.Replace(t.Context(), "notes", strings.NewReader(large))
	for _, err := range []error{err1, err2} {
		if sq.ErrorCode(err) != sq.TooLarge {
			t.Error(err)
		}
	}
	if got := storetest.Read(t, store, "notes"); len(got) > 0 {
		t.Error("something was written")
	}
}
