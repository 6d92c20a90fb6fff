package disk

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wbic16/sq-go/internal/vfs"
)

// tracer writes down the calls that change something, or make it durable.
type tracer struct {
	mu    sync.Mutex
	lines []string
}

func (r *tracer) call(c vfs.Call) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch c.Op {
	case "stat", "read", "free", "list", "open":
		return nil
	}
	r.lines = append(r.lines, strings.TrimSpace(c.Op+" "+c.Name+" "+c.To))
	return nil
}

// take returns what was done since it was called last.
func (r *tracer) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.lines
	r.lines = nil
	return strings.Join(lines, "\n")
}

// TestTrace pins the order of the file operations that durability rests on.
func TestTrace(t *testing.T) {
	var trace tracer
	mem := vfs.NewMem()
	e := New(Options{Open: func(string) (vfs.FS, error) { return vfs.NewFault(mem, trace.call), nil }})
	s := e.Store("dir").(*Store)
	fold := func() {
		t.Helper()
		h, err := s.pinned(background, "notes")
		if err != nil {
			t.Fatal(err)
		}
		defer h.unpin()
		if err := h.checkpoint(background); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.List(background); err != nil {
		t.Fatal(err)
	}
	trace.take()
	for _, step := range []struct {
		what string
		do   func()
		want []string
	}{
		{"the first batch: a segment is durable before a record is in it", func() { appendTo(t, s, "notes", "a") }, []string{
			"create .sq/journal/notes.1",
			"write .sq/journal/notes.1", "sync .sq/journal/notes.1", "syncdir .sq/journal",
			"write .sq/journal/notes.1", "sync .sq/journal/notes.1",
		}},
		{"a batch: one write, one sync", func() { appendTo(t, s, "notes", "b") }, []string{
			"write .sq/journal/notes.1", "sync .sq/journal/notes.1",
		}},
		{"the first checkpoint: file, mark, name, and only then is anything removed", fold, []string{
			"create .sq/journal/notes.2",
			"write .sq/journal/notes.2", "sync .sq/journal/notes.2", "syncdir .sq/journal",
			"create .sq/tmp/notes.part", "write .sq/tmp/notes.part", "sync .sq/tmp/notes.part",
			"write .sq/journal/notes.2", "sync .sq/journal/notes.2",
			"rename .sq/tmp/notes.part notes.phext", "syncdir .",
			"remove .sq/tmp/notes.part", "remove .sq/journal/notes.1", "syncdir .sq/journal",
			"remove .sq/journal/notes.2", "syncdir .sq/journal",
		}},
		{"a batch and a later checkpoint: the two files are exchanged", func() { appendTo(t, s, "notes", "c"); trace.take(); fold() }, []string{
			"create .sq/journal/notes.4",
			"write .sq/journal/notes.4", "sync .sq/journal/notes.4", "syncdir .sq/journal",
			"create .sq/tmp/notes.part", "write .sq/tmp/notes.part",
			"copyowner .sq/tmp/notes.part", "sync .sq/tmp/notes.part",
			"write .sq/journal/notes.4", "sync .sq/journal/notes.4",
			"exchange .sq/tmp/notes.part notes.phext", "syncdir .",
			"remove .sq/tmp/notes.part", "remove .sq/journal/notes.3", "syncdir .sq/journal",
			"remove .sq/journal/notes.4", "syncdir .sq/journal",
		}},
	} {
		step.do()
		if got, want := trace.take(), strings.Join(step.want, "\n"); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", step.what, got, want)
		}
	}
	if err := e.Close(background); err != nil {
		t.Error(err)
	}
}

// TestReadersSeeWhatIsDurable: until its sync has ended nobody reads a batch, and
// when it was answered everybody does.
func TestReadersSeeWhatIsDurable(t *testing.T) {
	mem := vfs.NewMem()
	var h *handle
	syncs := 0
	fault := vfs.NewFault(mem, func(c vfs.Call) error {
		if h != nil && c.Op == "sync" && strings.HasPrefix(c.Name, journalDir) {
			if syncs++; h.current.Load().has(nth(0)) > 1 {
				t.Error("a batch is published before it is on disk")
			}
		}
		return nil
	})
	e := New(Options{Open: func(string) (vfs.FS, error) { return fault, nil }})
	defer e.Close(background)
	s := e.Store("dir").(*Store)
	appendTo(t, s, "notes", "a")
	opened, err := s.pinned(background, "notes")
	if err != nil {
		t.Fatal(err)
	}
	opened.do(func() { h, opened.foreign = opened, time.Now().Add(time.Hour) }) // it does not fold
	defer opened.do(func() { h, opened.foreign = nil, time.Time{} })
	if opened.unpin(); h == nil {
		t.Fatal("not open")
	}
	appendTo(t, s, "notes", "b")
	if got := h.current.Load().has(nth(0)); got != 2 || syncs == 0 {
		t.Errorf("%d bytes are published after %d syncs, and two were answered", got, syncs)
	}
}
