package disk

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// syncs counts the syncs of a file that has nothing, and what was sent ahead of them.
type syncs struct {
	vfs.File
	n    int
	sent int64
	gaps bool // between what was sent
}

func (s *syncs) Sync() error { s.n++; return nil }

func (s *syncs) WriteBack(offset, bytes int64) {
	s.gaps = s.gaps || offset != s.sent
	s.sent = offset + bytes
}

func TestPace(t *testing.T) {
	for name, c := range map[string]struct {
		worked, rests time.Duration
		hurry         bool
	}{
		"twice as long as it worked": {worked: 3 * time.Millisecond, rests: 6 * time.Millisecond},
		"not for long":               {worked: time.Second, rests: paceMost},
		"not in a hurry":             {worked: time.Second, hurry: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPace()
				if c.hurry {
					p = hurried()
				}
				time.Sleep(c.worked)
				before := time.Now()
				if err := p.rest(&syncs{}, 0); err != nil || time.Since(before) != c.rests {
					t.Errorf("it rests for %v, %v", time.Since(before), err)
				}
			})
		})
	}
}

func TestPaceSyncs(t *testing.T) {
	p, file := hurried(), &syncs{}
	for n := range int64(8) {
		if err := p.rest(file, n*paceSync/2); err != nil {
			t.Fatal(err)
		}
	}
	if file.n != 3 {
		t.Errorf("%d syncs of a file of 3.5 times as many bytes", file.n)
	}
}

// What was written goes to the disk before a sync is due, and nothing is left out.
func TestPaceSendsAhead(t *testing.T) {
	p, file := hurried(), &syncs{}
	for bytes := int64(0); bytes < paceSync/2; bytes += paceBytes + 1 {
		if err := p.rest(file, bytes); err != nil {
			t.Fatal(err)
		}
		if waits := bytes - file.sent; waits >= paceSend {
			t.Fatalf("of %d bytes %d wait for a sync", bytes, waits)
		}
	}
	if file.gaps || file.n > 0 {
		t.Errorf("parts were left out: %v; %d syncs", file.gaps, file.n)
	}
}

// A checkpoint that someone waits for does not rest any more. Here it ends only when
// it is hurried.
func TestPaceHurries(t *testing.T) {
	for name, wait := range map[string]func(*rig, *handle){
		"closing":   func(r *rig, _ *handle) { r.stop() },
		"replacing": func(_ *rig, h *handle) { h.do(func() { h.foldNow() }) },
	} {
		t.Run(name, func(t *testing.T) {
			paces := make(chan *pace, 1)
			r := newHookedRig(t, func(r *rig, c vfs.Call) error {
				if r.deny.Load() && c.Op == "sync" && strings.HasSuffix(c.Name, partSuffix) {
					<-(<-paces).hurry
				}
				return nil
			})
			r.apply(sq.Put, phext.First, "text")
			h := r.handle()
			h.do(func() {
				r.deny.Store(true)
				h.startCheckpoint(func(error) {})
				r.deny.CompareAndSwap(h.folding == nil, false)
				paces <- h.pace
			})
			if !r.deny.Load() {
				t.Fatal("there is no checkpoint")
			}
			wait(r, h)
			r.deny.Store(false)
		})
	}
}
