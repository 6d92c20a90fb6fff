package disk

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

var secondScroll = phext.First.With(8, 2)

// tryApply is apply for what may be refused.
func (r *rig) tryApply(kind sq.Kind, c phext.Coordinate, text string) error {
	_, err := r.store.Apply(context.Background(), "notes", sq.Batch{{Kind: kind, Coordinate: c, Text: []byte(text)}})
	return err
}

// damaged wants a phext that is served as text and refuses batches, and nothing
// of its journal removed.
func (r *rig) damaged(text string) {
	r.t.Helper()
	before := r.files(journalDir)
	for range 2 { // the second time after an idle close
		r.want(text)
		if err := r.tryApply(sq.Append, phext.First, "+more"); sq.ErrorCode(err) != sq.Unreadable {
			r.t.Errorf("a batch on a damaged journal: %v", err)
		}
		r.handle().closeIfIdle()
	}
	if after := r.files(journalDir); !slices.Equal(before, after) {
		r.t.Errorf("the journal had %q, and now %q", before, after)
	}
	if tails := r.files(tailsDir); len(tails) > 0 {
		r.t.Errorf("cut: %q", tails)
	}
}

// textAt returns where the text of a record at the first scroll begins. Its
// coordinate is looked for too, or the random id of a segment could be taken for
// a short text.
func textAt(segment []byte, text string) int {
	hi, lo := phext.First.Words()
	before := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, hi), lo)
	return bytes.Index(segment, append(before, text...)) + len(before)
}

// rot changes a byte of a segment of the closed store: the first one of a text,
// or the one at an offset.
func (r *rig) rot(segment int, text string, offset int) {
	r.t.Helper()
	path := filepath.Join(r.dir, journalDir, r.files(journalDir)[segment])
	b, err := os.ReadFile(path)
	if err != nil {
		r.t.Fatal(err)
	}
	if text != "" {
		offset = textAt(b, text)
	}
	b[offset] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// newSegment has the next batches go to a segment of their own.
func (r *rig) newSegment() {
	r.t.Helper()
	r.handle().do(func() {
		if err := r.handle().openSegment(); err != nil {
			r.t.Error(err)
		}
	})
}

// journalOfThree leaves a journal with a batch in each of three segments.
func journalOfThree(t *testing.T) *rig {
	r := newRig(t)
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	r.newSegment()
	r.apply(sq.Append, phext.First, "+b")
	r.apply(sq.Append, phext.First, "+c")
	r.newSegment()
	r.apply(sq.Append, phext.First, "+d")
	r.abandon()
	return r
}

// TestDamage: what is behind damage is not served, and what is before it is.
func TestDamage(t *testing.T) {
	for _, test := range []struct {
		name    string
		segment int
		text    string // its first byte is changed
		offset  int    // or this one
		want    string
	}{
		{"a record of the oldest segment", 0, "+a", 0, "one"},
		{"a record of a middle segment", 1, "+b", 0, "one+a"},
		{"a later record of it", 1, "+c", 0, "one+a+b"},
		{"the header of the oldest segment", 0, "", 20, "one"},
		{"the header of a middle segment", 1, "", 20, "one"},
		{"the header of the newest segment", 2, "", 20, "one+a+b+c"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := journalOfThree(t)
			r.rot(test.segment, test.text, test.offset)
			r.start()
			r.damaged(test.want)
		})
	}
}

// TestMissingSegment: without the segment in the middle nothing behind it can be
// used, and what is there is left for whoever finds the missing one.
func TestMissingSegment(t *testing.T) {
	r := journalOfThree(t)
	segments := r.files(journalDir)
	away, back := filepath.Join(r.dir, "away"), filepath.Join(r.dir, journalDir, segments[1])
	if err := os.Rename(back, away); err != nil {
		t.Fatal(err)
	}
	r.start()
	r.damaged("one")
	r.abandon()
	if err := os.Rename(away, back); err != nil {
		t.Fatal(err)
	}
	r.start()
	r.want("one+a+b+c+d")
}

// TestDamageBelowTheFile: records that the file holds are not applied to it again
// because others of them are damaged.
func TestDamageBelowTheFile(t *testing.T) {
	r := keepsSegments(t)
	r.write("one")
	r.pause()
	for _, text := range []string{"v1", "v2", "v3"} {
		r.apply(sq.Put, phext.First, text)
	}
	r.deny.Store(true)
	r.fold()
	r.pause()
	r.apply(sq.Append, secondScroll, "new")
	r.abandon()
	r.deny.Store(false)
	r.rot(0, "v2", 0)
	r.start()
	r.wantFile("v3")
	r.damaged("v3\x17new")
}

// TestRot: a segment that loses its bytes under an open phext is damage, not an
// edit.
func TestRot(t *testing.T) {
	for name, notice := range map[string]func(r *rig) error{
		"seen by a reader": func(r *rig) error {
			s, err := r.store.Snapshot(background, "notes")
			if err != nil {
				return err
			}
			defer s.Close()
			_, _, err = s.Get(nil, phext.First)
			return err
		},
		"seen by a checkpoint": func(r *rig) error { return r.fold() },
		"seen by a condition": func(r *rig) error {
			is := sq.IfMatches(phext.Checksum{})
			_, err := r.store.Apply(background, "notes", sq.Batch{{Kind: sq.Append, Coordinate: phext.First, Text: []byte("x"), If: is}})
			return err
		},
		"seen when an edit is adopted": func(r *rig) error {
			r.save("edited")
			r.refresh()
			return r.tryApply(sq.Append, secondScroll, "new")
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.write("one")
			r.pause()
			r.apply(sq.Append, phext.First, "+a")
			r.rot(0, "+a", 0)
			if err := notice(r); !errors.Is(err, errRotten) {
				t.Errorf("noticed: %v", err)
			}
			r.handle().doubt() // a look at the file does not have what is left judged anew
			if err := r.tryApply(sq.Append, secondScroll, "new"); sq.ErrorCode(err) != sq.Unreadable {
				t.Errorf("a batch: %v", err)
			}
			if len(r.files(journalDir)) == 0 {
				t.Error("the journal was removed")
			}
			r.abandon()
		})
	}
}

