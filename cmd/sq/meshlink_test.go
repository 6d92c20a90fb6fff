package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/mesh"
	"github.com/wbic16/sq-go/phext"
)

// linkTo returns the peer that a server is, as a node with an id and a key has it.
func linkTo(t *testing.T, server string) mesh.Sharer {
	t.Helper()
	links := meshLinks{id: "a", key: "invented-key-of-a"}
	t.Cleanup(func() { links.close() })
	peer, err := links.to(server, "invented-key-of-b")
	if err != nil {
		t.Fatal(err)
	}
	return peer.(mesh.Sharer)
}

// TestMeshProofStays: a peer that sends a node on to somebody else does not have it show
// them what it showed the peer.
func TestMeshProofStays(t *testing.T) {
	var strangers atomic.Int32
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers.Add(1) }))
	defer stranger.Close()
	var asked atomic.Int32
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == meshBasePath && r.Header.Get("SQ-Mesh-Proof") == mesh.Proof("invented-key-of-a") && r.URL.Query().Get("node") == "a" {
			asked.Add(1)
		}
		http.Redirect(w, r, stranger.URL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}))
	defer peer.Close()
	text, err := linkTo(t, peer.URL).Base(t.Context(), "notes", 1000)
	if err == nil || asked.Load() != 1 || strangers.Load() != 0 {
		t.Errorf("%q, %v; the peer was asked %d times, a stranger %d times", text, err, asked.Load(), strangers.Load())
	}
}

// TestMeshBaseIsBounded: no more of a peer's base is read than was asked for.
func TestMeshBaseIsBounded(t *testing.T) {
	var sent atomic.Int64
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		n, _ := io.Copy(w, io.LimitReader(endless{}, 1<<30))
		sent.Store(n)
	}))
	text, err := linkTo(t, peer.URL).Base(t.Context(), "notes", 1000)
	peer.Close() // and waits for the handler
	if sq.ErrorCode(err) != sq.Invalid || !strings.Contains(err.Error(), "more than 1000 bytes") || sent.Load() == 1<<30 {
		t.Errorf("%d bytes, %v; %d bytes were sent", len(text), err, sent.Load())
	}
}

// TestMeshDeltaInParts: a phext of many scrolls is compared in several requests, none of which
// is long, and nothing at their borders is left out or told twice.
func TestMeshDeltaInParts(t *testing.T) {
	const scrolls = 250_000
	at := func(i int) phext.Coordinate {
		return phext.First.With(6, i/(500*500)+1).With(7, i/500%500+1).With(8, i%500+1)
	}
	var text bytes.Buffer
	out := phext.NewWriter(&text)
	for i := 1; i < scrolls; i++ { // the first one is missing there
		if i == 100_000 || i == 199_999 {
			continue
		}
		if err := out.WriteScroll(at(i), []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	out.WriteScroll(at(scrolls), []byte("y")) // only there; an error stays, and Flush returns it
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put(t, filepath.Join(dir, "notes.phext"), text.String())
	s := start(t, "--data-dir", dir)
	var requests, longest atomic.Int64
	target, _ := url.Parse("http://" + s.address)
	forward := httputil.NewSingleHostReverseProxy(target)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		longest.Store(max(longest.Load(), r.ContentLength))
		r.Host = target.Host
		forward.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	var got []string
	have := func(yield func(phext.Coordinate, phext.Checksum) bool) {
		same, other := phext.Sum([]byte("x")), phext.Sum([]byte("z"))
		for i := range scrolls {
			sum := same
			if i == 99_999 || i == 200_000 {
				sum = other
			}
			if !yield(at(i), sum) {
				return
			}
		}
	}
	for d, err := range linkTo(t, proxy.URL).(mesh.Peer).Delta(t.Context(), "notes", have) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(d.Coordinate, " ", d.Missing, " ", string(d.Text)))
	}
	want := []string{
		fmt.Sprint(at(0), " true "), fmt.Sprint(at(99_999), " false x"), fmt.Sprint(at(100_000), " true "), fmt.Sprint(at(199_999), " true "),
		fmt.Sprint(at(200_000), " false x"), fmt.Sprint(at(scrolls), " false y"),
	}
	if !slices.Equal(got, want) || requests.Load() != 3 || longest.Load() > 10<<20 {
		t.Errorf("%q\nwant %q; %d requests, the longest has %d bytes", got, want, requests.Load(), longest.Load())
	}
	s.stop()
}

// endless reads as lines without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '\n'
	}
	return len(p), nil
}
