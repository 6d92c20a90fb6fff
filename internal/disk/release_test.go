package disk

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

var release = flag.String("release", "", "make testdata/released/NAME, as this program leaves directories")

// TestMakeRelease makes directories for TestReleased, in testdata where -release
// asks for it, and opens them as that does.
func TestMakeRelease(t *testing.T) {
	to := t.TempDir()
	if *release != "" {
		to = filepath.Join(releasedDir, *release)
		if err := os.Mkdir(to, 0o755); err != nil {
			t.Fatal(err) // what was released is not made a second time
		}
	}
	writeReleased(t, to, "rest", atRest(t))
	writeReleased(t, to, "killed", killed(t))
	for _, name := range []string{"rest", "killed"} {
		openReleased(t, filepath.Join(to, name))
	}
}

// made is a directory that is made, and what it must be opened with.
type made struct {
	dir string
	contents
}

func writeReleased(t *testing.T, to, name string, m made) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	m.Files = sums(t, m.dir)
	check(filepath.WalkDir(m.dir, func(path string, d fs.DirEntry, err error) error {
		if rel, _ := filepath.Rel(m.dir, path); err == nil && d.IsDir() && rel != "." {
			m.Folders = append(m.Folders, filepath.ToSlash(rel))
		}
		return err
	}))
	check(os.CopyFS(filepath.Join(to, name), os.DirFS(m.dir)))
	check(filepath.WalkDir(filepath.Join(to, name), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			err = os.Chmod(path, 0o644)
		}
		return err
	}))
	text, err := json.MarshalIndent(m.contents, "", "  ")
	check(err)
	check(os.WriteFile(filepath.Join(to, name+".json"), append(text, '\n'), 0o644))
}

// maker makes one phext.
type maker struct {
	t       *testing.T
	dir     string
	name    sq.PhextName
	refused atomic.Pointer[string] // the operation that fails; "" for every one
	killAt  string                 // the operation before which the process dies
	behind  bool                   // it dies behind it
	e       *Engine
	s       *Store
}

func newMaker(t *testing.T, name sq.PhextName, text string) *maker {
	m := &maker{t: t, dir: t.TempDir(), name: name}
	if text != "" {
		m.write(text)
	}
	m.start()
	return m
}

func (m *maker) write(text string) {
	m.t.Helper()
	path := filepath.Join(m.dir, string(m.name)+suffix)
	if err := os.WriteFile(path+"~", []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		m.t.Fatal(err)
	}
}

func (m *maker) start() {
	m.killAt = "nothing"
	nothing := "nothing"
	m.refused.Store(&nothing)
	m.e = New(Options{Owner: "process 1 on port 1337", Open: func(dir string) (vfs.FS, error) {
		f, err := vfs.Open(dir)
		return vfs.NewFault(f, m.before), err
	}})
	m.s = m.e.Store(m.dir).(*Store)
	m.pause()
}

func (m *maker) before(c vfs.Call) error {
	dies := c.Op == m.killAt && (c.Op != "remove" || strings.HasPrefix(c.Name, journalDir))
	if dies && !m.behind {
		m.refuse("")
	}
	if op := *m.refused.Load(); op == "" || op == c.Op {
		return syscall.EIO
	}
	if dies {
		m.refuse("")
	}
	return nil
}

func (m *maker) refuse(op string) { m.refused.Store(&op) }

func (m *maker) handle() *handle {
	h, err := m.s.pinned(background, m.name)
	if err != nil {
		m.t.Fatal(err)
	}
	h.unpin()
	return h
}

// pause keeps the committer from folding by itself.
func (m *maker) pause() { h := m.handle(); h.do(func() { h.foreign = time.Now().Add(time.Hour) }) }

func (m *maker) apply(kind sq.Kind, at, text string) {
	m.t.Helper()
	c, err := phext.ParseStored(at)
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := m.s.Apply(background, m.name, sq.Batch{{Kind: kind, Coordinate: c, Text: []byte(text)}}); err != nil {
		m.t.Fatal(err)
	}
}

// fold folds the journal, as far as it comes.
func (m *maker) fold() {
	h := m.handle()
	h.do(func() { h.foreign = time.Time{} })
	answer := make(chan error, 1)
	h.do(func() { h.startCheckpoint(func(err error) { answer <- err }) })
	<-answer
	if *m.refused.Load() != "" {
		m.pause()
	}
}

// kill ends the process without another operation.
func (m *maker) kill() *maker {
	m.refuse("")
	ended, cancel := context.WithCancel(background)
	cancel()
	m.e.Close(ended)
	return m
}

// end ends the process as it should.
func (m *maker) end() {
	m.t.Helper()
	h := m.handle()
	h.do(func() { h.foreign = time.Time{} })
	if err := m.e.Close(background); err != nil {
		m.t.Fatal(err)
	}
}

