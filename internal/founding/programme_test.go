package founding_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/founding"
)

// TestClaims: who gets what, before and after a restart.
func TestClaims(t *testing.T) {
	dir := disk(t, slots(4))
	p := open(t, dir)
	look := func(claimed int, percentage float64) {
		t.Helper()
		want := founding.Progress{Claimed: claimed, Total: 4, Remaining: 4 - claimed, Percentage: percentage}
		if got := p.Progress(); got != want {
			t.Errorf("progress is %+v, want %+v", got, want)
		}
	}
	reopen := func() {
		t.Helper()
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		p = open(t, dir)
	}
	look(0, 0)
	if c := claim(t, p, customer(1), 1); !c.New || c.Twice {
		t.Errorf("%+v", c)
	}
	look(1, 25)
	for range 2 {
		if c := claim(t, p, customer(1), 1); c.New {
			t.Errorf("the same customer: %+v", c)
		}
		reopen()
	}
	claim(t, p, payer(2), 2)
	// The same payment in another message, and the same message about another.
	claim(t, p, founding.Buyer{Session: payer(2).Session, Event: "evt_other"}, 2)
	claim(t, p, founding.Buyer{Session: "cs_test_other", Event: payer(2).Event}, 2)
	reopen()
	claim(t, p, founding.Buyer{Event: "evt_other"}, 2)
	look(2, 50)
	// A customer who pays, and then once more.
	paying := founding.Buyer{Customer: "cus_1", Session: "cs_test_first", Event: "evt_first"}
	if c := claim(t, p, paying, 1); c.Twice {
		t.Error("a first payment was taken for a second")
	}
	paying.Session, paying.Event = "cs_test_second", "evt_second"
	if c := claim(t, p, paying, 1); !c.Twice || c.New {
		t.Errorf("a second payment: %+v", c)
	}
	if c := claim(t, p, paying, 1); c.Twice {
		t.Errorf("a repeated message: %+v", c)
	}
	claim(t, p, customer(3), 3)
	claim(t, p, customer(4), 4)
	look(4, 100)
	for range 2 {
		if _, err := p.Claim(payer(9)); sq.ErrorCode(err) != sq.Gone {
			t.Errorf("when all are claimed: %v", err)
		}
		if v := p.Visit(payer(9).Session); !v.Known || !v.Refused {
			t.Errorf("a payment that found nothing: %+v", v)
		}
		reopen()
	}
	claim(t, p, customer(1), 1) // who has one, has it
	if _, err := p.Claim(founding.Buyer{Email: "a@example.com"}); sq.ErrorCode(err) != sq.Invalid {
		t.Errorf("a buyer without a name: %v", err)
	}
}

func TestPercentageRoundsDown(t *testing.T) {
	dir := disk(t, slots(1001))
	p := open(t, dir)
	var all sync.WaitGroup
	for i := range 1000 {
		all.Go(func() { p.Claim(customer(i)) })
	}
	all.Wait()
	if got := p.Progress(); got.Claimed != 1000 || got.Percentage != 99.9 {
		t.Errorf("%+v", got)
	}
}

// TestHundredAtOnce gets a hundred different slots, on a real disk.
func TestHundredAtOnce(t *testing.T) {
	const buyers, places = 100, 90
	path := filepath.Join(t.TempDir(), fileName)
	if err := os.WriteFile(path, []byte(slots(places)), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := founding.Open(path, founding.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]int, buyers)
	var all sync.WaitGroup
	for i := range buyers {
		all.Go(func() {
			c, err := p.Claim(customer(i))
			if err != nil && sq.ErrorCode(err) != sq.Gone {
				t.Error(err)
			}
			got[i] = c.Number
		})
	}
	all.Wait()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Claim(customer(0)); sq.ErrorCode(err) != sq.Closed {
		t.Errorf("after the end: %v", err)
	}
	if p, err = founding.Open(path, founding.Options{}); err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	owner := map[int]int{}
	for i, slot := range got {
		if slot == 0 {
			continue
		}
		if other, taken := owner[slot]; taken {
			t.Errorf("slot %d went to %d and %d", slot, other, i)
		}
		owner[slot] = i
		claim(t, p, customer(i), slot)
	}
	if len(owner) != places {
		t.Errorf("%d slots were given away, want %d", len(owner), places)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the list: %v, %v", info.Mode(), err)
	}
}

