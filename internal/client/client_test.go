package client_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/client"
	"github.com/wbic16/sq-go/internal/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// single is one tenant, with a token or without.
type single string

func (s single) Find(token string) (sq.Tenant, bool) {
	return sq.Tenant{DataDir: "here"}, s == "" || token == string(s)
}
func (s single) NeedsToken() bool  { return s != "" }
func (single) IsAdmin(string) bool { return false }
func (single) HasAdmin() bool      { return false }

// served is a store behind a server, until the test ends; the client closes the
// store when it is closed.
func serve(t *testing.T, store sq.Store, network, addr, token string) string {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	server := api.New(api.Options{
		Tenants:  func() api.Tenants { return single(token) },
		Store:    func(sq.Tenant) sq.Store { return store },
		Loopback: true,
	})
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	if network == "unix" {
		return "unix://" + addr
	}
	return "http://" + l.Addr().String()
}

func open(t *testing.T, server, token string) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{Server: server, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	c := open(t, serve(t, storetest.NewModel(), "unix", path, ""), "")
	if v, err := c.Version(t.Context()); err != nil || v != sq.Version {
		t.Error(v, err)
	}
}
