package disk

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// TestPeekMakesNothing: who reads a file leaves nothing beside it, whether it is
// there or not.
func TestPeekMakesNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "notes.phext"), []byte("one\x17\x17two\x18"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Peek(dir, "notes")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	sum, err := s.Checksum()
	text, ok, err2 := s.Get(nil, phext.First.With(8, 3))
	if !s.Exists() || s.Scrolls() != 2 || s.Size() != 8 || sum != phext.Sum([]byte("one\x17\x17two")) || string(text) != "two" || !ok || errors.Join(err, err2) != nil {
		t.Errorf("%v, %d, %d, %v, %q, %v, %v, %v", s.Exists(), s.Scrolls(), s.Size(), sum, text, ok, err, err2)
	}
	none, err := Peek(dir, "other")
	if err != nil || none.Exists() || none.Scrolls() != 0 {
		t.Errorf("%v", err)
	}
	none.Close()
	names, err := PeekList(dir)
	if err != nil || !slices.Equal(names, []sq.PhextName{"notes"}) {
		t.Errorf("%q, %v", names, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
	if _, err := Peek(filepath.Join(dir, "nowhere"), "notes"); sq.ErrorCode(err) != sq.NotFound {
		t.Errorf("%v", err)
	}
}

// TestPeekUnreadable: what is no phext is told, and its bytes are shown.
func TestPeekUnreadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "any name")
	if err := os.WriteFile(path, []byte("a\xffb"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := PeekFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var text strings.Builder
	if _, err := s.WriteTo(&text); err != nil || text.String() != "a\xffb" || sq.ErrorCode(s.Err()) != sq.Unreadable {
		t.Errorf("%q, %v, %v", text.String(), err, s.Err())
	}
	if _, err := PeekFile(path + "x"); sq.ErrorCode(err) != sq.NotFound {
		t.Errorf("%v", err)
	}
}

// TestPeekBesideOthers: a directory that is served is refused, and so is a phext
// whose journal is not folded; one at rest is read, and can be served again at once.
func TestPeekBesideOthers(t *testing.T) {
	dir, ctx := t.TempDir(), context.Background()
	put := sq.Batch{{Kind: sq.Put, Coordinate: phext.First, Text: []byte("text")}}
	e := New(Options{Owner: "somebody"})
	if _, err := e.Store(dir).Apply(ctx, "notes", put); err != nil {
		t.Fatal(err)
	}
	for _, peek := range []func() error{
		func() error { _, err := Peek(dir, "notes"); return err },
		func() error { _, err := PeekList(dir); return err },
	} {
		if err := peek(); sq.ErrorCode(err) != sq.Busy || !strings.Contains(err.Error(), "somebody") {
			t.Errorf("%v", err)
		}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	e.Close(gone) // leaves the journal
	if _, err := Peek(dir, "notes"); !errors.Is(err, ErrJournal) {
		t.Errorf("%v", err)
	}
	if names, err := PeekList(dir); err != nil || !slices.Equal(names, []sq.PhextName{"notes"}) {
		t.Errorf("%q, %v", names, err)
	}
	e = New(Options{})
	if _, err := e.Store(dir).List(ctx); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s, err := Peek(dir, "notes")
	if err != nil || s.Scrolls() != 1 {
		t.Fatalf("%v", err)
	}
	defer s.Close()
	e = New(Options{})
	if _, err := e.Store(dir).Apply(ctx, "notes", sq.Batch{{Kind: sq.Put, Coordinate: phext.First, Text: []byte("newer")}}); err != nil {
		t.Errorf("who peeks holds the lock: %v", err)
	}
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if text, _, err := s.Get(nil, phext.First); string(text) != "text" || err != nil {
		t.Errorf("the snapshot is not of its moment any more: %q, %v", text, err)
	}
}
