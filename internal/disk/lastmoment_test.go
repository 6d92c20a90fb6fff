package disk

import (
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// TestEditInTheLastMoment: an edit just before the exchange comes out of it, and
// goes back. Both texts are there, once.
func TestEditInTheLastMoment(t *testing.T) {
	var armed atomic.Bool
	r := newHookedRig(t, func(r *rig, c vfs.Call) error {
		if c.Op == "exchange" && armed.Swap(false) {
			r.write("edited")
		}
		return nil
	})
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	armed.Store(true)
	r.fold()
	r.want("edited+a")
}

// TestTwoEditsInOneExchange: the first one comes out of the exchange, and the
// second is there before anyone looks. The first is kept.
func TestTwoEditsInOneExchange(t *testing.T) {
	for second, op := range map[string]string{"before the look": "stat", "before the exchange back": "exchange"} {
		t.Run(second, func(t *testing.T) {
			var armed atomic.Int32
			r := newHookedRig(t, func(r *rig, c vfs.Call) error {
				switch {
				case c.Op == "exchange" && armed.CompareAndSwap(1, 2):
					r.write("edit 1")
				case c.Op == op && c.Name != "notes.phext~" && armed.CompareAndSwap(2, 3):
					r.save("edit 2")
				}
				return nil
			})
			r.write("one")
			r.pause()
			r.apply(sq.Append, phext.First, "+a")
			armed.Store(1)
			r.fold()
			r.refresh()
			everything := append(r.conflicts(), r.served())
			for _, edit := range []string{"edit 1", "edit 2"} {
				if !slices.ContainsFunc(everything, func(s string) bool { return strings.Contains(s, edit) }) {
					t.Errorf("%q is lost; there are %q", edit, everything)
				}
			}
			if !strings.Contains(r.served(), "+a") {
				t.Errorf("the batch is lost: %q", r.served())
			}
			if got := r.files(tmpDir); len(got) > 0 {
				t.Errorf("left in tmp: %q", got)
			}
		})
	}
}

// TestAppendsOfTwoCheckpoints: of texts that were appended one by one, each is
// looked for by itself in an edit that may have them.
func TestAppendsOfTwoCheckpoints(t *testing.T) {
	r := keepsSegments(t)
	r.write("one")
	r.pause()
	for _, text := range []string{"+a", "+b", "+b"} {
		r.apply(sq.Append, phext.First, text)
	}
	r.deny.Store(true)
	r.fold()
	r.abandon()
	r.deny.Store(false)
	r.save("one+a (mine) +b")
	r.start()
	r.want("one+a (mine) +b+b")
}

// TestUnreadableSavedOver: our version with answered batches is kept also when
// what takes its place is no phext.
func TestUnreadableSavedOver(t *testing.T) {
	r := newRig(t)
	r.write("one")
	r.apply(sq.Append, phext.First, "+a")
	if err := r.fold(); err != nil {
		t.Fatal(err)
	}
	r.save("br\xffken")
	r.refresh()
	r.save("mended")
	r.refresh()
	r.want("mended")
	if got := r.conflicts(); !slices.Equal(got, []string{"one+a"}) {
		t.Errorf("kept %q, want our version and nothing else", got)
	}
}

// TestHalfACopyIsNone: a copy that cannot be written leaves nothing behind.
func TestHalfACopyIsNone(t *testing.T) {
	var deny atomic.Bool
	r := newHookedRig(t, func(_ *rig, c vfs.Call) error {
		if deny.Load() && c.Op == "write" && strings.HasPrefix(c.Name, conflictsDir) {
			return syscall.ENOSPC
		}
		return nil
	})
	r.write("one")
	r.apply(sq.Append, phext.First, "+a")
	if err := r.fold(); err != nil {
		t.Fatal(err)
	}
	deny.Store(true)
	r.save("edited")
	r.refresh()
	r.refresh()
	r.want("one+a") // as long as it cannot be kept
	if got := r.conflicts(); len(got) > 0 {
		t.Errorf("kept %q", got)
	}
	deny.Store(false)
	r.refresh()
	r.want("edited")
	if got := r.conflicts(); !slices.Equal(got, []string{"one+a"}) {
		t.Errorf("kept %q", got)
	}
}

// TestEditIsDurableFirst: what is decided on an edit is noted when the edit is on
// disk, or the record could outlive it.
func TestEditIsDurableFirst(t *testing.T) {
	mem := vfs.NewMem()
	var trace tracer
	e := New(Options{Open: func(string) (vfs.FS, error) { return vfs.NewFault(mem, trace.call), nil }})
	defer e.Close(background)
	s := e.Store("dir").(*Store)
	appendTo(t, s, "notes", "a")
	if err := mem.WriteFile("notes.phext", []byte("edited")); err != nil {
		t.Fatal(err)
	}
	trace.take()
	if err := s.Refresh(background, "notes"); err != nil {
		t.Fatal(err)
	}
	got := trace.take()
	want := strings.Join([]string{"sync notes.phext", "syncdir .", "write .sq/journal/notes.1", "sync .sq/journal/notes.1"}, "\n")
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// TestModeChangedWhileFolding: what the owner does to the mode of the file while a
// checkpoint writes the next one is not undone.
func TestModeChangedWhileFolding(t *testing.T) {
	var armed atomic.Bool
	r := newHookedRig(t, func(r *rig, c vfs.Call) error {
		if c.Op == "sync" && strings.HasSuffix(c.Name, partSuffix) && armed.Swap(false) {
			return os.Chmod(r.path(), 0o400)
		}
		return nil
	})
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	armed.Store(true)
	if err := r.fold(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(r.path())
	if err != nil || info.Mode() != 0o400 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
