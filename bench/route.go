package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/wbic16/sq-go/internal/load"
)

// ofRouter is what is asked through a router.
const ofRouter = "through the router"

// route starts a router in front of a server, for the token of the first tenant.
func (b *bench) route(h *hosted) (*hosted, error) {
	_, port, err := net.SplitHostPort(h.address)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(b.data, "router-config.json")
	text := fmt.Sprintf(`{"tenants": [{"token": %q, "port": %s}]}`, tenantToken(0), port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	p, err := b.listen("route", nil, b.program, "route", config, "0", "--listen", "127.0.0.1")
	if err != nil {
		return nil, err
	}
	server, err := load.ParseServer("http://" + p.address)
	return &hosted{p, server}, err
}

// routeSuite compares reads through a router with reads from the server behind it.
// Each contender's CPU time is that of the process that it asks.
func routeSuite(clients int, r row) suite {
	matches := []match{{r, ofRouter, ofSQ}}
	return suite{rowsOf(matches), func(b *bench, _ []row) ([]figure, error) {
		config, err := b.tenants(b.data, 1)
		if err != nil {
			return nil, err
		}
		scrolls := b.scaled(manyScrolls)
		if err := makePhext(filepath.Join(b.data, tenantName(0)), "many", scrolls); err != nil {
			return nil, err
		}
		h, err := b.host(config)
		if err != nil {
			return nil, err
		}
		defer h.kill()
		router, err := b.route(h)
		if err != nil {
			return nil, err
		}
		defer router.kill()
		all, err := b.contest(clients, map[string]contender{
			ofSQ: h.doing(h.work("many", scrolls, 1)), ofRouter: router.doing(router.work("many", scrolls, 1)),
		})
		if err != nil {
			return nil, err
		}
		return ratios(matches, all, nil), nil
	}}
}
