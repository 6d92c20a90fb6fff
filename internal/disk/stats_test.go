package disk

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// TestStats: what the engine did is counted, once each, and what is open is that of
// the moment.
func TestStats(t *testing.T) {
	r := newRig(t)
	if s := r.e.Stats(); s.Phexts != 0 || s.Directories != 0 || s.Syncs.Counts().All != 0 || len(r.e.Sizes()) != 0 {
		t.Errorf("before anything is used: %+v", s)
	}
	r.write("one")
	r.want("one")
	r.pause()
	r.apply(sq.Put, second, "two")
	s := r.e.Stats()
	if s.Phexts != 1 || s.Directories != 1 || s.Memory <= 0 || s.Memory > s.MemoryMost || s.PhextsMost < 1 || s.Unreadable != 0 {
		t.Errorf("with an open phext: %+v", s)
	}
	if groups := s.Groups.Counts(); s.Syncs.Counts().All != 1 || groups.All != 1 || groups.Sum != 1 || s.Journal == 0 {
		t.Errorf("after a batch: %+v, syncs %+v, groups %+v", s, s.Syncs.Counts(), groups)
	}
	if size := r.e.Sizes()[r.dir]; size < s.Journal || size > 64<<10 {
		t.Errorf("the directory takes %d bytes, of which the journal has %d", size, s.Journal)
	}
	if err := r.fold(); err != nil {
		t.Fatal(err)
	}
	if s = r.e.Stats(); s.Checkpoints.Counts().All != 1 || s.Folded != uint64(len("one\x17two")) || s.Journal != 0 || s.Failed+s.Interrupted+s.DiskErrors+s.Edits != 0 {
		t.Errorf("after a checkpoint: %+v, checkpoints %+v", s, s.Checkpoints.Counts())
	}
	if size := r.e.Sizes()[r.dir]; size != int64(len("one\x17two")) {
		t.Errorf("the directory takes %d bytes", size)
	}
	r.save("edited by others")
	r.refresh()
	if s = r.e.Stats(); s.Edits != 1 {
		t.Errorf("%d edits, want 1", s.Edits)
	}
	if err := r.store.Drop(context.Background(), "notes"); err != nil {
		t.Fatal(err)
	}
	if s = r.e.Stats(); s.Edits != 1 {
		t.Errorf("%d edits after a drop, want 1", s.Edits)
	}
	r.write("\xff")
	r.refresh()
	if s = r.e.Stats(); s.Edits != 2 || s.Unreadable != 1 {
		t.Errorf("%d edits, %d that cannot be read; want 2 and 1", s.Edits, s.Unreadable)
	}
}

// TestStatsOfFailures: a sync that fails, a checkpoint that fails and one that an
// edit breaks off are told apart.
func TestStatsOfFailures(t *testing.T) {
	r := newHookedRig(t, func(r *rig, c vfs.Call) error {
		if r.deny.Load() && (c.Op == "create" || c.Op == "sync") {
			return syscall.EIO
		}
		return nil
	})
	r.write("one")
	r.pause()
	r.apply(sq.Put, second, "two")
	r.deny.Store(true)
	if _, err := r.store.Apply(context.Background(), "notes", sq.Batch{{Kind: sq.Put, Coordinate: phext.First, Text: []byte("x")}}); sq.ErrorCode(err) != sq.Uncertain {
		t.Errorf("a sync that fails is answered %v", err)
	}
	if s := r.e.Stats(); s.DiskErrors == 0 {
		t.Errorf("a sync failed: %+v", s)
	}
	if err := r.fold(); err == nil {
		t.Error("a checkpoint succeeds where no file can be made")
	}
	if s := r.e.Stats(); s.Failed == 0 || s.Checkpoints.Counts().All != 0 {
		t.Errorf("a checkpoint failed: %+v", s)
	}
	r.deny.Store(false)
}

// TestStatsOfDamage: a journal that lost its bytes is counted.
func TestStatsOfDamage(t *testing.T) {
	r := newRig(t)
	r.write("one")
	r.pause()
	r.apply(sq.Put, second, strings.Repeat("two", 1000))
	r.apply(sq.Put, second, strings.Repeat("six", 1000))
	r.abandon()
	segments, err := filepath.Glob(filepath.Join(r.dir, journalDir, "*"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("segments %q, %v", segments, err)
	}
	text, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	text[strings.Index(string(text), "twotwo")]++
	if err := os.WriteFile(segments[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
	r.start()
	r.handle()
	if s := r.e.Stats(); s.Damages != 1 || s.Unreadable != 1 {
		t.Errorf("with a damaged journal: %+v", s)
	}
}

// TestSizesCountTheTrash: what was dropped takes room, with a quota and without.
func TestSizesCountTheTrash(t *testing.T) {
	for _, quota := range []int64{0, 1 << 20} {
		r := newRig(t)
		r.write("dropped")
		s := r.e.StoreWithin(r.dir, quota)
		appendTo(t, s, "other", "kept")
		if err := s.Drop(context.Background(), "notes"); err != nil {
			t.Fatal(err)
		}
		if err := r.handleOf("other").checkpoint(context.Background()); err != nil {
			t.Fatal(err)
		}
		if size, want := r.e.Sizes()[r.dir], int64(len("dropped")+len("kept")); size != want {
			t.Errorf("quota %d: %d bytes, want %d", quota, size, want)
		}
	}
}
