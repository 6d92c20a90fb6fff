package disk_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/phext"
)

// TestModified: a snapshot knows when its phext was written, also where the file does
// not hold all yet.
func TestModified(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "notes.phext")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	engine := disk.New(disk.Options{})
	defer engine.Close(context.Background())
	store := engine.Store(dir)
	modified := func(name sq.PhextName) (time.Time, bool) {
		s, err := store.Snapshot(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return s.(interface{ Modified() (time.Time, bool) }).Modified()
	}
	if got, ok := modified("notes"); !ok || !got.Equal(old) {
		t.Errorf("of the file: %v, %v", got, ok)
	}
	if _, ok := modified("none"); ok {
		t.Error("of what is not there")
	}
	batch := sq.Batch{{Kind: sq.Append, Coordinate: phext.First, Text: []byte("more")}}
	if _, err := store.Apply(t.Context(), "notes", batch); err != nil {
		t.Fatal(err)
	}
	if got, ok := modified("notes"); !ok || !got.After(old) {
		t.Errorf("of the journal: %v, %v", got, ok)
	}
}
