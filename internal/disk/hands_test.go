package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// hand is what someone else does to the file at one moment.
type hand struct {
	name string
	do   func(r *rig)
	// undo, if any, is done before the end, so that the phext can be read.
	undo func(r *rig)
	// keeps is what is there once in the end, beside every answered text.
	keeps string
	// loses says that what was in the file by then may be gone, as its owner
	// wanted; it is in a copy where copies can be made.
	loses, copies bool
}

// edited is the file as it is, with a text of the owner's behind its last scroll.
func (r *rig) edited() string {
	b, err := os.ReadFile(r.path())
	if err != nil && !os.IsNotExist(err) {
		r.t.Error(err)
	}
	return string(b) + "(mine)"
}

var hands = []hand{
	{name: "edited in place", do: func(r *rig) { r.write(r.edited()) }, keeps: "(mine)"},
	{name: "edited by rename", do: func(r *rig) { r.save(r.edited()) }, keeps: "(mine)"},
	{name: "an older version saved in place", do: func(r *rig) { r.write("one (mine)") }, keeps: "(mine)", loses: true},
	{name: "an older version saved by rename", do: func(r *rig) { r.save("one (mine)") }, keeps: "(mine)", loses: true, copies: true},
	{name: "truncated", do: func(r *rig) { r.write("") }, loses: true},
	{name: "removed", do: func(r *rig) { os.Remove(r.path()) }, loses: true, copies: true},
	{
		name: "made a link", loses: true, copies: true,
		do: func(r *rig) {
			os.Remove(r.path())
			if err := os.Symlink("/etc/hostname", r.path()); err != nil {
				r.t.Error(err)
			}
		},
		undo: func(r *rig) { os.Remove(r.path()); r.write("one (mine)") }, keeps: "(mine)",
	},
	{
		name: "made a folder", loses: true, copies: true,
		do: func(r *rig) {
			os.Remove(r.path())
			if err := os.Mkdir(r.path(), 0o700); err != nil {
				r.t.Error(err)
			}
		},
		undo: func(r *rig) { os.Remove(r.path()); r.write("one (mine)") }, keeps: "(mine)",
	},
	{name: "made no phext", do: func(r *rig) { r.write("\xff") }, undo: func(r *rig) { r.write("one (mine)") }, keeps: "(mine)", loses: true},
	{name: "made unreadable", do: func(r *rig) { r.deny.Store(true) }, undo: func(r *rig) { r.deny.Store(false) }},
	{name: "touched, in the past", do: func(r *rig) { touch(r, -48*time.Hour) }},
	{name: "touched, in the future", do: func(r *rig) { touch(r, 48*time.Hour) }},
}

func touch(r *rig, by time.Duration) {
	when := time.Now().Add(by)
	if err := os.Chtimes(r.path(), when, when); err != nil && !os.IsNotExist(err) {
		r.t.Error(err)
	}
}

// TestHandsAtEveryMoment has someone else do something to the file before each
// file operation of a batch, a checkpoint, another batch and another checkpoint.
// What they wrote is there afterwards, once; each answered text is there once, or
// in a copy where its owner wrote over it; the phext can be written, and the file
// is in the end what is served.
func TestHandsAtEveryMoment(t *testing.T) {
	for _, hand := range hands {
		t.Run(hand.name, func(t *testing.T) {
			t.Parallel()
			moments := 0
			for n := 1; ; n++ {
				if done := handAt(t, hand, n); done || t.Failed() {
					break
				}
				moments = n
			}
			if moments < 30 {
				t.Errorf("%d moments only", moments)
			}
			t.Logf("%d moments", moments)
		})
	}
}

// handAt has someone do something before the nth file operation. It reports
// whether there was none.
func handAt(t *testing.T, hand hand, n int) (done bool) {
	var calls atomic.Int64
	calls.Store(-1 << 40)
	r := newHookedRig(t, func(r *rig, c vfs.Call) error {
		if calls.Add(1) == int64(n) {
			hand.do(r)
		}
		if r.deny.Load() && c.Op == "open" && c.Name == "notes.phext" {
			return syscall.EACCES
		}
		return nil
	})
	r.write("one")
	r.handle()
	calls.Store(0)
	var answered []string
	for _, text := range []string{"+a", "+b"} {
		if r.tryApply(sq.Append, phext.First, text) == nil {
			answered = append(answered, text)
		}
		r.fold()
	}
	done = calls.Load() < int64(n)
	calls.Store(-1 << 40)
	if hand.undo != nil && !done {
		hand.undo(r)
	}
	r.refresh()
	if err := r.tryApply(sq.Append, phext.First, "+c"); err != nil {
		t.Fatalf("moment %d: a batch afterwards: %v", n, err)
	}
	got := r.served()
	r.holds(fmt.Sprint("moment ", n), hand, done, got, append(answered, "+c"))
	r.stop()
	r.wantFile(got)
	if left := append(r.files(journalDir), r.files(tmpDir)...); len(left) > 0 {
		t.Errorf("moment %d: at rest there are %q", n, left)
	}
	r.start()
	r.abandon()
	return done
}

