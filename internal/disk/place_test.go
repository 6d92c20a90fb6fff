package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/storetest"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// placed is what a placement is to make, and what was there before.
var (
	placed  = map[sq.PhextName]string{"a": "new", "b": "new too", "c": "newest"}
	sooner  = map[sq.PhextName]string{"b": "old", "z": "untouched"}
	outcome = map[sq.PhextName]string{"a": "new", "b": "new too", "c": "newest", "z": "untouched"}
)

// lived returns a directory that was served, and whose process died: "b" has its
// text in the journal alone.
func lived(t *testing.T) *vfs.Mem {
	t.Helper()
	mem := vfs.NewMem()
	if err := mem.WriteFile("z.phext", []byte("untouched")); err != nil {
		t.Fatal(err)
	}
	mem.Settle()
	e := New(Options{Open: func(string) (vfs.FS, error) { return mem, nil }})
	put := sq.Batch{{Kind: sq.Put, Coordinate: phext.First, Text: []byte("old")}}
	if _, err := e.Store("").Apply(context.Background(), "b", put); err != nil {
		t.Fatal(err)
	}
	next := mem.CrashWith(true)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e.Close(ctx)
	return next
}

// placeInto puts what is to be placed into a directory.
func placeInto(dir vfs.FS) error {
	p, err := openPlacer(context.Background(), "", func(string) (vfs.FS, error) { return dir, nil })
	if err != nil {
		return err
	}
	err = placeAll(p)
	return errors.Join(err, p.Close())
}

func placeAll(p *Placer) error {
	for _, name := range slices.Sorted(maps.Keys(placed)) {
		in, err := p.Look(name)
		if err != nil {
			return err
		}
		if in.Checksum == phext.Sum([]byte(placed[name])) {
			continue
		}
		s, err := p.Stage(name, true)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(s, placed[name]); err != nil {
			return err
		}
		if err := s.Done(); err != nil {
			return err
		}
	}
	return p.Place()
}

