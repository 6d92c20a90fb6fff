package disk

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

var background = context.Background()

func inMemory(mem *vfs.Mem, o Options) *Engine {
	o.Open = func(string) (vfs.FS, error) { return mem, nil }
	return New(o)
}

func appendTo(t *testing.T, s sq.Store, name sq.PhextName, text string) {
	t.Helper()
	if _, err := s.Apply(background, name, sq.Batch{{Kind: sq.Append, Coordinate: phext.First, Text: []byte(text)}}); err != nil {
		t.Fatal(err)
	}
}

func (e *Engine) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.opened)
}

// TestIdle: what is not used is folded, then closed, then the directory is let
// go; and used again it is as before.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		e := inMemory(mem, Options{})
		defer e.Close(background)
		s := e.Store("dir").(*Store)
		appendTo(t, s, "notes", "a")
		<-time.After(time.Second)
		if text, err := mem.ReadFile("notes.phext"); string(text) != "a" || err != nil {
			t.Errorf("at a pause the file is %q, %v", text, err)
		}
		if left, err := mem.List(journalDir); err != nil || len(left) > 0 {
			t.Errorf("at rest there are segments: %v, %v", left, err)
		}
		<-time.After(20 * time.Minute)
		if n := e.count(); n > 0 || s.fs != nil {
			t.Errorf("idle: %d phexts are open, the directory is %v", n, s.fs)
		}
		lock, err := mem.Lock(lockPath, "another")
		if err != nil {
			t.Fatalf("idle, and still locked: %v", err)
		}
		lock.Close()
		appendTo(t, s, "notes", "b")
		if got := e.memory.Load(); got <= 0 {
			t.Errorf("memory is reckoned as %d", got)
		}
	})
}

// TestUsed: what is read again and again stays open, another that is not is closed, and
// an edit by others is seen within seconds though nobody tells of it.
func TestUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		e := inMemory(mem, Options{Idle: time.Minute})
		defer e.Close(background)
		s := e.Store("dir").(*Store)
		appendTo(t, s, "notes", "a")
		used := s.all()
		appendTo(t, s, "other", "b")
		read := func() string {
			t.Helper()
			snapshot, err := s.Snapshot(background, "notes")
			if err != nil {
				t.Fatal(err)
			}
			defer snapshot.Close()
			text, _, err := snapshot.Get(nil, phext.First)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		for range 5 * 60 {
			<-time.After(time.Second)
			read()
		}
		if left := s.all(); !slices.Equal(left, used) {
			t.Errorf("after five minutes %d phexts are open, or another", len(left))
		}
		if err := mem.WriteFile("notes.phext", []byte("edited")); err != nil {
			t.Fatal(err)
		}
		<-time.After(lookEvery + time.Second)
		if got := read(); got != "edited" {
			t.Errorf("an edit is not seen: %q", got)
		}
	})
}

// TestBudget: past the budget for memory the least recently used phexts are
// closed, but for those in use.
func TestBudget(t *testing.T) {
	mem := vfs.NewMem()
	e := inMemory(mem, Options{Memory: 10 * handleBytes})
	s := e.Store("dir")
	appendTo(t, s, "used", "x")
	held, err := s.Snapshot(background, "used")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		appendTo(t, s, sq.PhextName(fmt.Sprint("p", i)), "x")
	}
	if n := e.count(); n > 12 {
		t.Errorf("%d phexts are open", n)
	}
	if text, ok, err := held.Get(nil, phext.First); string(text) != "x" || !ok || err != nil {
		t.Errorf("the one in use: %q, %v, %v", text, ok, err)
	}
	held.Close()
	if err := e.Close(background); err != nil {
		t.Error(err)
	}
	if got := e.memory.Load(); got != 0 {
		t.Errorf("memory is reckoned as %d after closing", got)
	}
}

// TestManyDirectories: as phexts, so directories are closed when there are too
// many, and what was written to each is in its files.
func TestManyDirectories(t *testing.T) {
	const dirs, phexts = 30, 8
	mems := map[string]*vfs.Mem{}
	e := New(Options{Phexts: phexts, Open: func(dir string) (vfs.FS, error) { return mems[dir], nil }})
	for i := range dirs {
		mems[strconv.Itoa(i)] = vfs.NewMem()
	}
	for round := range 2 {
		for i := range dirs {
			appendTo(t, e.Store(strconv.Itoa(i)), "notes", "a")
			if _, err := e.Store(strconv.Itoa(dirs - 1 - i)).List(background); err != nil {
				t.Fatal(err)
			}
			if n := e.dirs.Load(); n > phexts/2 {
				t.Fatalf("round %d: %d directories are open", round, n)
			}
		}
	}
	if err := e.Close(background); err != nil {
		t.Fatal(err)
	}
	for dir, mem := range mems {
		if text, err := mem.ReadFile("notes.phext"); string(text) != "aa" {
			t.Errorf("%s holds %q, %v", dir, text, err)
		}
	}
	if n := e.dirs.Load(); n != 0 {
		t.Errorf("%d directories are open after closing", n)
	}
}

