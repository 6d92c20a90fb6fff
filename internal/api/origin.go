package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/wbic16/sq-go"
)

// Where tokens are needed a web page of any origin may call, since it must show
// one. Where none is needed, whoever reaches the server may use it, and every
// page that its user visits reaches it through the browser. So there the request
// must not come from a foreign page, and must not come under a foreign name,
// which a name server can point here (DNS rebinding).

var (
	errHost   = sq.Errorf(sq.Forbidden, "Forbidden: without a key only loopback names are answered, see --allow-host")
	errOrigin = sq.Errorf(sq.Forbidden, "Forbidden: without a key pages of other origins are not answered, see --allow-origin")
)

// exactly returns the set of a list.
func exactly(list []string) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, s := range list {
		set[s] = true
	}
	return set
}

func lowered(hosts []string) map[string]bool {
	set := make(map[string]bool, len(hosts))
	for _, h := range hosts {
		set[strings.ToLower(h)] = true
	}
	return set
}

// checkOrigin says in the reply which pages may read it, and refuses those that
// may not even ask.
func (c *call) checkOrigin(tenants Tenants) error {
	h, origins := c.reply.Header(), c.request.Header["Origin"]
	if c.keyless = !tenants.NeedsToken(); !c.keyless {
		h["Access-Control-Allow-Origin"] = anyOrigin
		c.expose(origins)
		return nil
	}
	if len(c.server.origins) > 0 {
		h.Add("Vary", "Origin")
	}
	if !c.isOwnHost() {
		return errHost
	}
	if len(origins) == 1 && c.server.origins[origins[0]] {
		h["Access-Control-Allow-Origin"] = origins
		c.expose(origins)
		return nil
	}
	if !isSameSite(c.request.Header["Sec-Fetch-Site"]) || len(origins) > 0 && !c.isOwnOrigin(origins) {
		return errOrigin
	}
	return nil
}

// expose lets pages read the headers that matter to them.
func (c *call) expose(origins []string) {
	if len(origins) > 0 {
		c.reply.Header()["Access-Control-Expose-Headers"] = exposed
	}
}

var exposed = []string{"ETag, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, SQ-Position, X-Request-Id"}

// isSameSite reports whether a browser, if it is one, says that the user or a
// page of ours asks.
func isSameSite(site []string) bool {
	return len(site) == 0 || len(site) == 1 && (site[0] == "none" || site[0] == "same-origin")
}

// isOwnOrigin reports whether the page that asks is ours.
func (c *call) isOwnOrigin(origins []string) bool {
	scheme := "http://"
	if c.request.TLS != nil {
		scheme = "https://"
	}
	return len(origins) == 1 && strings.EqualFold(origins[0], scheme+c.request.Host)
}

// isOwnHost reports whether the client calls us by a name that is ours.
func (c *call) isOwnHost() bool {
	host := c.request.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	if host == "localhost" || c.server.hosts[host] {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// preflight tells a browser what its page may send.
func (c *call) preflight() error {
	mayAsk(c.reply.Header())
	c.reply.WriteHeader(http.StatusNoContent)
	return nil
}

func mayAsk(h http.Header) {
	h["Access-Control-Allow-Methods"] = allowedMethods
	h["Access-Control-Allow-Headers"] = allowedHeaders
	h["Access-Control-Max-Age"] = preflightAge
}

var (
	allowedMethods = []string{"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}
	allowedHeaders = []string{"Authorization, X-SQ-API-Key, Content-Type, If-Match, If-None-Match, Last-Event-ID, SQ-Position"}
	preflightAge   = []string{"86400"}
)
