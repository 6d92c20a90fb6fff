package disk

import (
	"context"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// cephLike says of free files what CephFS does (fs/ceph/super.c: f_files is the
// number of objects, f_ffree is -1), as os_linux.go passes it on.
type cephLike struct{ vfs.FS }

func (f cephLike) Free() (int64, int64, error) {
	bytes, _, err := f.FS.Free()
	ffree := uint64(math.MaxUint64)
	return bytes, int64(ffree), err
}

func TestUnknownFreeFiles(t *testing.T) {
	r := &rig{t: t, dir: t.TempDir()}
	r.open = func(dir string) (vfs.FS, error) {
		f, err := vfs.Open(dir)
		return cephLike{f}, err
	}
	r.start()
	defer r.stop()
	if err := r.tryApply(sq.Append, phext.First, "a"); err != nil {
		t.Error(err)
	}
}

// TestDropOnFullDisk: a drop on a full disk is refused as full.
func TestDropOnFullDisk(t *testing.T) {
	var full atomic.Bool
	r := newHookedRig(t, func(_ *rig, c vfs.Call) error {
		if full.Load() && (c.Op == "write" || c.Op == "create") {
			return syscall.ENOSPC
		}
		return nil
	})
	r.write("one")
	r.pause()
	r.apply(sq.Append, phext.First, "+a")
	full.Store(true)
	err := r.store.Drop(background, "notes")
	full.Store(false)
	if sq.ErrorCode(err) != sq.Full {
		t.Errorf("%v: %v", sq.ErrorCode(err), err)
	}
}

// TestDamagedAndSaved: a damaged phext whose file is saved anew is read again.
func TestDamagedAndSaved(t *testing.T) {
	r := journalOfThree(t)
	r.rot(1, "+b", 0)
	r.start()
	r.want("one+a")
	r.save("mended by hand")
	r.refresh()
	if got := r.served(); !strings.Contains(got, "mended") {
		t.Errorf("served: %q", got)
	}
	r.abandon()
}

// TestStressDirectories has many callers on more directories than may be open, while
// operations fail: nothing hangs, and what was answered is there, once.
func TestStressDirectories(t *testing.T) {
	var fail atomic.Bool
	mems := map[string]*vfs.Mem{}
	for i := range 10 {
		mems[string(rune('a'+i))] = vfs.NewMem()
	}
	var ops atomic.Int64
	e := New(Options{Phexts: 4, Memory: 1 << 16, Idle: 20 * time.Millisecond, Open: func(dir string) (vfs.FS, error) {
		return vfs.NewFault(mems[dir], func(c vfs.Call) error {
			if n := ops.Add(1); fail.Load() && n%37 == 0 && c.Op != "stat" {
				return []error{syscall.EIO, syscall.ENOSPC}[n%2]
			}
			return nil
		}), nil
	}})
	var wg sync.WaitGroup
	end := time.Now().Add(2 * time.Second)
	var answered [10][3]atomic.Int64
	var uncertain [10][3]atomic.Int64
	for g := range 12 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 1))
			for time.Now().Before(end) {
				d, n := rng.IntN(10), rng.IntN(3)
				s := e.Store(string(rune('a' + d))).(*Store)
				name := sq.PhextName(string(rune('x' + n)))
				switch rng.IntN(6) {
				case 0:
					s.List(background)
				case 1:
					if snap, err := s.Snapshot(background, name); err == nil {
						snap.WriteTo(io.Discard)
						snap.Close()
					}
				case 2:
					ctx, cancel := context.WithTimeout(background, time.Millisecond)
					for range s.Watch(ctx, name, phext.Pattern{}, sq.Position{}) {
					}
					cancel()
				case 3:
					fail.Store(rng.IntN(2) == 0)
				default:
					_, err := s.Apply(background, name, sq.Batch{{Kind: sq.Append, Coordinate: phext.First, Text: []byte("+")}})
					switch {
					case err == nil:
						answered[d][n].Add(1)
					case sq.ErrorCode(err) == sq.Uncertain:
						uncertain[d][n].Add(1)
					}
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(60 * time.Second):
		buf := make([]byte, 1<<20)
		t.Fatalf("hangs\n%s", buf[:runtime.Stack(buf, true)])
	}
	fail.Store(false)
	closed := make(chan error)
	go func() { closed <- e.Close(background) }()
	select {
	case err := <-closed:
		t.Logf("close: %v", err)
	case <-time.After(60 * time.Second):
		buf := make([]byte, 1<<20)
		t.Fatalf("close hangs\n%s", buf[:runtime.Stack(buf, true)])
	}
	if e.dirs.Load() != 0 || e.memory.Load() != 0 || len(e.opened) != 0 {
		t.Errorf("dirs %d memory %d opened %d", e.dirs.Load(), e.memory.Load(), len(e.opened))
	}
	e = New(Options{Open: func(dir string) (vfs.FS, error) { return mems[dir], nil }})
	total := int64(0)
	for d := range 10 {
		for n := range 3 {
			s := e.Store(string(rune('a' + d)))
			snap, err := s.Snapshot(background, sq.PhextName(string(rune('x'+n))))
			if err != nil {
				t.Error(err)
				continue
			}
			size, _ := snap.Has(phext.First)
			snap.Close()
			a, u := answered[d][n].Load(), uncertain[d][n].Load()
			if size < a || size > a+u {
				t.Errorf("%c/%c: %d, answered %d, uncertain %d", 'a'+d, 'x'+n, size, a, u)
			}
			total += a
		}
	}
	t.Logf("%d answered, %d operations", total, ops.Load())
	e.Close(background)
}