// TestCloseFoldsWhatIsLeft: closing folds also the journal of a phext that nobody
// has asked for since an earlier process left it.
func TestCloseFoldsWhatIsLeft(t *testing.T) {
	mem := vfs.NewMem()
	e := inMemory(mem, Options{})
	appendTo(t, e.Store("dir"), "notes", "a")
	appendTo(t, e.Store("dir"), "others", "b")
	ended, cancel := context.WithCancel(background)
	cancel()
	e.Close(ended)
	e = inMemory(mem, Options{})
	appendTo(t, e.Store("dir"), "notes", "+")
	if err := e.Close(background); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"notes.phext": "a+", "others.phext": "b"} {
		if text, err := mem.ReadFile(name); string(text) != want {
			t.Errorf("%s holds %q, %v", name, text, err)
		}
	}
}

// TestSecondServer: the second server on a directory is told who the first is,
// and changes nothing.
func TestSecondServer(t *testing.T) {
	dir := t.TempDir()
	first, second := New(Options{Owner: "the first one"}), New(Options{})
	defer first.Close(background)
	defer second.Close(background)
	appendTo(t, first.Store(dir), "notes", "a")
	_, err := second.Store(dir).Snapshot(background, "notes")
	if sq.ErrorCode(err) != sq.Busy || !strings.Contains(err.Error(), "the first one") {
		t.Errorf("%v, want busy, and who it is", err)
	}
}

// TestCase: where the file system takes two names for one, the second is a
// conflict and not the same phext.
func TestCase(t *testing.T) {
	mem := vfs.NewMemFolding()
	e := inMemory(mem, Options{})
	appendTo(t, e.Store("dir"), "Notes", "a")
	if _, err := e.Store("dir").Snapshot(background, "notes"); sq.ErrorCode(err) != sq.Conflict {
		t.Errorf("while the other is open: %v, want a conflict", err)
	}
	if err := e.Close(background); err != nil {
		t.Fatal(err)
	}
	e = inMemory(mem, Options{})
	defer e.Close(background)
	if _, err := e.Store("dir").Apply(background, "NOTES", sq.Batch{{Kind: sq.Put, Coordinate: phext.First, Text: []byte("b")}}); sq.ErrorCode(err) != sq.Conflict {
		t.Errorf("beside the file: %v, want a conflict", err)
	}
	appendTo(t, e.Store("dir"), "Notes", "b")
}

// TestHurry: when there is no time to fold, closing leaves the journal, and
// nothing is lost.
func TestHurry(t *testing.T) {
	mem := vfs.NewMem()
	e := inMemory(mem, Options{})
	appendTo(t, e.Store("dir"), "notes", "a")
	ctx, cancel := context.WithCancel(background)
	cancel()
	e.Close(ctx)
	if left, err := mem.List(journalDir); err != nil || len(left) != 1 {
		t.Errorf("segments: %v, %v; want one", left, err)
	}
	e = inMemory(mem, Options{})
	s := e.Store("dir")
	if names, err := s.List(background); err != nil || !slices.Equal(names, []sq.PhextName{"notes"}) {
		t.Errorf("list: %v, %v; want what only the journal has", names, err)
	}
	appendTo(t, s, "notes", "b")
	if err := e.Close(background); err != nil {
		t.Fatal(err)
	}
	if text, err := mem.ReadFile("notes.phext"); string(text) != "ab" || err != nil {
		t.Errorf("the file is %q, %v", text, err)
	}
}