// foundIn returns what the phexts in a directory hold, after a check of them, and what
// is in the trash.
func foundIn(t *testing.T, mem *vfs.Mem) (state map[sq.PhextName]string, trash []string) {
	t.Helper()
	checked, err := checkIn(mem, CheckOptions{})
	if err != nil || checked.Problems() > 0 {
		t.Fatalf("check: %+v, %v", checked, err)
	}
	e := New(Options{Open: func(string) (vfs.FS, error) { return mem, nil }})
	s := e.Store("")
	names, err := s.List(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	state = map[sq.PhextName]string{}
	for _, name := range names {
		state[name] = phext.Implode(storetest.Read(t, s, name))
	}
	if err := e.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	infos, err := mem.List(trashDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		text, err := mem.ReadFile(trashDir + "/" + info.Name)
		if err != nil {
			t.Fatal(err)
		}
		trash = append(trash, string(text))
	}
	return state, trash
}

// TestPlace on file systems that can exchange two files, and on others.
func TestPlace(t *testing.T) {
	for _, exchange := range []error{nil, errors.ErrUnsupported} {
		mem := lived(t)
		err := placeInto(vfs.NewFault(mem, func(c vfs.Call) error {
			if c.Op == "exchange" {
				return exchange
			}
			return nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		if state, trash := foundIn(t, mem); !maps.Equal(state, outcome) || !slices.Equal(trash, []string{"old"}) {
			t.Errorf("%q, and in the trash %q", state, trash)
		}
		if infos, err := mem.List(tmpDir); err != nil || len(infos) > 0 {
			t.Errorf("left: %v, %v", infos, err)
		}
	}
}

// TestPlaceFails makes each file operation of a placement fail: as long as it
// stages, nothing has changed; then each phext is the old one or the new one, and
// an old one that was replaced is in the trash. Run again it comes to its end.
func TestPlaceFails(t *testing.T) {
	for _, failure := range []error{syscall.EIO, syscall.ENOSPC} {
		for n, failed := 1, true; failed; n++ {
			failed = false
			mem := lived(t)
			placing := false
			err := placeInto(vfs.NewFault(mem, func(c vfs.Call) error {
				placing = placing || c.Op == "exchange" || c.Op == "rename" && strings.HasSuffix(c.Name, stageSuffix)
				if c.N == n {
					failed = true
					return failure
				}
				return nil
			}))
			if mem.Settle(); err != nil {
				disturbed(t, mem, fmt.Sprintf("operation %d failed with %v", n, failure), placing)
			} else if state, trash := foundIn(t, mem); !maps.Equal(state, outcome) || !slices.Contains(trash, "old") {
				t.Fatalf("operation %d failed with %v, and nobody said so: %q, and in the trash %q", n, failure, state, trash)
			}
		}
	}
}

// disturbed checks what a placement left that did not come to its end.
func disturbed(t *testing.T, mem *vfs.Mem, what string, placing bool) {
	t.Helper()
	state, trash := foundIn(t, mem)
	if !placing && !maps.Equal(state, sooner) {
		t.Fatalf("%s while staging, and it is %q", what, state)
	}
	for name, text := range state {
		if text != outcome[name] && text != sooner[name] {
			t.Fatalf("%s: %q holds %q", what, name, text)
		}
	}
	if state["z"] == "" || state["b"] == "" || state["b"] != "old" && !slices.Contains(trash, "old") {
		t.Fatalf("%s: it is %q, and in the trash %q", what, state, trash)
	}
	if err := placeInto(mem); err != nil {
		t.Fatalf("%s: again: %v", what, err)
	}
	if state, trash = foundIn(t, mem); !maps.Equal(state, outcome) || !slices.Contains(trash, "old") {
		t.Fatalf("%s: again: %q, and in the trash %q", what, state, trash)
	}
}

// TestPlaceCrashes loses power at each file operation of a placement, and after it.
func TestPlaceCrashes(t *testing.T) {
	for n, crashed := 1, true; crashed; n++ {
		crashed = false
		for seed := range uint64(4) {
			mem := lived(t)
			var next *vfs.Mem
			placing := false
			placeInto(vfs.NewFault(mem, func(c vfs.Call) error {
				if c.N == n {
					crashed = true
					next = mem.Crash(rand.New(rand.NewPCG(seed, uint64(n))))
				}
				placing = placing || c.Op == "exchange" || c.Op == "rename" && strings.HasSuffix(c.Name, stageSuffix)
				return nil
			}))
			if next == nil {
				next = mem.CrashWith(false)
				if state, trash := foundIn(t, next); !maps.Equal(state, outcome) || !slices.Contains(trash, "old") {
					t.Fatalf("what was placed did not survive: %q, and in the trash %q", state, trash)
				}
				continue
			}
			disturbed(t, next, fmt.Sprintf("power went at operation %d, seed %d", n, seed), placing)
		}
	}
}

// TestPlaceRefuses what would harm something.
func TestPlaceRefuses(t *testing.T) {
	mem := lived(t)
	open := func(string) (vfs.FS, error) { return mem, nil }
	p, err := openPlacer(context.Background(), "", open)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openPlacer(context.Background(), "", open); sq.ErrorCode(err) != sq.Busy {
		t.Errorf("while another has it: %v", err)
	}
	for _, row := range []struct {
		name    sq.PhextName
		replace bool
		code    sq.Code
	}{{"z", false, sq.Conflict}, {"a", false, ""}, {"a", true, sq.Conflict}} {
		if _, err := p.Stage(row.name, row.replace); sq.ErrorCode(err) != row.code {
			t.Errorf("%s, replace %v: %v", row.name, row.replace, err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if state, trash := foundIn(t, mem); !maps.Equal(state, sooner) || len(trash) > 0 {
		t.Errorf("it is %q, and in the trash %q", state, trash)
	}
	if _, err := mem.Stat("a.phext"); !errors.Is(err, errNotExist) {
		t.Errorf("what was not placed: %v", err)
	}
}

// TestPlaceFolding: names that are one on a file system are not staged twice.
func TestPlaceFolding(t *testing.T) {
	mem := vfs.NewMemFolding()
	p, err := openPlacer(context.Background(), "", func(string) (vfs.FS, error) { return mem, nil })
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Stage("Notes", true); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Stage("notes", true); sq.ErrorCode(err) != sq.Conflict {
		t.Errorf("%v", err)
	}
}

// TestPlaceFull: a disk that has no room for all of it has all that it had.
func TestPlaceFull(t *testing.T) {
	mem := lived(t)
	p, err := openPlacer(context.Background(), "", func(string) (vfs.FS, error) { return mem, nil })
	if err != nil {
		t.Fatal(err)
	}
	mem.SetCapacity(64 << 10)
	for i := range 100 {
		s, e := p.Stage(sq.PhextName(fmt.Sprint("many-", i)), false)
		if err = e; err == nil {
			_, err = s.Write(make([]byte, 1000))
		}
		if err != nil {
			break
		}
	}
	if sq.ErrorCode(err) != sq.Full {
		t.Errorf("%v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if state, _ := foundIn(t, mem); !maps.Equal(state, sooner) {
		t.Errorf("it is %q", state)
	}
}