// TestWithheld: a token is worth nothing before it is claimed.
func TestWithheld(t *testing.T) {
	dir := disk(t, slots(2)+"7,sold-by-hand,hand,,sold,,ada@example.com\n")
	p := open(t, dir)
	look := func(want ...bool) {
		t.Helper()
		for i, token := range []string{tokenOf(1), tokenOf(2), "sold-by-hand", "of-nobody", ""} {
			if got := p.Withheld(token); got != want[i] {
				t.Errorf("%q withheld: %v", token, got)
			}
		}
	}
	look(true, true, false, false, false)
	claim(t, p, customer(1), 1)
	look(false, true, false, false, false)
	claim(t, p, customer(2), 2)
	look(false, false, false, false, false)
	if _, err := p.Claim(customer(3)); sq.ErrorCode(err) != sq.Gone {
		t.Errorf("a slot that was sold by hand: %v", err)
	}
}

// TestUnusable: what would not work is not sold.
func TestUnusable(t *testing.T) {
	p := openWith(t, disk(t, slots(2)), founding.Options{Usable: func(s founding.Slot) bool { return s.Number == 2 }})
	claim(t, p, customer(1), 2)
	if _, err := p.Claim(customer(2)); sq.ErrorCode(err) != sq.Gone {
		t.Error(err)
	}
}

// TestShow: a token is shown once, and that is not forgotten.
// TestStale: a token that was exchanged after it was claimed is answered to nobody.
func TestStale(t *testing.T) {
	stale := false
	p := openWith(t, disk(t, slots(2)), founding.Options{Usable: func(s founding.Slot) bool { return s.Number == 2 || !stale }})
	claim(t, p, customer(1), 1)
	claim(t, p, payer(2), 2)
	paid := payer(1)
	paid.Customer = customer(1).Customer
	claim(t, p, paid, 1)
	stale = true
	c, err := p.Claim(customer(1))
	if err != nil || !c.Stale || c.Token != "" || c.Number != 1 || c.New {
		t.Errorf("claimed again: %+v, %v", c, err)
	}
	if s, err := p.Show(paid.Session); sq.ErrorCode(err) != sq.Conflict || s.Token != "" {
		t.Errorf("shown: %+v, %v", s, err)
	}
	stale = false
	if s, err := p.Show(paid.Session); err != nil || s.Token != tokenOf(1) { // it was not shown
		t.Errorf("shown: %+v, %v", s, err)
	}
	if c := claim(t, p, payer(2), 2); c.Stale {
		t.Error("another's token is called stale")
	}
}

func TestShow(t *testing.T) {
	dir := disk(t, slots(2))
	p := open(t, dir)
	if _, err := p.Show(payer(1).Session); sq.ErrorCode(err) != sq.NotFound || p.Visit(payer(1).Session).Known {
		t.Errorf("before the payment: %v", err)
	}
	claim(t, p, payer(1), 1)
	if v := p.Visit(payer(1).Session); v != (founding.Visit{Known: true, Slot: 1, Name: nameOf(1)}) {
		t.Errorf("%+v", v)
	}
	if s, err := p.Show(payer(1).Session); err != nil || s.Token != tokenOf(1) {
		t.Errorf("%+v, %v", s, err)
	}
	for range 2 {
		if s, err := p.Show(payer(1).Session); sq.ErrorCode(err) != sq.Gone || s.Token != "" {
			t.Errorf("again: %+v, %v", s, err)
		}
		if v := p.Visit(payer(1).Session); v.Shown != someDay {
			t.Errorf("%+v", v)
		}
		p.Close()
		p = open(t, dir)
	}
	claim(t, p, customer(2), 2)
	if _, err := p.Show(""); sq.ErrorCode(err) != sq.NotFound {
		t.Errorf("no payment: %v", err)
	}
}

// TestShownToOne of many who ask at once.
func TestShownToOne(t *testing.T) {
	p := open(t, disk(t, slots(1)))
	claim(t, p, payer(1), 1)
	var all sync.WaitGroup
	seen := make(chan string, 50)
	for range 50 {
		all.Go(func() {
			if s, err := p.Show(payer(1).Session); err == nil {
				seen <- s.Token
			}
		})
	}
	all.Wait()
	if len(seen) != 1 {
		t.Errorf("shown %d times", len(seen))
	}
}