// TestFullDisk: what grows is refused before the room for a delete is gone, reads
// and deletes go on, and the limit clears itself.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		mem.SetCapacity(plenty)
		e := inMemory(mem, Options{})
		defer e.Close(background)
		s := e.Store("dir")
		put := func(n, size int) error {
			_, err := s.Apply(background, "notes", sq.Batch{{Kind: sq.Put, Coordinate: nth(n), Text: make([]byte, size)}})
			return err
		}
		for n := range 4 {
			if err := put(n, 1<<20); err != nil {
				t.Fatal(err)
			}
		}
		mem.SetCapacity(13 << 20)
		if err := put(5, 1<<20); sq.ErrorCode(err) != sq.Full {
			t.Fatalf("a put on a full disk: %v, want full", err)
		}
		if err := put(0, 100); err != nil {
			t.Errorf("an update that shrinks: %v", err)
		}
		if _, err := s.Apply(background, "notes", sq.Batch{{Kind: sq.Delete, Coordinate: nth(1)}, {Kind: sq.Delete, Coordinate: nth(2)}}); err != nil {
			t.Errorf("a delete: %v", err)
		}
		<-time.After(time.Minute)
		if err := put(5, 1000); err != nil {
			t.Errorf("a put after there is room again: %v", err)
		}
	})
}

// TestPlentyOfRoom is looked at once a second.
func TestPlentyOfRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := vfs.NewMem()
		e := inMemory(mem, Options{})
		defer e.Close(background)
		s := e.Store("dir")
		put := func() sq.Code {
			_, err := s.Apply(background, "notes", sq.Batch{{Kind: sq.Append, Coordinate: phext.First, Text: []byte("text")}})
			return sq.ErrorCode(err)
		}
		first := put()
		mem.SetCapacity(2 << 20)
		second := put()
		<-time.After(roomyFor)
		if third := put(); first != "" || second != "" || third != sq.Full {
			t.Errorf("%v, within a second %v, after it %v", first, second, third)
		}
		mem.SetCapacity(plenty)
	})
}

// TestWatchSeesEdits: a watcher is told of an edit by others at once, because the
// folder is watched.
func TestWatchSeesEdits(t *testing.T) {
	r := newRig(t)
	r.write("one\x17two")
	r.want("one\x17two")
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	ready := r.handle()
	seen := make(chan sq.Change)
	go func() {
		defer close(seen)
		for c, err := range r.store.Watch(ctx, "notes", phext.AnyPattern, sq.Position{}) {
			if err != nil {
				t.Error(err)
				return
			}
			seen <- c
		}
	}()
	for !ready.log.watched() { // until it waits
		ready.do(func() {})
	}
	r.save("one\x17three")
	c := <-seen
	if c.Kind != sq.Updated || c.Coordinate != second || c.Bytes != 5 {
		t.Errorf("told of %+v", c)
	}
	cancel()
	for range seen {
	}
}

// TestCheckpointKeepsMode: the file keeps its mode when it is written anew.
func TestCheckpointKeepsMode(t *testing.T) {
	r := newRig(t)
	r.write("one")
	if err := os.Chmod(r.path(), 0o640); err != nil {
		t.Fatal(err)
	}
	r.apply(sq.Append, phext.First, "+a")
	if err := r.fold(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(r.dir, "notes.phext"))
	if err != nil || info.Mode() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// TestDropKeepsACopy: what is dropped is in the trash, with what was pending.
func TestDropKeepsACopy(t *testing.T) {
	r := newRig(t)
	r.write("one")
	r.apply(sq.Append, phext.First, "+a")
	if err := r.store.Drop(background, "notes"); err != nil {
		t.Fatal(err)
	}
	names := r.files(trashDir)
	if len(names) != 1 {
		t.Fatalf("the trash has %v", names)
	}
	if text, err := os.ReadFile(filepath.Join(r.dir, trashDir, names[0])); string(text) != "one+a" || err != nil {
		t.Errorf("the trash has %q, %v", text, err)
	}
}

// TestAppendWritesWhatIsAppended: an append to a large scroll of a large phext
// puts the text into the journal, and little else.
func TestAppendWritesWhatIsAppended(t *testing.T) {
	mem := vfs.NewMem()
	e := inMemory(mem, Options{})
	appendTo(t, e.Store("dir"), "notes", strings.Repeat("x", 10<<20))
	if err := e.Close(background); err != nil {
		t.Fatal(err)
	}
	e = inMemory(mem, Options{})
	defer e.Close(background)
	appendTo(t, e.Store("dir"), "notes", "a hundred bytes or less")
	infos, err := mem.List(journalDir)
	if err != nil || len(infos) != 1 || infos[0].Identity.Size > 8<<10 {
		t.Errorf("the journal is %+v, %v", infos, err)
	}
}
