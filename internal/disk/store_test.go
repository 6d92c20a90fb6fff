package disk

import (
	"context"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/storetest"
	"github.com/wbic16/sq-go/internal/vfs"
)

// folder is a directory that an engine of its own serves.
type folder struct {
	options Options
	dir     string
	engine  *Engine
}

func (p *folder) Open(t *testing.T) sq.Store {
	t.Helper()
	if p.engine == nil {
		p.engine = New(p.options)
		t.Cleanup(func() {
			if err := p.engine.Close(context.Background()); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	return p.engine.Store(p.dir)
}

// TestContract holds the engine to the contract on the system's files.
func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Place { return &folder{dir: t.TempDir()} })
}

// TestContractInMemory does so on files in memory.
func TestContractInMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Place {
		mem := vfs.NewMem()
		return &folder{options: Options{Open: func(string) (vfs.FS, error) { return mem, nil }}, dir: "dir"}
	})
}

// TestContractCrowded does so where a single phext may be open, and everything is
// idle at once, so that phexts are opened and closed all the time.
func TestContractCrowded(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Place {
		return &folder{options: Options{Phexts: 1, Idle: 4 * time.Millisecond}, dir: t.TempDir()}
	})
}
