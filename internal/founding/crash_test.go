package founding_test

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/founding"
	"github.com/wbic16/sq-go/internal/vfs"
)

// promises is what buyers were told.
type promises struct {
	slots map[founding.Buyer]int
	shown map[string]bool // payments whose token was sent
	asked map[string]bool // payments whose token was asked for
}

// work claims and shows until something fails, and returns what was answered.
func work(p *founding.Programme) promises {
	done := promises{map[founding.Buyer]int{}, map[string]bool{}, map[string]bool{}}
	for i := range 3 {
		for _, who := range []founding.Buyer{customer(i), payer(i)} {
			c, err := p.Claim(who)
			if err != nil {
				return done
			}
			done.slots[who] = c.Number
		}
		done.asked[payer(i).Session] = true
		if _, err := p.Show(payer(i).Session); err != nil && sq.ErrorCode(err) != sq.Gone {
			return done
		}
		done.shown[payer(i).Session] = true
	}
	return done
}

// kept holds a file system that was found after a crash to what was answered.
func (done promises) kept(t *testing.T, dir vfs.FS) {
	t.Helper()
	p := open(t, dir)
	defer p.Close()
	claimed := p.Progress().Claimed
	if claimed < len(done.slots) || claimed > len(done.slots)+1 {
		t.Errorf("%d slots are claimed, and %d were answered", claimed, len(done.slots))
	}
	for who, slot := range done.slots {
		if p.Withheld(tokenOf(slot)) {
			t.Errorf("slot %d is free again", slot)
		}
		claim(t, p, who, slot)
	}
	for i := range 3 {
		session := payer(i).Session
		visit := p.Visit(session)
		if done.shown[session] && visit.Shown.IsZero() {
			t.Errorf("that the token of %s was sent is forgotten", session)
		}
		if !done.asked[session] && !visit.Shown.IsZero() {
			t.Errorf("the token of %s was never asked for", session)
		}
	}
	// Nobody new gets what somebody has.
	for i := range 9 {
		c, err := p.Claim(customer(100 + i))
		if err != nil {
			break
		}
		for who, slot := range done.slots {
			if c.Number == slot {
				t.Errorf("slot %d of %+v was given away again", slot, who)
			}
		}
	}
	if got := content(t, dir, fileName); strings.Count(got, ",claimed,") != p.Progress().Claimed {
		t.Errorf("%+v are claimed, and the list is\n%s", p.Progress(), got)
	}
}

var errStruck = errors.New("struck")

// TestPowerLossAnywhere: power is lost at each file operation, and what was
// answered holds afterwards.
func TestPowerLossAnywhere(t *testing.T) {
	for n := 1; ; n++ {
		struck := false
		for seed := range uint64(6) {
			mem := disk(t, slots(8))
			dead := false
			dir := vfs.NewFault(mem, func(c vfs.Call) error {
				dead = dead || c.N == n
				if dead {
					return errStruck
				}
				return nil
			})
			done := promises{}
			if p, err := founding.OpenIn(dir, fileName, founding.Options{}); err == nil {
				done = work(p)
			}
			struck = dead
			done.kept(t, mem.Crash(rand.New(rand.NewPCG(seed, uint64(n)))))
			if t.Failed() {
				t.Fatalf("call %d, seed %d", n, seed)
			}
		}
		if !struck {
			if n < 20 {
				t.Fatalf("only %d calls", n)
			}
			return
		}
	}
}

// TestEachCallFails: one operation fails, the server goes on, and then power is
// lost.
func TestEachCallFails(t *testing.T) {
	for _, reason := range []error{syscall.EIO, syscall.ENOSPC} {
		for n := 1; ; n++ {
			mem := disk(t, slots(8))
			dir := vfs.NewFault(mem, vfs.FailNth(n, reason))
			p, err := founding.OpenIn(dir, fileName, founding.Options{})
			if err != nil {
				continue // it did not start, and says so
			}
			done := work(p)
			// Whoever was told that the disk failed asks again.
			again := work(p)
			for who, slot := range done.slots {
				if again.slots[who] != slot {
					t.Errorf("call %d: %+v had slot %d, then %d", n, who, slot, again.slots[who])
				}
			}
			again.asked = map[string]bool{payer(0).Session: true, payer(1).Session: true, payer(2).Session: true}
			again.kept(t, mem.CrashWith(n%2 == 0))
			if t.Failed() {
				t.Fatalf("call %d", n)
			}
			if dir.Calls() < n {
				break
			}
		}
	}
}

func TestDiskErrors(t *testing.T) {
	for reason, code := range map[error]sq.Code{syscall.ENOSPC: sq.Full, syscall.EIO: sq.Uncertain} {
		failing := false
		dir := vfs.NewFault(disk(t, slots(2)), func(c vfs.Call) error {
			if failing && c.Op == "sync" {
				return reason
			}
			return nil
		})
		p := open(t, dir)
		failing = true
		if _, err := p.Claim(customer(1)); sq.ErrorCode(err) != code || !errors.Is(err, reason) {
			t.Errorf("got %v, want %s", err, code)
		}
		if p.Progress().Claimed != 0 || !p.Withheld(tokenOf(1)) {
			t.Error("what was not answered is in force")
		}
		failing = false
		claim(t, p, customer(2), 1)
	}
}

// TestLeftovers of a process that was killed are no obstacle.
func TestLeftovers(t *testing.T) {
	dir := disk(t, slots(2))
	for _, suffix := range []string{".tmp", ".claims.tmp", ".lock"} {
		put(t, dir, fileName+suffix, "left")
	}
	p := open(t, dir)
	claim(t, p, customer(1), 1)
	if _, err := dir.Stat(fileName + ".claims.tmp"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a leftover stays: %v", err)
	}
}
