package api

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestTurns: beside another tenant one has only a few requests at work, and the
// next has its turn when one of them ends, or after a moment. Alone it has all.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(512, true)
		alone, other := &served{}, &served{}
		taken := make(chan *served, 512)
		take := func(tenant *served) {
			go func() {
				if !s.take(tenant, time.Now()) {
					tenant = nil
				}
				taken <- tenant
			}()
			synctest.Wait()
		}
		for range 2 * s.few {
			take(alone)
		}
		if len(taken) != 2*s.few {
			t.Fatalf("alone %d of %d are at work", len(taken), 2*s.few)
		}
		take(other)
		before := len(taken)
		take(alone)
		if len(taken) != before {
			t.Error("beside another it does not wait")
		}
		for range s.few {
			s.give(alone)
			synctest.Wait()
		}
		if len(taken) != before {
			t.Error("it has its turn though there are enough at work")
		}
		s.give(alone)
		synctest.Wait()
		if len(taken) != before+1 {
			t.Error("it has no turn when others have ended")
		}
		take(other)
		take(alone)
		before = len(taken)
		time.Sleep(waitsFor)
		synctest.Wait()
		if len(taken) != before+1 {
			t.Error("it waits for ever")
		}
		time.Sleep(aboutFor)
		take(alone)
		if len(taken) != before+2 {
			t.Error("it waits though nobody else is about")
		}
	})
}

// TestNoTurnIsLeft: what was taken is given back, with those who waited.
func TestNoTurnIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(512, true)
		one, two := &served{}, &served{}
		for i := range 100 {
			tenant := []*served{one, one, one, two}[i%4]
			go func() {
				if s.take(tenant, time.Now()) {
					time.Sleep(time.Duration(i%7) * 20 * time.Millisecond)
					s.give(tenant)
				}
			}()
		}
		synctest.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		for _, tenant := range []*served{one, two} {
			if p := tenant.place; s.taken != 0 || p.taken != 0 || p.visits == 0 || len(p.waiting) != 0 {
				t.Errorf("%d are taken, by one of them %+v", s.taken, p)
			}
		}
	})
}
