package disk

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// exchangedUnsynced: F0 "one" on disk; +a,+b in segment 1; the checkpoint's mark in segment 2;
// the files exchanged, nothing of the exchange synced; process killed.
func exchangedUnsynced(t *testing.T, damage bool) *vfs.Mem {
	a := newAnswering(t, "one")
	for _, text := range []string{"+a", "+b"} {
		appendTo(t, a.s, "notes", text)
	}
	h := a.handle()
	stop := false
	a.deny = func(c vfs.Call) error { // killed right after the exchange
		if stop {
			return syscall.EIO
		}
		if c.Op == "syncdir" && c.Name == "." {
			if text, _ := a.mem.ReadFile("notes.phext"); string(text) != "one" {
				stop = true
				return syscall.EIO
			}
		}
		return nil
	}
	h.do(func() { h.foreign = time.Time{} })
	answer := make(chan error, 1)
	h.do(func() { h.startCheckpoint(func(err error) { answer <- err }) })
	if err := <-answer; err == nil {
		t.Fatal("checkpoint succeeded")
	}
	a.deny = func(c vfs.Call) error { return syscall.EIO }
	ended, cancel := context.WithCancel(background)
	cancel()
	a.e.Close(ended)
	if text, _ := a.mem.ReadFile("notes.phext"); string(text) != "one+a+b" {
		t.Fatalf("not exchanged: %q", text)
	}
	if damage {
		// rot in the first record: synced already, so it is on disk
		b, err := a.mem.ReadFile(".sq/journal/notes.1")
		if err != nil {
			t.Fatal(err)
		}
		f, err := a.mem.OpenWrite(".sq/journal/notes.1")
		if err != nil {
			t.Fatal(err)
		}
		at := textAt(b, "+a")
		if _, err := f.WriteAt([]byte{'!'}, int64(at)); err != nil {
			t.Fatal(err)
		}
		f.Sync()
		f.Close()
	}
	return a.mem
}

// TestStartAfterKillThenPowerLoss: an ordinary start, and then the power goes.
func TestStartAfterKillThenPowerLoss(t *testing.T) {
	mem := exchangedUnsynced(t, false)
	e := inMemory(mem, Options{})
	if got := normalText(t, e.Store("dir")); got != "one+a+b" {
		t.Fatal(got)
	}
	e.Close(background)
	left := mem.CrashWith(false)
	text, err := left.ReadFile("notes.phext")
	if string(text) != "one+a+b" {
		t.Errorf("%q %v", text, err)
	}
}

// TestRepairThenPowerLoss: the program was killed after an exchange and before its
// sync. A repair does not remove the journal before the file in place is on disk.
func TestRepairThenPowerLoss(t *testing.T) {
	mem := exchangedUnsynced(t, true)
	checked, err := checkIn(mem, CheckOptions{Repair: true})
	t.Logf("%+v %v", checked, err)
	if text, _ := mem.ReadFile("notes.phext"); string(text) != "one+a+b" {
		t.Fatalf("%q", text)
	}
	for _, all := range []bool{false} {
		left := mem.CrashWith(all)
		text, err := left.ReadFile("notes.phext")
		if string(text) != "one+a+b" {
			infos, _ := left.List(".sq/journal")
			t.Errorf("after the repair and a loss of power the file is %q, %v; journal %v: answered batches are lost", text, err, infos)
		}
	}
}

// TestRepairKeepsPart: a repair keeps an edit of the last moment that lies beside
// the file.
func TestRepairKeepsPart(t *testing.T) {
	for name, rotAt := range map[string]string{"nothing pending": "+a", "pending": "+c"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.write("one")
			r.pause()
			r.apply(sq.Append, phext.First, "+a")
			r.apply(sq.Append, phext.First, "+b")
			r.resume()
			h := r.handle()
			h.do(func() {
				h.startCheckpoint(func(error) {})
				f := <-h.folding
				h.folding = nil
				mark := journal.Mark{Sequence: f.sequence, File: f.content.identity}
				if err := h.note(journal.Record{Mark: &mark}); err != nil {
					t.Error(err)
				}
				// a stranger saves in the last moment, the files are exchanged, and the process is killed
				r.save("a stranger's edit")
				if err := h.swap(); err != nil {
					t.Error(err)
				}
				f.content.close()
				h.ending = true
			})
			<-h.stopped
			if name == "pending" { // a process before had answered two more; here: damage in the newest
			}
			r.crashHandle(h)
			r.wantFile("one+a+b")
			if name == "nothing pending" {
				r.rot(0, rotAt, 0)
			} else {
				r.rot(0, "", 20) // the header of segment 1
			}
			checked := r.check(CheckOptions{Repair: true})
			t.Logf("%+v", checked.Findings)
			r.start()
			t.Logf("served %q", r.served())
			found := false
			for _, text := range r.conflicts() {
				found = found || text == "a stranger's edit"
			}
			if !found {
				t.Errorf("the edit is nowhere: conflicts %q, tmp %q", r.conflicts(), r.files(tmpDir))
			}
		})
	}
}

// crashHandle drops a handle whose committer was stopped.
func (r *rig) crashHandle(h *handle) {
	h.refuseUsers(false)
	h.forget()
	h.store.forget(h, nil)
	r.abandon()
}

