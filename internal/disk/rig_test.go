package disk

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a store on a real directory, with the phext "notes", whose checkpoints
// the test can start.
type rig struct {
	t     *testing.T
	dir   string
	open  func(dir string) (vfs.FS, error) // nil: the system's files
	e     *Engine
	store *Store
	deny  atomic.Bool // for hooks
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, dir: t.TempDir()}
	r.start()
	t.Cleanup(r.stop)
	return r
}

// newHookedRig is newRig with a function that is told of each file operation
// before, and may make it fail.
func newHookedRig(t *testing.T, hook func(r *rig, c vfs.Call) error) *rig {
	r := &rig{t: t, dir: t.TempDir()}
	r.open = func(dir string) (vfs.FS, error) {
		f, err := vfs.Open(dir)
		return vfs.NewFault(f, func(c vfs.Call) error { return hook(r, c) }), err
	}
	r.start()
	t.Cleanup(r.stop)
	return r
}

// keepsSegments is a rig in which no segment can be removed while r.deny is set.
func keepsSegments(t *testing.T) *rig {
	return newHookedRig(t, func(r *rig, c vfs.Call) error {
		if r.deny.Load() && c.Op == "remove" && strings.HasPrefix(c.Name, journalDir) {
			return syscall.EIO
		}
		return nil
	})
}

func (r *rig) start() {
	r.e = New(Options{Open: r.open})
	r.store = r.e.Store(r.dir).(*Store)
}

// stop closes the engine, which folds every journal, without waiting for
// strangers to be done with their edits.
func (r *rig) stop() {
	for _, h := range r.store.all() {
		h.do(func() { h.foreign = time.Time{} })
	}
	if err := r.e.Close(context.Background()); err != nil {
		r.t.Errorf("close: %v", err)
	}
}

// abandon closes the engine without folding.
func (r *rig) abandon() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r.e.Close(ctx)
}

func (r *rig) path() string { return filepath.Join(r.dir, "notes.phext") }

// handle returns the open phext. Its committer does nothing by itself any more:
// what is pending stays so until the test folds it.
func (r *rig) handle() *handle { return r.handleOf("notes") }

func (r *rig) handleOf(name sq.PhextName) *handle {
	r.t.Helper()
	h, err := r.store.pinned(context.Background(), name)
	if err != nil {
		r.t.Fatal(err)
	}
	h.unpin()
	return h
}

// pause keeps the committer from folding by itself for the rest of the test.
func (r *rig) pause() {
	h := r.handle()
	h.do(func() { h.foreign = time.Now().Add(time.Hour) })
}

// resume undoes pause.
func (r *rig) resume() {
	h := r.handle()
	h.do(func() { h.foreign = time.Time{} })
}

// fold folds what is pending into the file.
func (r *rig) fold() error {
	h := r.handle()
	r.resume()
	return h.checkpoint(context.Background())
}

func (r *rig) apply(kind sq.Kind, c phext.Coordinate, text string) {
	r.t.Helper()
	if _, err := r.store.Apply(context.Background(), "notes", sq.Batch{{Kind: kind, Coordinate: c, Text: []byte(text)}}); err != nil {
		r.t.Fatalf("%v at %v: %v", kind, c, err)
	}
}

// write writes the file in place, as an editor may.
func (r *rig) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.path(), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// save writes the file beside and renames it over, as other editors do.
func (r *rig) save(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.path()+"~", []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(r.path()+"~", r.path()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) refresh() {
	r.t.Helper()
	if err := r.store.Refresh(context.Background(), "notes"); err != nil {
		r.t.Fatal(err)
	}
}

// served returns the whole phext, in normal form.
func (r *rig) served() string {
	r.t.Helper()
	snapshot, err := r.store.Snapshot(context.Background(), "notes")
	if err != nil {
		r.t.Fatal(err)
	}
	defer snapshot.Close()
	var got strings.Builder
	if _, err := snapshot.WriteTo(&got); err != nil {
		r.t.Fatal(err)
	}
	return got.String()
}

// want compares the whole phext, in normal form.
func (r *rig) want(text string) {
	r.t.Helper()
	snapshot, err := r.store.Snapshot(context.Background(), "notes")
	if err != nil {
		r.t.Fatal(err)
	}
	defer snapshot.Close()
	var got strings.Builder
	if _, err := snapshot.WriteTo(&got); err != nil {
		r.t.Fatal(err)
	}
	if got.String() != text || snapshot.Size() != int64(len(text)) {
		r.t.Fatalf("the phext is %q of %d bytes, want %q of %d", got.String(), snapshot.Size(), text, len(text))
	}
}

// wantFile compares the file.
func (r *rig) wantFile(text string) {
	r.t.Helper()
	got, err := os.ReadFile(r.path())
	if err != nil || string(got) != text {
		r.t.Fatalf("the file is %q, %v; want %q", got, err, text)
	}
}

// files returns the names in one of our folders.
func (r *rig) files(folder string) []string {
	r.t.Helper()
	entries, err := os.ReadDir(filepath.Join(r.dir, folder))
	if err != nil {
		r.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// conflicts returns the texts of the copies that were kept.
func (r *rig) conflicts() (texts []string) {
	r.t.Helper()
	for _, name := range r.files(conflictsDir) {
		text, err := os.ReadFile(filepath.Join(r.dir, conflictsDir, name))
		if err != nil {
			r.t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}
