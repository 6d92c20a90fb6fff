package disk

import (
	"context"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// TestMemoryIsGivenBack: what a phext took of the budget is given back, and not
// more.
func TestMemoryIsGivenBack(t *testing.T) {
	mem := vfs.NewMem()
	e := inMemory(mem, Options{})
	var batch sq.Batch
	for i := range 500 {
		batch = append(batch, sq.Op{Kind: sq.Put, Coordinate: phext.First.With(8, i+1), Text: []byte("x")})
	}
	if _, err := e.Store("dir").Apply(background, "notes", batch); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(background)
	cancel()
	e.Close(ended)
	if n := e.memory.Load(); n != 0 {
		t.Errorf("first: %d bytes", n)
	}
	for range 3 {
		e = inMemory(mem, Options{})
		normalText(t, e.Store("dir"))
		t.Logf("open: %d bytes", e.memory.Load())
		e.Close(ended)
		if n := e.memory.Load(); n != 0 {
			t.Errorf("closed, and %d bytes are taken", n)
		}
	}
}
