package founding_test

import (
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/founding"
)

func TestBrokenLists(t *testing.T) {
	const secret = "invented-secret"
	for _, row := range []struct{ list, want string }{
		{"", "is empty; the first line is slot,token,name,status,purchased_at,customer_email"},
		{header, "has no slots; sq tenants generate makes some"},
		{"slot,token,name,status,purchased_at\n", `1:1: the first line names no column "customer_email"`},
		{"slot,Slot,token\n", `1:6: the column "slot" stands twice`},
		{header + "1,t,n,d,available,\n", "2:1: the line has another number of fields than the first, 7"},
		{header + "1,t,n,d,available,,\n0," + secret + ",n,d,,,\n", `3:1: the slot is "0"; want a number from 1`},
		{header + "x," + secret + ",n,d,,,\n", `2:1: the slot is "x"; want a number from 1`},
		{header + "1,t,n,d,,,\n 1," + secret + ",m,d,,,\n", "3:1: the slot stands twice, first on line 2"},
		{header + "1,,n,d,,,\n", "2:3: the token of slot 1 is missing or a hash"},
		{header + "1,sha256:00,n,d,,,\n", "2:3: the token of slot 1 is missing or a hash"},
		{header + "1," + secret + ",n,d,,,\n2," + secret + ",m,d,,,\n", "3:3: the token stands twice, first on line 2"},
		{header + "1," + secret + ",,d,,,\n", "2:17: hidden"},
		{header + "1,t,n,d,,,\n2," + secret + ",n,d,,,\n", "3:19: the name stands twice, first on line 2"},
		{header + "1," + secret + ",n,d,maybe,,\n", `2:23: hidden`},
		{header + "1," + secret + ",\"n,d,,,\n", "extraneous or missing"},
	} {
		_, err := founding.OpenIn(disk(t, row.list), fileName, founding.Options{})
		want := strings.NewReplacer("2:17: hidden", "2:19: the name of slot 1 is missing", "2:23: hidden", `2:23: the status is "maybe"; want available or claimed`).Replace(row.want)
		if sq.ErrorCode(err) != sq.Invalid || !strings.HasPrefix(err.Error(), fileName+":") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", row.list, err, want)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: the error has the token: %v", row.list, err)
		}
	}
}

// TestListsOfOld: other words, line ends, spaces, a byte order mark.
func TestListsOfOld(t *testing.T) {
	old := "\ufeffSlot, Token ,NAME,data_dir,status,purchased_at,customer_email\r\n" +
		"001, t-1 ,one,/d,unclaimed,,\r\n2,t-2,two,/d,CLAIMED,2025-12-01T00:00:00.000Z,a@example.com\r\n3,t-3,three,/d,,,"
	p := open(t, disk(t, old))
	if got := p.Progress(); got.Claimed != 1 || got.Total != 3 {
		t.Errorf("%+v", got)
	}
	for _, want := range []founding.Slot{{Number: 1, Name: "one", Token: "t-1"}, {Number: 3, Name: "three", Token: "t-3"}} {
		if c, err := p.Claim(customer(want.Number)); err != nil || c.Slot != want {
			t.Errorf("got %+v, %v, want %+v", c, err, want)
		}
	}
}

// TestListsInSpreadsheets: no buyer's address is a formula, and the claim is found again
// by the buyer.
func TestListsInSpreadsheets(t *testing.T) {
	for email, want := range map[string]string{
		"=1+1@example.com": "'=1+1@example.com", "+1@example.com": "'+1@example.com", "-1@example.com": "'-1@example.com", "a=1@example.com": "a=1@example.com",
	} {
		dir := disk(t, slots(2))
		p := open(t, dir)
		for range 2 {
			if c, err := p.Claim(founding.Buyer{Email: email, Customer: "cus_1"}); err != nil || c.Number != 1 {
				t.Errorf("%s: slot %d, %v", email, c.Number, err)
			}
			if got, line := content(t, dir, fileName), "1,invented-001,founding-001,/srv/founding-001,claimed,2026-01-02T03:04:05Z,"+want+"\n"; !strings.Contains(got, line) {
				t.Errorf("the list has no %q:\n%s", line, got)
			}
			p.Close()
			p = open(t, dir)
		}
		p.Close()
	}
}

// TestDamagedClaims: where a promise may be lost, nothing is given away.
func TestDamagedClaims(t *testing.T) {
	dir := disk(t, slots(3))
	p := open(t, dir)
	claim(t, p, customer(1), 1)
	claim(t, p, payer(2), 2)
	if _, err := p.Show(payer(2).Session); err != nil {
		t.Fatal(err)
	}
	p.Close()
	list, claims := content(t, dir, fileName), content(t, dir, fileName+".claims")
	refused := func(what, claims, list string) {
		t.Helper()
		dir := disk(t, list)
		put(t, dir, fileName+".claims", claims)
		_, err := founding.OpenIn(dir, fileName, founding.Options{})
		if sq.ErrorCode(err) != sq.Unreadable || !strings.HasPrefix(err.Error(), fileName+".claims:") {
			t.Errorf("%s: %v", what, err)
		}
		if got := content(t, dir, fileName+".claims"); got != claims {
			t.Errorf("%s: the claims were changed", what)
		}
	}
	for i := range claims {
		refused("cut", claims[:i], list)
		flipped := []byte(claims)
		flipped[i] ^= 1
		if string(flipped) != claims {
			refused("flipped", string(flipped), list)
		}
	}
	refused("another list", claims, strings.ReplaceAll(slots(3), "founding-", "autumn-"))
	refused("a shorter list", claims, slots(1))
	lines := strings.SplitAfter(claims, "\n")
	refused("a line less", strings.Join(lines[1:], ""), list)
	// A copy that is whole is taken.
	dir = disk(t, slots(3))
	put(t, dir, fileName+".claims", claims)
	p = open(t, dir)
	claim(t, p, customer(1), 1)
	if got := content(t, dir, fileName); got != list {
		t.Errorf("the list was not brought up to date:\n%s", got)
	}
	// Without the claims the list is believed.
	dir = disk(t, list)
	claim(t, open(t, dir), customer(1), 3)
}