// atRest makes a directory that was closed in an orderly way, after all that
// leaves something behind: an edit saved over a newer version, a phext that was
// dropped, and the torn end of a journal.
func atRest(t *testing.T) made {
	m := newMaker(t, "notes", "First.\n")
	m.apply(sq.Append, "1.1.1/1.1.1/1.1.1", "Second, with δ and 🔆.\n")
	m.apply(sq.Put, "1.2.3/4.5.6/7.8.9", "far away")
	m.apply(sq.Put, "1.1.1/1.1.1/1.1.2", "will be removed")
	m.apply(sq.Delete, "1.1.1/1.1.1/1.1.2", "")
	m.fold()
	m.write("First, edited.\n\x17\x17saved over\x17\x18")
	if err := m.s.Refresh(background, m.name); err != nil {
		t.Fatal(err)
	}
	m.pause()
	m.apply(sq.Append, "1.1.1/1.1.1/1.1.3", ", and appended to")
	dropped := &maker{t: t, name: "dropped", e: m.e, s: m.s}
	dropped.apply(sq.Put, "1.1.1/1.1.1/1.1.1", "in the trash")
	if err := m.s.Drop(background, "dropped"); err != nil {
		t.Fatal(err)
	}
	m.kill()
	m.tear(func(b []byte) []byte {
		return append(recordsOf(b), "the torn end of a write that was never answered"...)
	})
	m.start()
	second := &maker{t: t, name: "my notes, with spaces", e: m.e, s: m.s}
	second.apply(sq.Put, "999.999.999/999.999.999/999.999.999", "the last one")
	m.end()
	return made{m.dir, contents{Phexts: map[sq.PhextName]map[string]string{
		"notes":                 {"1.1.1/1.1.1/1.1.1": "First, edited.\n", "1.1.1/1.1.1/1.1.3": "saved over, and appended to"},
		"my notes, with spaces": {"999.999.999/999.999.999/999.999.999": "the last one"},
	}}}
}

// tear changes the segments of a phext.
func (m *maker) tear(change func([]byte) []byte) {
	m.t.Helper()
	names, err := filepath.Glob(filepath.Join(m.dir, filepath.FromSlash(journalDir), string(m.name)+".*"))
	if err != nil || len(names) == 0 {
		m.t.Fatalf("segments %q, %v", names, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(name, change(b), 0o600)
		}
		if err != nil {
			m.t.Fatal(err)
		}
	}
}

// recordsOf returns a segment without the zeros that were written ahead.
func recordsOf(segment []byte) []byte {
	n := len(bytes.TrimRight(segment, "\x00"))
	return segment[:(n+7)&^7]
}

// killed makes a directory that was left in the middle of everything.
func killed(t *testing.T) made {
	all := made{t.TempDir(), contents{Phexts: map[sq.PhextName]map[string]string{}}}
	const one, two = "1.1.1/1.1.1/1.1.1", "1.1.1/1.1.1/1.1.2"
	add := func(m *maker, scrolls map[string]string) {
		all.Phexts[m.name] = scrolls
		for name, text := range filesIn(t, m.dir) {
			to := filepath.Join(all.dir, filepath.FromSlash(name))
			if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	begun := func(name sq.PhextName, text string) *maker {
		m := newMaker(t, name, text)
		m.apply(sq.Append, one, "+a")
		m.apply(sq.Put, two, "second")
		m.apply(sq.Append, one, "+b")
		return m
	}

	add(begun("pending", "base").kill(), map[string]string{one: "base+a+b", two: "second"})
	add(begun("pending, not in normal form", "base\x17\x17third\x17\x18\x18").kill(),
		map[string]string{one: "base+a+b", two: "second", "1.1.1/1.1.1/1.1.3": "third"})
	add(begun("new", "").kill(), map[string]string{one: "+a+b", two: "second"})

	m := begun("folding", "base") // its file is beside, and the mark of it is noted
	m.killAt = "exchange"
	m.fold()
	add(m.kill(), map[string]string{one: "base+a+b", two: "second"})

	m = begun("exchanged", "base") // its file is in place, the other one beside
	m.killAt, m.behind = "exchange", true
	m.fold()
	add(m.kill(), map[string]string{one: "base+a+b", two: "second"})

	m = begun("removing", "base") // its file is in place, the journal still there
	m.killAt = "remove"
	m.fold()
	add(m.kill(), map[string]string{one: "base+a+b", two: "second"})

	m = begun("segments", "base")
	for _, text := range []string{"+c", "+d"} {
		m.refuse("exchange")
		m.fold()
		m.apply(sq.Append, one, text)
	}
	m.refuse("nothing")
	m.apply(sq.Delete, two, "")
	add(m.kill(), map[string]string{one: "base+a+b+c+d"})

	m = begun("edited", "base")
	m.write("edited")
	if err := m.s.Refresh(background, m.name); err != nil {
		t.Fatal(err)
	}
	m.pause()
	m.apply(sq.Append, one, "+c")
	add(m.kill(), map[string]string{one: "edited+a+b+c", two: "second"})

	m = begun("torn", "base")
	m.apply(sq.Append, one, "+never answered")
	m.kill()
	m.tear(func(b []byte) []byte {
		return bytes.Join([][]byte{recordsOf(b)[:len(recordsOf(b))-9], b[len(recordsOf(b)):]}, make([]byte, 9))
	})
	add(m, map[string]string{one: "base+a+b", two: "second"})
	return withOwnFolders(all)
}

// withOwnFolders makes the folders that hold nothing.
func withOwnFolders(m made) made {
	for _, folder := range []string{journalDir, tmpDir, conflictsDir, tailsDir, trashDir} {
		os.MkdirAll(filepath.Join(m.dir, filepath.FromSlash(folder)), 0o700)
	}
	return m
}
