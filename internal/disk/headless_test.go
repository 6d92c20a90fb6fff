package disk

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// TestOlderSegmentLost: where the header of an older segment is cut off, or all of
// it is gone, no record is left there to prove damage. That its successors count
// on it, and the file is of before them all, does.
func TestOlderSegmentLost(t *testing.T) {
	l := threeSegments(t, "exchange")
	for i := range 2 {
		s := l.segments[i]
		for what, is := range map[string][]byte{"cut to 10 bytes": l.files[s.path][:10], "empty": {}, "zeros": make([]byte, len(l.files[s.path]))} {
			text, _, refused := l.open(t, s.path, is)
			if last := l.states[len(l.states)-1]; refused == nil && text != last {
				t.Errorf("%s, %s: writes are taken, %q is served, want %q or a refusal", s.path, what, text, last)
			}
		}
		text, _, refused := l.open(t, s.path, nil)
		if last := l.states[len(l.states)-1]; refused == nil && text != last {
			t.Errorf("%s, gone: writes are taken, %q is served, want %q or a refusal", s.path, text, last)
		}
	}
}

// TestOlderHeaderFlipped: what is served is a state that was, and not the segments
// behind the damage, on the file.
func TestOlderHeaderFlipped(t *testing.T) {
	l := threeSegments(t, "exchange")
	for i := range 2 {
		s := l.segments[i]
		is := bytes.Clone(l.files[s.path])
		is[20] ^= 1
		if text, _, refused := l.open(t, s.path, is); refused == nil || !slices.Contains(l.states, text) {
			t.Errorf("%s: %v; %q is served, which never was", s.path, refused, text)
		}
	}
}

// TestHeadlessIsNotTidied: a chain whose beginning is missing is refused before
// anything is cut or set aside.
func TestHeadlessIsNotTidied(t *testing.T) {
	l := threeSegments(t, "exchange")
	first, last := l.segments[0], l.segments[2]
	// Without the third the second is the newest; without its mark nothing is of use.
	delete(l.files, last.path)
	second := l.segments[1]
	l.files[second.path] = l.files[second.path][:second.offsets[0]]
	l.segments = l.segments[:2]
	is := bytes.Clone(l.files[first.path])[:10]
	mem := l.put(t)
	if err := mem.WriteFile(first.path, is); err != nil {
		t.Fatal(err)
	}
	e := inMemory(mem, Options{})
	s := e.Store("dir")
	normalText(t, s)
	_, refused := s.Apply(background, "notes", sq.Batch{{Kind: sq.Append, Coordinate: phext.First, Text: []byte("x")}})
	e.Close(background)
	if got, err := mem.ReadFile(first.path); err != nil || !bytes.Equal(got, is) {
		t.Errorf("refused with %v, and %s is %q, %v", refused, first.path, got, err)
	}
}

// TestFoldersMissing: a data directory that went through git, which leaves out
// empty folders, has some of ours and not the others.
func TestFoldersMissing(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, ".sq", "trash"), 0o700); err != nil {
		t.Fatal(err)
	}
	e := New(Options{})
	defer e.Close(background)
	if _, err := e.Store(dir).List(background); err != nil {
		t.Error(err)
	}
}
