package api

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"

	"github.com/wbic16/sq-go"
)

var (
	errUnauthorized = sq.Errorf(sq.Unauthorized, "Unauthorized")
	errNotReloaded  = sq.Errorf(sq.Forbidden, "Forbidden")
	errReadOnly     = sq.Errorf(sq.Forbidden, "Forbidden: this token is read-only")
)

// authenticate finds out whose request it is. All failures are the same error.
func (c *call) authenticate(tenants Tenants) error {
	token, ok := tokenOf(c.request.Header)
	if !ok && !c.keyless {
		return errUnauthorized
	}
	if c.tenant, ok = tenants.Find(token); !ok {
		return errUnauthorized
	}
	c.recall(tenants.Revision())
	return nil
}

// tokenOf returns the token that a request shows; false when there is none, or
// when two are shown: one of them may have been put there by somebody else, and
// we do not guess which.
func tokenOf(h http.Header) (token string, ok bool) {
	for _, v := range h["Authorization"] {
		if token, ok = oneToken(token, withoutBearer(strings.TrimSpace(v))); !ok {
			return "", false
		}
	}
	for _, v := range h["X-Sq-Api-Key"] {
		if token, ok = oneToken(token, strings.TrimSpace(v)); !ok {
			return "", false
		}
	}
	return token, token != ""
}

// oneToken returns the one of two tokens that is there, or that both are.
func oneToken(a, b string) (string, bool) {
	if a == "" || a == b {
		return b, true
	}
	return a, b == ""
}

func withoutBearer(v string) string {
	const scheme = "Bearer"
	if len(v) < len(scheme) || !strings.EqualFold(v[:len(scheme)], scheme) {
		return v
	}
	rest := v[len(scheme):]
	if trimmed := strings.TrimLeft(rest, " \t"); trimmed != rest || rest == "" {
		return trimmed
	}
	return v // a token that begins so
}

// reload reads the configuration again, for whoever may ask for it.
func (c *call) reload(tenants Tenants) error {
	c.reply.Header()["Cache-Control"] = noStore
	token, _ := tokenOf(c.request.Header)
	admin := tenants.IsAdmin(token)
	if !admin && (tenants.HasAdmin() || !c.isFromHere()) {
		return errNotReloaded
	}
	if c.server.Reload == nil {
		return c.sendLine("Config reload triggered")
	}
	if err := c.server.Reload(c.request); err != nil {
		return c.notReloaded(err, admin)
	}
	return c.sendLine("Config reload triggered")
}

// notReloaded tells the log why, once and as at every other reload, and of the callers only
// the administration: the reason may name files and tenants. A mistake in the
// configuration is in the way of what was asked for, and no failure of the server.
func (c *call) notReloaded(err error, admin bool) error {
	c.server.log.Error("configuration not reloaded; what was loaded before stays in force", slog.String("request", c.id()), slog.Any("error", err))
	reason := "the configuration was not reloaded, the one in force stays"
	if admin {
		reason += ": " + err.Error()
	}
	if sq.ErrorCode(err) == sq.Invalid {
		return sq.Errorf(sq.Conflict, "%s", reason)
	}
	return &httpError{status: statusOf(err), message: oneLine(reason), noted: true}
}

// isFromHere reports whether a program on this machine asks, of its own accord:
// not for somebody behind a proxy, and not for a web page.
func (c *call) isFromHere() bool {
	peer, err := netip.ParseAddrPort(c.request.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() {
		return false
	}
	for name := range c.request.Header {
		if name == "Origin" || name == "Forwarded" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			return false
		}
	}
	return true
}
