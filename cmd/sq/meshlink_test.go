package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/mesh"
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

// endless reads as lines without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '\n'
	}
	return len(p), nil
}
