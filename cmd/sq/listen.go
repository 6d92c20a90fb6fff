package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"syscall"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/tenant"
)

// loopback is where a server without a key listens.
const loopback = "127.0.0.1"

// open listens, or takes the listener that was handed on. Without a key whoever can
// connect may read and write, so then only this machine can, unless an address was
// given.
func (s *settings) open(lookup func(string) (string, bool)) (net.Listener, error) {
	if l, err := s.inherit(lookup); l != nil || err != nil {
		return l, err
	}
	host := s.listen
	if host == "" && s.keyless() {
		host = loopback
	}
	l, err := api.Listen(net.JoinHostPort(host, strconv.Itoa(int(s.port))))
	if err != nil {
		return nil, s.explain(err)
	}
	return l, nil
}

// keyless tells whether requests need no token.
func (s *settings) keyless() bool { return !s.many() && s.key == "" }

func (s *settings) explain(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return hinted(fmt.Errorf("port %d is in use: %w", s.port, err), "stop the program that listens there, or take another port; 0 lets the system pick one")
	case errors.Is(err, syscall.EACCES):
		return hinted(fmt.Errorf("port %d is not for everyone: %w", s.port, err), "take a port from 1024 up")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return hinted(fmt.Errorf("this machine does not have the address %s: %w", s.listen, err), "--listen names an address of this machine")
	}
	return err
}

// announce prints that the server listens. Programs read these lines. Where
// nobody does, the server goes on.
func (s *settings) announce(w io.Writer, r *tenant.Registry, l net.Listener, log *slog.Logger) {
	log.Info("Durability: "+s.durability.usual, "address", l.Addr().String(), "version", sq.Version)
	s.durability.tell(nil, r, log)
	port := l.Addr().(*net.TCPAddr).Port
	lines := s.oneTenant(port)
	if s.many() {
		lines = s.manyTenants(r.Tenants(), port)
	}
	if _, err := io.WriteString(w, strings.Join(lines, "\n")+"\n"); err != nil {
		log.Warn("standard output cannot be written; the server goes on", "error", err)
	}
}

func (s *settings) manyTenants(tenants []sq.Tenant, port int) []string {
	lines := []string{
		fmt.Sprintf("SQ v%s - Multi-tenant mode", sq.Version),
		fmt.Sprintf("Loaded %d tenants from %s", len(tenants), s.config),
	}
	for _, t := range tenants {
		lines = append(lines, fmt.Sprintf("  - %s (%s)", t.Name, t.DataDir))
	}
	return append(lines, fmt.Sprintf("Listening on port %d...", port))
}

func (s *settings) oneTenant(port int) []string {
	return []string{
		s.whoMay(),
		"Tenant data directory: " + s.dataDir,
		fmt.Sprintf("SQ v%s listening on port %d (max %d concurrent connections)...", sq.Version, port, maxRequests),
	}
}

// whoMay says who may use a server with one tenant.
func (s *settings) whoMay() string {
	switch {
	case s.key != "":
		return "Auth enabled (pmb-v1 key required)"
	case s.listen == "":
		return "No key: listening on " + loopback + ", for this machine alone"
	}
	return "No key: listening on " + s.listen + ", for everyone who can connect there"
}
