package client

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/wbic16/sq-go"
)

// address is where a server is.
type address struct {
	name   string // as messages call it
	base   string // of its endpoints: http://HOST/api/v2/
	socket string // a file; "" for a network
}

// apiPath is what the paths of the endpoints begin with.
const apiPath = "/api/v2/"

// parseAddress reads http://HOST, https://HOST or unix:///PATH. What stands behind
// HOST is where a proxy has the server.
func parseAddress(server string) (address, error) {
	if path, ok := strings.CutPrefix(server, "unix://"); ok {
		return socketAddress(server, path)
	}
	u, err := url.Parse(server)
	switch {
	case err == nil && u.User != nil:
		return address{}, sq.Errorf(sq.Invalid, "server: has a user or a password in it; give the token by itself")
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return address{}, sq.Errorf(sq.Invalid, "server %.200q: want http://HOST:PORT, https://HOST or unix:///PATH", server)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return address{}, sq.Errorf(sq.Invalid, "server %.200q: has something behind the path", server)
	}
	base := strings.TrimRight(u.Scheme+"://"+u.Host+u.EscapedPath(), "/")
	base = strings.TrimSuffix(base, strings.TrimRight(apiPath, "/"))
	return address{name: base, base: base + apiPath}, nil
}

// socketAddress takes an absolute path, or one from the current folder on that begins
// with a dot: the path of a socket is short, and a folder may be deep.
func socketAddress(server, path string) (address, error) {
	if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, ".") && !isDrive(path) {
		return address{}, sq.Errorf(sq.Invalid, "server %.200q: want unix:// and an absolute path, or one that begins with a dot", server)
	}
	return address{name: server, base: "http://localhost" + apiPath, socket: path}, nil
}

// isDrive reports whether a path begins as C:\ or C:/ does.
func isDrive(path string) bool {
	return len(path) > 2 && path[1] == ':' && (path[2] == '\\' || path[2] == '/')
}

// transport returns what carries requests to the address.
func (a address) transport() *http.Transport {
	dialer := &net.Dialer{Timeout: connecting}
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSHandshakeTimeout: connecting,
		MaxIdleConnsPerHost: idleMost,
		IdleConnTimeout:     idleFor,
		DisableCompression:  true, // lengths and ETags are of what is there
	}
	if a.socket != "" {
		t.Proxy = nil
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "unix", a.socket)
		}
	}
	return t
}