// TestOrphan: a segment that was never finished and could not be removed does not
// outlive later ones, where it would be taken for the newest.
func TestOrphan(t *testing.T) {
	for name, ops := range map[string]string{"kept": "remove syncdir", "removed for now": "syncdir"} {
		t.Run(name, func(t *testing.T) {
			var deny atomic.Bool
			r := newHookedRig(t, func(_ *rig, c vfs.Call) error {
				if deny.Load() && strings.Contains(ops, c.Op) && strings.HasPrefix(c.Name, journalDir) {
					return syscall.EIO
				}
				return nil
			})
			r.write("one")
			r.pause()
			r.apply(sq.Append, phext.First, "+a")
			deny.Store(true)
			if err := r.fold(); err == nil {
				t.Error("folded without a segment")
			}
			deny.Store(false)
			if err := r.fold(); err != nil {
				t.Error(err)
			}
			if left := r.files(journalDir); len(left) > 0 {
				t.Errorf("at rest, and there are %q", left)
			}
			r.handle().closeIfIdle()
			r.pause()
			r.apply(sq.Append, phext.First, "+b")
			r.abandon()
			r.start()
			r.want("one+a+b")
			if tails := r.files(tailsDir); len(tails) > 0 {
				t.Errorf("cut: %q", tails)
			}
		})
	}
}

// TestOrphanOutlivesTheProcess: one that can never be removed is passed over.
func TestOrphanOutlivesTheProcess(t *testing.T) {
	var deny atomic.Bool
	r := newHookedRig(t, func(_ *rig, c vfs.Call) error {
		if deny.Load() && (c.Op == "remove" || c.Op == "syncdir") && c.Name != "." && !strings.HasPrefix(c.Name, tmpDir) {
			return syscall.EIO
		}
		return nil
	})
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	deny.Store(true)
	r.fold()
	deny.Store(false)
	r.abandon()
	r.start()
	r.want("one+a")
	r.apply(sq.Append, phext.First, "+b")
	r.abandon()
	r.start()
	r.want("one+a+b")
}

// TestRemovalIsSyncedAgain: the removal of the last segments is synced when that
// is possible, even if there is no segment any more.
func TestRemovalIsSyncedAgain(t *testing.T) {
	var deny atomic.Bool
	var synced atomic.Int32
	r := newHookedRig(t, func(_ *rig, c vfs.Call) error {
		if c.Op == "syncdir" && c.Name == journalDir {
			if deny.Load() {
				return syscall.EIO
			}
			synced.Add(1)
		}
		return nil
	})
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	r.resume()
	h := r.handle()
	h.do(func() {
		h.startCheckpoint(func(error) {})
		h.finish(<-h.folding)
		deny.Store(true)
		if h.rest() == nil {
			t.Error("rests though the removal was not synced")
		}
		deny.Store(false)
		before := synced.Load()
		if err := h.rest(); err != nil || synced.Load() == before {
			t.Errorf("not synced again, %v", err)
		}
		before = synced.Load()
		if err := h.rest(); err != nil || synced.Load() != before {
			t.Errorf("synced once more than needed, %v", err)
		}
	})
}

// TestBadSegmentIsNotWritten: a checkpoint under which the journal failed puts no
// mark there, since a sync behind one that failed proves nothing.
func TestBadSegmentIsNotWritten(t *testing.T) {
	var armed, failed atomic.Bool
	var bad atomic.Pointer[string]
	r := newHookedRig(t, func(_ *rig, c vfs.Call) error {
		switch {
		case armed.Load() && c.Op == "sync" && strings.HasPrefix(c.Name, journalDir) && !failed.Swap(true):
			bad.Store(&c.Name)
			return syscall.EIO
		case c.Op == "write" && bad.Load() != nil && c.Name == *bad.Load():
			t.Errorf("%s is written again", c.Name)
		}
		return nil
	})
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	r.resume()
	h := r.handle()
	h.do(func() {
		h.startCheckpoint(func(error) {})
		armed.Store(true)
		q := newRequest()
		q.batch = sq.Batch{{Kind: sq.Append, Coordinate: phext.First, Text: []byte("+b")}}
		h.commit(q)
		if sq.ErrorCode(q.err) != sq.Uncertain {
			t.Errorf("a batch whose sync failed: %v", q.err)
		}
		if h.finish(<-h.folding); h.failed == nil {
			t.Error("the failure is forgotten")
		}
	})
	if err := r.fold(); err != nil {
		t.Fatal(err)
	}
	r.want("one+a")
	r.wantFile("one+a")
	r.apply(sq.Append, phext.First, "+c")
	r.want("one+a+c")
}

// TestSegmentNameTaken: a file that somebody put where the next segment goes is
// passed over and left alone.
func TestSegmentNameTaken(t *testing.T) {
	r := newRig(t)
	r.write("one")
	r.pause()
	path := filepath.Join(r.dir, journalDir, "notes.1")
	if err := os.WriteFile(path, []byte("somebody's"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.apply(sq.Append, phext.First, "+a")
	r.want("one+a")
	if b, err := os.ReadFile(path); err != nil || string(b) != "somebody's" {
		t.Errorf("%q, %v", b, err)
	}
}
