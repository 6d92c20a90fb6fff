package load

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Server is where requests go.
type Server struct {
	address string // host:port
	host    string // as the header Host has it
	base    string // what paths begin with, without a slash at the end
	secure  bool
}

// ParseServer parses a URL such as http://localhost:1337 or
// https://sq.example/under.
func ParseServer(text string) (*Server, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("server %q: %w", text, err)
	}
	port := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	if port == "" || u.Hostname() == "" {
		return nil, fmt.Errorf("server %q: want a URL such as http://localhost:1337", text)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("server %q: want a scheme, a host and perhaps a path, and nothing else", text)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return &Server{
		address: net.JoinHostPort(u.Hostname(), port),
		host:    u.Host,
		base:    strings.TrimRight(u.EscapedPath(), "/"),
		secure:  u.Scheme == "https",
	}, nil
}

// dial makes a connection.
func (s *Server) dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{Timeout: patience, KeepAlive: -1}
	if s.secure {
		return (&tls.Dialer{NetDialer: &dialer}).DialContext(ctx, "tcp", s.address)
	}
	return dialer.DialContext(ctx, "tcp", s.address)
}