// TestListShowsClaims: operators see in the list who has what, and nothing else
// of it changes.
func TestListShowsClaims(t *testing.T) {
	dir := disk(t, "name,note,token,customer_email,status,slot,purchased_at\n"+
		"one,\"a \"\"quoted\"\" note\",t-1,,unclaimed,1,\n"+
		"two,,t-2,,,2,\n"+
		"three,kept,t-3,eve@example.com,Sold,3,yesterday\n")
	p := open(t, dir)
	if _, err := p.Claim(customer(7)); err != nil {
		t.Fatal(err)
	}
	want := "name,note,token,customer_email,status,slot,purchased_at\n" +
		"one,\"a \"\"quoted\"\" note\",t-1,c7@example.com,claimed,1,2026-01-02T03:04:05Z\n" +
		"two,,t-2,,,2,\n" +
		"three,kept,t-3,eve@example.com,Sold,3,yesterday\n"
	if got := content(t, dir, fileName); got != want {
		t.Errorf("the list is\n%swant\n%s", got, want)
	}
	if claims := content(t, dir, fileName+".claims"); strings.Contains(claims, "t-1") {
		t.Errorf("a token is in the claims:\n%s", claims)
	}
}

// TestEditedListStays: what an operator writes while the server runs is not
// overwritten, and the claims win at the next start.
func TestEditedListStays(t *testing.T) {
	dir := disk(t, slots(2))
	p := open(t, dir)
	edited := slots(3)
	put(t, dir, fileName, edited)
	claim(t, p, customer(1), 1)
	if got := content(t, dir, fileName); got != edited {
		t.Errorf("the list is\n%s", got)
	}
	p.Close()
	p = open(t, dir)
	claim(t, p, customer(1), 1)
	claim(t, p, customer(2), 2)
	claim(t, p, customer(3), 3)
	if got := content(t, dir, fileName); strings.Count(got, "claimed,2026") != 3 {
		t.Errorf("the list is\n%s", got)
	}
}

// TestOneHolder: two processes cannot give away the same slots.
func TestOneHolder(t *testing.T) {
	dir := disk(t, slots(1))
	openWith(t, dir, founding.Options{Owner: "process 7"})
	_, err := founding.OpenIn(dir, fileName, founding.Options{})
	if sq.ErrorCode(err) != sq.Conflict || !strings.Contains(err.Error(), "process 7") {
		t.Errorf("the second gets %v", err)
	}
}

// TestListeners hear of each claim in order, and are let go when they do not
// listen.
func TestListeners(t *testing.T) {
	const many = 300 // more than a listener may be behind
	p := open(t, disk(t, slots(many)))
	fast, leave, err := p.Subscribe(2)
	if err != nil {
		t.Fatal(err)
	}
	slow, _, err := p.Subscribe(2)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Subscribe(2); sq.ErrorCode(err) != sq.Busy {
		t.Errorf("one more than there may be: %v", err)
	}
	for want := range many + 1 {
		if got, ok := <-fast; !ok || got.Claimed != want || got.Total != many {
			t.Fatalf("event %d is %+v, %v", want, got, ok)
		}
		p.Claim(customer(want)) // the last finds nothing
	}
	heard := 0
	for range slow { // until it is closed
		heard++
	}
	if heard == 0 || heard > many {
		t.Errorf("the slow one heard %d events", heard)
	}
	leave()
	leave()
	last, _, err := p.Subscribe(1)
	if err != nil || (<-last).Claimed != many {
		t.Fatal(err)
	}
	p.EndStreams()
	if _, ok := <-last; ok {
		t.Error("heard something after the end")
	}
	if _, _, err := p.Subscribe(1); sq.ErrorCode(err) != sq.Closed {
		t.Errorf("after the end: %v", err)
	}
	leave()
}

// TestFilesAreForOneUser: what has tokens and addresses in it is for others to read no
// longer than until it is written.
func TestFilesAreForOneUser(t *testing.T) {
	private := os.FileMode(0o600)
	if runtime.GOOS == "windows" { // which has no such modes
		private = 0o666
	}
	path := filepath.Join(t.TempDir(), fileName)
	if err := os.WriteFile(path, []byte(slots(2)), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := founding.Open(path, founding.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	claim(t, p, customer(1), 1)
	for _, name := range []string{path, path + ".claims"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != private {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}
