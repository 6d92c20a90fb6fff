package disk

import (
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// TestFullIsSecured: what was read from a phext opened on a full disk is there
// after a loss of power.
func TestFullIsSecured(t *testing.T) {
	for _, torn := range []bool{false, true} {
		a := newAnswering(t, "one")
		appendTo(t, a.s, "notes", "+a")
		a.deny = func(c vfs.Call) error {
			if c.Op == "sync" && strings.HasPrefix(c.Name, journalDir) {
				return syscall.EIO
			}
			return nil
		}
		a.s.Apply(background, "notes", sq.Batch{{Kind: sq.Append, Coordinate: phext.First, Text: []byte("+b")}})
		a.deny = func(c vfs.Call) error { return syscall.EIO }
		ended, cancel := context.WithCancel(background)
		cancel()
		a.e.Close(ended)
		f, err := a.mem.OpenWrite(".sq/journal/notes.1")
		if err != nil {
			t.Fatal(err)
		}
		if info, _ := f.Stat(); torn {
			f.WriteAt([]byte("a torn end"), info.Identity.Size)
		}
		f.Close()
		full := func(string) (vfs.FS, error) {
			return vfs.NewFault(a.mem, func(c vfs.Call) error {
				if c.Op == "create" || c.Op == "write" && strings.HasPrefix(c.Name, tailsDir) {
					return syscall.ENOSPC
				}
				return nil
			}), nil
		}
		e := New(Options{Open: full})
		seen := normalText(t, e.Store("dir"))
		left := a.mem.CrashWith(false)
		e.Close(ended)
		e = inMemory(left, Options{})
		if after := normalText(t, e.Store("dir")); after != seen {
			t.Errorf("torn end %v: %q was read, and after a loss of power %q", torn, seen, after)
		}
		e.Close(background)
	}
}