// TestFullServesOnce: a phext that was edited while it was not served, on a full
// disk with a torn end, is not served with its batches twice.
func TestFullServesOnce(t *testing.T) {
	var full atomic.Bool
	r := newHookedRig(t, func(r *rig, c vfs.Call) error {
		if full.Load() && (c.Op == "write" || c.Op == "create") {
			return syscall.ENOSPC
		}
		if r.deny.Load() && c.Op == "remove" && strings.HasPrefix(c.Name, journalDir) {
			return syscall.EIO
		}
		return nil
	})
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	r.deny.Store(true)
	r.fold() // the file is one+a; the segments stay
	r.pause()
	r.wantFile("one+a")
	r.abandon()
	r.deny.Store(false)
	names := r.files(journalDir)
	f, err := os.OpenFile(filepath.Join(r.dir, journalDir, names[len(names)-1]), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("a torn end")
	f.Close()
	r.write("one+a, edited")
	full.Store(true)
	r.start()
	got := "+a"
	if snap, err := r.store.Snapshot(background, "notes"); err == nil { // refused as full is right, too
		var text strings.Builder
		snap.WriteTo(&text)
		snap.Close()
		got = text.String()
	}
	err = r.tryApply(sq.Append, phext.First, "x")
	full.Store(false)
	if strings.Count(got, "+a") != 1 {
		t.Errorf("served on the full disk (a batch: %v): %q", sq.ErrorCode(err), got)
	}
	r.abandon()
	r.start()
	r.want("one+a, edited")
}

// foldedAndPending leaves a checkpoint that succeeded, and a batch behind it.
func foldedAndPending(t *testing.T, file string) *rig {
	r := newRig(t)
	if file != "" {
		r.write(file)
	}
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	r.resume()
	h := r.handle()
	h.do(func() {
		h.startCheckpoint(func(error) {})
		h.finish(<-h.folding)
	})
	r.pause()
	r.apply(sq.Append, secondScroll, "pending")
	r.abandon()
	return r
}

// TestOlderVersionPutBack: the owner puts the version of before a checkpoint back,
// or removes the file, while nobody serves it, and what is pending is applied.
func TestOlderVersionPutBack(t *testing.T) {
	t.Run("put back", func(t *testing.T) {
		r := foldedAndPending(t, "one")
		r.wantFile("one+a")
		r.write("one")
		r.start()
		t.Logf("served %q", r.served())
		if err := r.tryApply(sq.Append, phext.First, "x"); err != nil {
			t.Error(err)
		}
		r.abandon()
	})
	t.Run("removed", func(t *testing.T) {
		r := foldedAndPending(t, "")
		r.wantFile("+a")
		os.Remove(r.path())
		r.start()
		t.Logf("served %q", r.served())
		if err := r.tryApply(sq.Append, phext.First, "x"); err != nil {
			t.Error(err)
		}
		r.abandon()
	})
}

// TestRepairOfNewerVersion: a repair leaves the journal of a newer program alone.
func TestRepairOfNewerVersion(t *testing.T) {
	r := newRig(t)
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	r.abandon()
	name := filepath.Join(r.dir, journalDir, r.files(journalDir)[0])
	b, _ := os.ReadFile(name)
	h, err := journal.ReadHeader(strings.NewReader(string(b)), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	n := h.Length()
	b[8] = 2
	head := append([]byte(nil), b[:n]...)
	crc := crcOf(head[:n-4])
	copy(b[n-4:], crc)
	os.WriteFile(name, b, 0o600)
	t.Logf("%+v", r.check(CheckOptions{}).Findings)
	c := r.check(CheckOptions{Repair: true})
	t.Logf("%+v", c.Findings)
	if now, err := os.ReadFile(name); err != nil || string(now) != string(b) {
		t.Errorf("the segment of version 2 is gone or changed: %v", err)
	}
	text, _ := os.ReadFile(r.path())
	t.Logf("file %q", text)
	r.start()
}

// TestDamagedAndEdited: a damaged phext that is edited in place is read again.
func TestDamagedAndEdited(t *testing.T) {
	r := journalOfThree(t)
	r.rot(1, "+b", 0)
	r.start()
	r.want("one+a")
	r.write("two, in place")
	r.refresh()
	s, err := r.store.Snapshot(background, "notes")
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := s.Get(nil, phext.First)
	if err != nil || string(text) != "two, in place" {
		t.Errorf("%q, %v", text, err)
	}
	s.Close()
	r.abandon()
}

// TestCloseFoldsResting: closing folds what is left also where the directory had
// been let go.
func TestCloseFoldsResting(t *testing.T) {
	r := newRig(t)
	r.write("one")
	r.apply(sq.Append, phext.First, "+a")
	h := r.handle()
	h.do(func() { h.foreign = time.Now() })
	r.e.closeIdle(r.e.now())
	r.e.closeIdle(r.e.now())
	if r.store.fs != nil {
		t.Fatal("not resting")
	}
	if err := r.e.Close(background); err != nil {
		t.Error(err)
	}
	r.start()
	if left := r.files(journalDir); len(left) > 0 {
		t.Errorf("after an orderly end the journal is %q", left)
	}
}

// TestHungDirectory: a directory that does not answer keeps no other tenant from
// working, once there are many directories.
func TestHungDirectory(t *testing.T) {
	hold, hangs := make(chan struct{}), make(chan struct{})
	mems := map[string]*vfs.Mem{"a": vfs.NewMem(), "b": vfs.NewMem(), "c": vfs.NewMem()}
	e := New(Options{Phexts: 2, Open: func(dir string) (vfs.FS, error) {
		return vfs.NewFault(mems[dir], func(c vfs.Call) error {
			if dir == "a" && c.Op == "list" && c.Name == "." {
				close(hangs)
				<-hold
			}
			return nil
		}), nil
	}})
	listed := make(chan struct{})
	go func() { e.Store("a").List(background); close(listed) }()
	<-hangs
	done := make(chan struct{})
	go func() { e.Store("b").List(background); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("b waits for a")
	}
	close(hold)
	<-done
	<-listed
	e.Close(background)
}