// holds looks whether a text that is served has what it must have.
func (r *rig) holds(when string, hand hand, untouched bool, got string, answered []string) {
	r.t.Helper()
	kept := strings.Join(r.conflicts(), "\n")
	for _, text := range answered {
		n := strings.Count(got, text)
		lost := n == 0 && hand.loses && text != "+c" && (!hand.copies || strings.Contains(kept, text))
		if n != 1 && !lost {
			r.t.Errorf("%s: %q is there %d times in %q; copies %q", when, text, n, got, kept)
		}
	}
	if hand.keeps != "" && !untouched && strings.Count(got, hand.keeps) != 1 && !strings.Contains(kept, hand.keeps) {
		r.t.Errorf("%s: %q is not there once in %q; copies %q", when, hand.keeps, got, kept)
	}
}

// TestSegmentRemoved: a batch is not answered from a journal that somebody has
// removed. What was published goes into the file, and work goes on.
func TestSegmentRemoved(t *testing.T) {
	r := newRig(t)
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	for _, name := range r.files(journalDir) {
		if err := os.Remove(filepath.Join(r.dir, journalDir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.tryApply(sq.Append, phext.First, "+b"); sq.ErrorCode(err) != sq.Uncertain {
		t.Errorf("a batch into a journal that is gone: %v", err)
	}
	if err := r.fold(); err != nil {
		t.Fatal(err)
	}
	r.want("one+a")
	r.wantFile("one+a")
	r.apply(sq.Append, phext.First, "+c")
	r.abandon()
	r.start()
	r.want("one+a+c")
}

// TestDirectoryRemoved: nothing is answered any more as written, and what is open
// can still be read.
func TestDirectoryRemoved(t *testing.T) {
	for name, remove := range map[string]func(r *rig) error{
		"removed": func(r *rig) error { return os.RemoveAll(r.dir) },
		"removed and made again": func(r *rig) error {
			if err := os.RemoveAll(r.dir); err != nil {
				return err
			}
			return os.Mkdir(r.dir, 0o700)
		},
		"its folder .sq removed": func(r *rig) error { return os.RemoveAll(filepath.Join(r.dir, ownDir)) },
	} {
		for _, pending := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, pending %v", name, pending), func(t *testing.T) {
				r := newRig(t)
				r.write("one")
				r.pause()
				want := "one"
				if pending {
					r.apply(sq.Append, phext.First, "+a")
					want = "one+a"
				}
				r.want(want)
				if err := remove(r); err != nil {
					t.Fatal(err)
				}
				for range 3 {
					if err := r.tryApply(sq.Append, phext.First, "+b"); err == nil {
						t.Error("a batch was answered")
					}
				}
				if got := r.served(); got != want && got != strings.TrimPrefix(want, "one") {
					t.Errorf("served %q", got) // with or without the file, which its owner removed
				}
				r.abandon()
				if err := os.MkdirAll(r.dir, 0o700); err != nil {
					t.Fatal(err)
				}
				r.start()
				r.apply(sq.Append, phext.First, "+c")
				if got := r.served(); !strings.HasSuffix(got, "+c") {
					t.Errorf("served %q", got)
				}
			})
		}
	}
}

// TestOwnFolderRemoved: what was answered is in the file after the end, though the
// folder with the journal was removed under the engine.
func TestOwnFolderRemoved(t *testing.T) {
	r := newRig(t)
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	if err := os.RemoveAll(filepath.Join(r.dir, ownDir)); err != nil {
		t.Fatal(err)
	}
	r.resume()
	r.stop()
	r.wantFile("one+a")
}

// TestDirectoryRenamed: the open directory is served under its new name, until it
// is opened again.
func TestDirectoryRenamed(t *testing.T) {
	r := newRig(t)
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	moved := r.dir + "-moved"
	if err := os.Rename(r.dir, moved); err != nil {
		t.Fatal(err)
	}
	r.apply(sq.Append, phext.First, "+b")
	r.want("one+a+b")
	r.resume()
	r.stop()
	r.dir = moved
	r.wantFile("one+a+b")
	r.start()
	r.want("one+a+b")
	if got := r.files(conflictsDir); !slices.Equal(got, nil) {
		t.Errorf("kept %q", got)
	}
}
