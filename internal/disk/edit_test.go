package disk

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

var second = phext.First.With(8, 2)

// TestEditAtRest: the file is the owner's, and what they save is served.
func TestEditAtRest(t *testing.T) {
	for name, edit := range map[string]func(*rig, string){"in place": (*rig).write, "by rename": (*rig).save} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.write("one\x17two")
			r.want("one\x17two")
			edit(r, "one!\x17\x17three\x17\x17")
			r.refresh()
			r.want("one!\x17\x17three")
			r.wantFile("one!\x17\x17three\x17\x17") // not normal, and not ours to change
		})
	}
}

// TestEditWithPending: an edit and answered batches that the file did not hold
// yet are both there afterwards, once.
func TestEditWithPending(t *testing.T) {
	for name, edit := range map[string]func(*rig, string){"in place": (*rig).write, "by rename": (*rig).save} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.write("one\x17two")
			r.pause()
			r.apply(sq.Append, phext.First, "+a")
			r.apply(sq.Put, second, "put")
			edit(r, "ONE\x17TWO\x17three")
			r.refresh()
			const both = "ONE+a\x17put\x17three"
			r.want(both)
			if got := r.conflicts(); !slices.Equal(got, []string{"ONE\x17TWO\x17three"}) {
				t.Errorf("kept %q, want the edit that a put overrides", got)
			}
			r.apply(sq.Append, phext.First, "+b")
			r.abandon()
			r.start()
			r.want("ONE+a+b\x17put\x17three")
			r.stop()
			r.wantFile("ONE+a+b\x17put\x17three")
			if got := r.files(journalDir); len(got) > 0 {
				t.Errorf("segments at rest: %v", got)
			}
			r.start()
		})
	}
}

// TestEditTwice: a second edit does not apply what is pending twice.
func TestEditTwice(t *testing.T) {
	r := newRig(t)
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	r.write("ONE")
	r.refresh()
	r.pause()
	r.write("ONE!")
	r.refresh()
	r.pause()
	r.want("ONE!+a")
	r.abandon()
	r.write("one and only")
	r.start()
	r.want("one and only+a")
}

// TestEditWhileAway: an edit while nobody served the directory meets the journal.
func TestEditWhileAway(t *testing.T) {
	r := newRig(t)
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	r.apply(sq.Append, second, "two")
	r.abandon()
	r.save("edited\x17too")
	r.start()
	r.want("edited+a\x17tootwo")
	r.stop()
	r.wantFile("edited+a\x17tootwo")
	r.start()
}

// TestOlderVersionSavedOver: answered batches that a checkpoint had folded, and
// that someone overwrote unknowingly, are in a copy.
func TestOlderVersionSavedOver(t *testing.T) {
	r := newRig(t)
	r.write("one")
	r.apply(sq.Append, phext.First, "+a")
	if err := r.fold(); err != nil {
		t.Fatal(err)
	}
	r.wantFile("one+a")
	r.save("one, edited")
	r.refresh()
	r.want("one, edited")
	if got := r.conflicts(); !slices.Equal(got, []string{"one+a"}) {
		t.Errorf("kept %q, want the version with the batch", got)
	}
}

// TestRemoved: the owner removes the file.
func TestRemoved(t *testing.T) {
	r := newRig(t)
	r.write("one\x17two")
	r.want("one\x17two")
	os.Remove(r.path())
	r.refresh()
	r.want("")
	if names, err := r.store.List(context.Background()); err != nil || len(names) > 0 {
		t.Errorf("list: %v, %v", names, err)
	}
	r.write("again")
	r.refresh()
	r.pause()
	r.apply(sq.Append, second, "kept")
	os.Remove(r.path())
	r.refresh()
	r.want("\x17kept")
}

// TestUnreadable: a file that is no phext is served as it is, named in an error,
// and never overwritten; what is pending comes back when it is mended.
func TestUnreadable(t *testing.T) {
	r := newRig(t)
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	r.write("br\xffken")
	r.refresh()
	ctx := context.Background()
	if _, err := r.store.Apply(ctx, "notes", sq.Batch{{Kind: sq.Append, Coordinate: phext.First, Text: []byte("x")}}); sq.ErrorCode(err) != sq.Unreadable || !strings.Contains(err.Error(), "offset 2") {
		t.Errorf("a write: %v, want unreadable and the offset", err)
	}
	snapshot, err := r.store.Snapshot(ctx, "notes")
	if err != nil {
		t.Fatal(err)
	}
	var raw strings.Builder
	if _, err := snapshot.WriteTo(&raw); err != nil || raw.String() != "br\xffken" || sq.ErrorCode(snapshot.Err()) != sq.Unreadable {
		t.Errorf("served %q, %v, %v", raw.String(), err, snapshot.Err())
	}
	snapshot.Close()
	r.write("mended")
	r.refresh()
	r.want("mended+a")
}

// TestLink: a link in the file's place is refused, wherever it leads.
func TestLink(t *testing.T) {
	r := newRig(t)
	outside := t.TempDir() + "/secret"
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, r.path()); err != nil {
		t.Fatal(err)
	}
	snapshot, err := r.store.Snapshot(context.Background(), "notes")
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	var raw strings.Builder
	if _, err := snapshot.WriteTo(&raw); sq.ErrorCode(err) != sq.Unreadable || raw.Len() > 0 {
		t.Errorf("served %q, %v", raw.String(), err)
	}
}

// TestEditWithinOneMoment: an edit that leaves size and time as they were is
// found when the scroll is read.
func TestEditWithinOneMoment(t *testing.T) {
	r := newRig(t)
	r.write("one\x17two")
	info, err := os.Stat(r.path())
	if err != nil {
		t.Fatal(err)
	}
	r.want("one\x17two")
	h := r.handle()
	r.write("ONE\x17TWO")
	if err := os.Chtimes(r.path(), info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	now, err := h.fs.Stat(h.filePath())
	if err != nil {
		t.Fatal(err)
	}
	h.do(func() { h.setKnown(now) }) // as if nothing about the file had changed
	snapshot, err := r.store.Snapshot(context.Background(), "notes")
	if err != nil {
		t.Fatal(err)
	}
	if text, _, err := snapshot.Get(nil, phext.First); sq.ErrorCode(err) != sq.Busy {
		t.Errorf("read %q, %v from a file that changed under it; want busy", text, err)
	}
	snapshot.Close()
	r.want("ONE\x17TWO")
}
