package disk

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// check checks the directory of the closed store.
func (r *rig) check(o CheckOptions) Checked {
	r.t.Helper()
	checked, err := Check(r.dir, o)
	if err != nil {
		r.t.Fatal(err)
	}
	return checked
}

// tree returns every file under the directory with its content.
func (r *rig) tree() (all []string) {
	r.t.Helper()
	err := filepath.WalkDir(r.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "lock" {
			b, readErr := os.ReadFile(path)
			all, err = append(all, strings.TrimPrefix(path, r.dir)+" "+string(b)), readErr
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all
}

func (r *rig) wantFindings(c Checked, want ...string) {
	r.t.Helper()
	var got []string
	for _, f := range c.Findings {
		kind := "note: "
		if f.Problem {
			kind = "problem: "
		}
		if f.Repaired {
			kind = "repaired: "
		}
		got = append(got, kind+f.File+" "+f.Text)
	}
	ok := len(got) == len(want)
	for i := 0; ok && i < len(got); i++ {
		ok = strings.HasPrefix(got[i], want[i])
	}
	if !ok {
		r.t.Errorf("found\n\t%s\nwant lines that begin with\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// TestCheckFindsNothing: sound directories have no problems, at rest or not, and
// a check changes nothing.
func TestCheckFindsNothing(t *testing.T) {
	r := newRig(t)
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	r.abandon()
	r.write("two") // edited while it is not served
	before := r.tree()
	r.wantFindings(r.check(CheckOptions{}), "note: notes.phext was edited while it was not served")
	r.write("one")
	r.wantFindings(r.check(CheckOptions{}), "note: notes.phext 1 batch is in the journal")
	r.write("two")
	if after := r.tree(); !slices.Equal(before, after) {
		t.Errorf("there was %q, and after a check %q", before, after)
	}
	r.start()
	r.fold()
	r.stop()
	r.wantFindings(r.check(CheckOptions{}))
	r.start()
}

// TestCheckRefusesWhatIsServed, or it would read a write half done.
func TestCheckRefusesWhatIsServed(t *testing.T) {
	r := newRig(t)
	r.apply(sq.Append, phext.First, "a")
	if _, err := Check(r.dir, CheckOptions{}); sq.ErrorCode(err) != sq.Busy {
		t.Errorf("%v", err)
	}
}

// TestCheckMakesNothing in a folder that was never served.
func TestCheckMakesNothing(t *testing.T) {
	r := &rig{t: t, dir: t.TempDir()}
	r.write("one")
	r.wantFindings(r.check(CheckOptions{}))
	if names, err := os.ReadDir(r.dir); err != nil || len(names) != 1 {
		t.Errorf("there are %v, %v", names, err)
	}
}

// TestRepair: what is damaged is named with its place; a repair keeps copies, and
// afterwards the phext can be written again.
func TestRepair(t *testing.T) {
	for _, test := range []struct {
		name      string
		damage    func(r *rig)
		problem   string
		want      string   // what is served after the repair
		conflicts []string // what is kept
	}{
		{"a record in the middle", func(r *rig) { r.rot(1, "+b", 0) }, ".sq/journal/notes.2 is damaged: offset ", "one+a", []string{"one", "+c+d"}},
		{"a header", func(r *rig) { r.rot(1, "", 20) }, ".sq/journal/notes.2 is damaged: offset 0: the header", "one", []string{"+a+b+c+d"}},
		{"the newest header", func(r *rig) { r.rot(2, "", 20) }, ".sq/journal/notes.3 is damaged: offset 0: the header", "one+a+b+c", []string{"one", "+d"}},
		{"a file that is not UTF-8", func(r *rig) { r.write("o\xffe") }, "notes.phext is no phext: offset 1: byte 0xFF", "o\uFFFDe+a+b+c+d", []string{"o\xffe"}},
		{"both", func(r *rig) { r.write("o\xffe"); r.rot(0, "+a", 0) }, "notes.phext is no phext: offset 1: byte 0xFF", "o\uFFFDe", []string{"o\xffe", "+b+c+d"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := journalOfThree(t)
			test.damage(r)
			before := r.tree()
			checked := r.check(CheckOptions{})
			if checked.Problems() == 0 || !strings.HasPrefix(checked.Findings[0].File+" "+checked.Findings[0].Text, test.problem) {
				t.Errorf("found %+v, want %s", checked.Findings, test.problem)
			}
			if after := r.tree(); !slices.Equal(before, after) {
				t.Errorf("a check without repair has changed something")
			}
			if repaired := r.check(CheckOptions{Repair: true}); repaired.Problems() != 0 || repaired.Repaired != 1 {
				t.Errorf("repaired: %+v", repaired)
			}
			if again := r.check(CheckOptions{}); again.Problems() != 0 {
				t.Errorf("found after the repair: %+v", again.Findings)
			}
			r.start()
			r.want(test.want)
			r.apply(sq.Append, phext.First, "+more")
			r.want(test.want + "+more")
			got := r.conflicts()
			slices.Sort(got)
			slices.Sort(test.conflicts)
			if !slices.Equal(got, test.conflicts) {
				t.Errorf("kept %q, want %q", got, test.conflicts)
			}
		})
	}
}

// TestRepairCrashes: a repair that loses power at any moment can be done again,
// and what it ends with is the same.
func TestRepairCrashes(t *testing.T) {
	for call := 1; ; call++ {
		mem := threeInMemory(t)
		calls := 0
		checked, err := checkIn(vfs.NewFault(mem, func(vfs.Call) error {
			if calls++; calls >= call {
				return syscall.EIO // from here on nothing works
			}
			return nil
		}), CheckOptions{Repair: true})
		for outcome := range uint64(3) {
			left := mem.Crash(rand.New(rand.NewPCG(uint64(call), outcome)))
			if again, err := checkIn(left, CheckOptions{Repair: true}); err != nil || again.Problems() != 0 {
				t.Fatalf("cut off at call %d, outcome %d, and then %+v, %v", call, outcome, again, err)
			}
			e := inMemory(left, Options{})
			appendTo(t, e.Store("dir"), "notes", "+more")
			if err := e.Close(background); err != nil {
				t.Fatal(err)
			}
			if text, err := left.ReadFile("notes.phext"); err != nil || string(text) != "one+a+more" {
				t.Fatalf("cut off at call %d, outcome %d: %q, %v", call, outcome, text, err)
			}
		}
		if err == nil && checked.Problems() == 0 && calls < call {
			t.Logf("%d moments", call-1)
			return
		}
	}
}

// threeInMemory is journalOfThree in memory, on its disk, with the middle segment
// damaged.
func threeInMemory(t *testing.T) *vfs.Mem {
	mem := vfs.NewMem()
	if err := mem.WriteFile("notes.phext", []byte("one")); err != nil {
		t.Fatal(err)
	}
	e := inMemory(mem, Options{})
	s := e.Store("dir").(*Store)
	h, err := s.pinned(background, "notes")
	if err != nil {
		t.Fatal(err)
	}
	h.do(func() { h.foreign = time.Now().Add(time.Hour) })
	for _, text := range []string{"+a", "+b", "+c"} {
		appendTo(t, s, "notes", text)
		h.do(func() { err = errors.Join(err, h.openSegment()) })
	}
	h.unpin()
	ended, cancel := context.WithCancel(background)
	cancel()
	e.Close(ended)
	segment, readErr := mem.ReadFile(".sq/journal/notes.2")
	if err = errors.Join(err, readErr); err != nil {
		t.Fatal(err)
	}
	segment[textAt(segment, "+b")] ^= 1
	if err := mem.WriteFile(".sq/journal/notes.2", segment); err != nil {
		t.Fatal(err)
	}
	mem.Settle()
	return mem
}

// TestRepairOfWhatCannotBe says so, and changes nothing.
func TestRepairOfWhatCannotBe(t *testing.T) {
	r := &rig{t: t, dir: t.TempDir()}
	r.write(strings.Repeat("\x01", phext.MaxStored) + "x")
	checked := r.check(CheckOptions{Repair: true})
	r.wantFindings(checked, "problem: notes.phext is no phext: ")
	if checked.Repaired != 0 {
		t.Errorf("%+v", checked)
	}
}
