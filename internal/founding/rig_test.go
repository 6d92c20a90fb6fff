package founding_test

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wbic16/sq-go/internal/founding"
	"github.com/wbic16/sq-go/internal/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	header   = "slot,token,name,data_dir,status,purchased_at,customer_email\n"
	fileName = "founding.csv"
)

// someDay is when everything happens.
var someDay = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func tokenOf(slot int) string { return fmt.Sprintf("invented-%03d", slot) }
func nameOf(slot int) string  { return fmt.Sprintf("founding-%03d", slot) }

// slots returns a list of n slots that nobody has.
func slots(n int) string {
	var b strings.Builder
	b.WriteString(header)
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "%d,%s,%s,/srv/%s,available,,\n", i, tokenOf(i), nameOf(i), nameOf(i))
	}
	return b.String()
}

// disk returns a file system in memory with a list that was there long ago.
func disk(t testing.TB, list string) *vfs.Mem {
	t.Helper()
	m := vfs.NewMem()
	put(t, m, fileName, list)
	return m
}

// put makes a file that survives.
func put(t testing.TB, m *vfs.Mem, name, text string) {
	t.Helper()
	m.Remove(name) // where there is one
	f, err := m.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := m.SyncDir("."); err != nil {
		t.Fatal(err)
	}
}

func content(t testing.TB, dir vfs.FS, name string) string {
	t.Helper()
	f, err := dir.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// open opens the programme of a file system until the test ends.
func open(t testing.TB, dir vfs.FS) *founding.Programme {
	t.Helper()
	return openWith(t, dir, founding.Options{})
}

func openWith(t testing.TB, dir vfs.FS, o founding.Options) *founding.Programme {
	t.Helper()
	o.Now = func() time.Time { return someDay }
	if o.Logger == nil {
		o.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	p, err := founding.OpenIn(dir, fileName, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// customer is a buyer whom the operator knows.
func customer(i int) founding.Buyer {
	return founding.Buyer{Email: fmt.Sprintf("c%d@example.com", i), Customer: fmt.Sprintf("cus_%d", i)}
}

// payer is a buyer whom Stripe tells of.
func payer(i int) founding.Buyer {
	return founding.Buyer{Email: fmt.Sprintf("p%d@example.com", i), Session: fmt.Sprintf("cs_test_%d", i), Event: fmt.Sprintf("evt_%d", i)}
}

func claim(t testing.TB, p *founding.Programme, who founding.Buyer, slot int) founding.Claimed {
	t.Helper()
	c, err := p.Claim(who)
	if err != nil || c.Number != slot || c.Token != tokenOf(slot) || c.Name != nameOf(slot) {
		t.Fatalf("%+v gets %+v, %v; want slot %d", who, c, err, slot)
	}
	return c
}
