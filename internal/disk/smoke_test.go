package disk

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	e := New(Options{})
	s := e.Store(dir)
	for i := range 100 {
		if _, err := s.Apply(ctx, "notes", sq.Batch{{Kind: sq.Append, Coordinate: phext.First.With(8, i%7+1), Text: fmt.Appendf(nil, "<%d>", i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Replace(ctx, "other", strings.NewReader("a\x17b\x18\x18c\x17\x17")); err != nil {
		t.Fatal(err)
	}
	snap, err := s.Snapshot(ctx, "notes")
	if err != nil {
		t.Fatal(err)
	}
	text, ok, err := snap.Get(phext.First)
	fmt.Println(string(text), ok, err, snap.Scrolls(), snap.Size())
	snap.Close()
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
	out, _ := os.ReadFile(dir + "/notes.phext")
	fmt.Printf("%q\n", out)
	out, _ = os.ReadFile(dir + "/other.phext")
	fmt.Printf("%q\n", out)
	os.Remove(dir + "/.sq/lock")
	list, _ := os.ReadDir(dir + "/.sq/journal")
	fmt.Println(list)
}
