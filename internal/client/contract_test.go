package client_test

import (
	"context"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/client"
	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/internal/storetest"
)

// wired is a store behind a server, as a client sees it. Closing it lets go of the
// client; the store stays, so that there is something to open again.
type wired struct{ server string }

func (p wired) Open(t *testing.T) sq.Store { return lazily{open(t, p.server, "a token")} }

// lazily says that snapshots do not outlive changes.
type lazily struct{ *client.Client }

func (lazily) Lazy() {}

// TestContractOnDisk: a client is a store, in front of the engine on disk.
func TestContractOnDisk(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Place {
		dir := t.TempDir() // it is removed after the engine has closed
		engine := disk.New(disk.Options{})
		t.Cleanup(func() { engine.Close(context.Background()) })
		return wired{serve(t, engine.Store(dir), "tcp", "127.0.0.1:0", "a token")}
	})
}

// TestContractOnModel: and in front of another.
func TestContractOnModel(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Place {
		return wired{serve(t, storetest.NewModel(), "tcp", "127.0.0.1:0", "a token")}
	})
}
