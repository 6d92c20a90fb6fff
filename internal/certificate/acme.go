package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// AuthorityOptions is what an Authority is made of. Domains, Cache and Log are
// required.
type AuthorityOptions struct {
	// Domains is the names that certificates are asked for, in lower case. They
	// lead to this server.
	Domains []string
	// Email is where the authority may write to; empty: nowhere.
	Email string
	// Cache is the directory that keeps certificates and their keys, and the
	// account. It is made, for its owner alone.
	Cache string
	// Directory is the URL where the authority begins; empty: that of Let's Encrypt.
	Directory string
	Log       *slog.Logger
}

// Authority is certificates that an ACME authority makes (RFC 8555). It shows them
// by name, and renews each in the last third of its life.
type Authority struct {
	o       AuthorityOptions
	manager autocert.Manager
	end     context.CancelFunc // of all requests to the authority

	mu     sync.Mutex
	ends   map[string]time.Time // guarded by mu: of the certificates there are, by domain
	ending map[string]*ending   // of the goroutine of Watch
}

// NewAuthority asks nobody for anything yet: Watch does. That accepts the
// authority's terms of service.
//
// A cache directory that others may enter is an error: it holds keys.
func NewAuthority(o AuthorityOptions) (*Authority, error) {
	if err := makePrivate(o.Cache); err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.Background())
	a := &Authority{o: o, end: end, ends: map[string]time.Time{}, ending: map[string]*ending{}}
	a.manager = autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(o.Cache),
		HostPolicy: autocert.HostWhitelist(o.Domains...),
		Email:      o.Email,
		Client: &acme.Client{
			DirectoryURL: o.Directory,
			UserAgent:    "sq",
			RetryBackoff: retryNow,
			HTTPClient:   &http.Client{Timeout: 30 * time.Second, Transport: mortal{life, http.DefaultTransport}},
		},
	}
	return a, nil
}

// makePrivate makes a directory for its owner alone.
func makePrivate(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the cache of certificates: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at the cache of certificates: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("the cache of certificates %q is open to others (mode %04o), and it holds keys: chmod 700 closes it", dir, mode)
	}
	return nil
}

// mortal is a transport whose requests end with a context, whatever theirs is: the
// manager's go on for minutes.
type mortal struct {
	life context.Context
	http.RoundTripper
}

func (m mortal) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	stop := context.AfterFunc(m.life, cancel)
	reply, err := m.RoundTripper.RoundTrip(r.WithContext(ctx))
	if err != nil {
		stop()
		cancel()
		return nil, err
	}
	context.AfterFunc(r.Context(), func() { stop(); cancel() }) // the body is read until then
	return reply, nil
}

// Config returns a configuration of TLS whose handshakes show the certificate of
// the name that is asked for, and fail for other names and as long as there is
// none. Who asks for no name gets that of the only domain.
func (a *Authority) Config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: a.show}
}

// show never has a certificate made: authorities count failures, so only Watch asks
// them, which takes its time.
func (a *Authority) show(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if slices.Equal(hello.SupportedProtos, a.Protocols()) {
		return a.manager.GetCertificate(hello)
	}
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	if name == "" && len(a.o.Domains) == 1 {
		name = a.o.Domains[0]
	}
	a.mu.Lock()
	_, ok := a.ends[name]
	a.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("there is no certificate for %q", name)
	}
	return a.manager.GetCertificate(modernHello(name))
}

// Protocols is what TLS speaks for the authority's sake, which proves in this way
// that the name leads here (RFC 8737).
func (a *Authority) Protocols() []string { return []string{acme.ALPNProto} }

// Challenges returns a handler for port 80 of the domains, where the authority
// looks for a proof too. Other requests go to otherwise.
func (a *Authority) Challenges(otherwise http.Handler) http.Handler {
	challenges := a.manager.HTTPHandler(otherwise)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The manager knows names without a port, as they come to port 80.
		if name, _, err := net.SplitHostPort(r.Host); err == nil {
			r.Host = name
		}
		challenges.ServeHTTP(w, r)
	})
}

// Expiry returns when the first of the certificates ends; false while there is
// none.
func (a *Authority) Expiry() (end time.Time, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range a.ends {
		if !ok || t.Before(end) {
			end, ok = t, true
		}
	}
	return end, ok
}

// Reload does nothing: what the authority made is in force at once.
func (a *Authority) Reload() error { return nil }

// How long to wait before the authority is asked again for what lacks, each time
// twice as long, and how often the certificates are looked at. Let's Encrypt takes
// five failures an hour.
const (
	firstRetry = 2 * time.Minute
	lookEvery  = time.Hour
)

// Watch has the authority make the certificates that lack, and warns of the end of
// those that are not renewed, until ctx is done; the caller runs it in a goroutine
// of its own and waits for it. What is asked of the authority ends then.
func (a *Authority) Watch(ctx context.Context) {
	stop := context.AfterFunc(ctx, a.end)
	defer stop()
	wait := firstRetry
	for {
		if a.lookAtAll(ctx) {
			wait = lookEvery
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		wait = min(2*wait, lookEvery)
	}
}

// lookAtAll reports whether there is a certificate for each domain.
func (a *Authority) lookAtAll(ctx context.Context) bool {
	all := true
	for _, domain := range a.o.Domains {
		if ctx.Err() != nil {
			return false
		}
		if err := a.look(domain); err != nil && ctx.Err() == nil {
			a.o.Log.Error("no certificate from the ACME authority; it is asked again", "domain", domain, "error", err)
			all = false
		}
	}
	return all
}

// look gets the certificate of a domain, and has it made when there is none.
func (a *Authority) look(domain string) error {
	c, err := a.manager.GetCertificate(modernHello(domain))
	if err != nil {
		return err
	}
	if a.ending[domain] == nil {
		a.ending[domain] = &ending{}
	}
	if a.note(domain, c.Leaf.NotAfter) {
		a.o.Log.Info("certificate in force", about(c.Leaf)...)
	}
	a.ending[domain].warn(c.Leaf, a.o.Log)
	return nil
}

// note reports whether a domain's end is another one than before.
func (a *Authority) note(domain string, end time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	was := a.ends[domain]
	a.ends[domain] = end
	return !was.Equal(end)
}

// retryNow says how long to wait before a request is sent again: as long as the
// authority asks for, a second where it does not say, and not at all where that is
// long, since it cannot be ended. Watch asks again.
func retryNow(_ int, _ *http.Request, reply *http.Response) time.Duration {
	wait := time.Second
	if text := reply.Header.Get("Retry-After"); text != "" {
		seconds, err := strconv.Atoi(text)
		if wait = time.Duration(seconds) * time.Second; err != nil || seconds < 1 || seconds > 5 {
			return -1
		}
	}
	return wait
}

// modernHello is the greeting of a client of today, for which the certificate has
// an elliptic key. All clients get that one: another for those of old would have
// to be made when they come.
func modernHello(domain string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		ServerName:       domain,
		CipherSuites:     []uint16{tls.TLS_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
		SupportedCurves:  []tls.CurveID{tls.CurveP256},
	}
}

// DefaultCache returns the directory that certificates of an authority are kept in
// where nothing else was said: one of this program in the user's cache.
func DefaultCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", errors.New("the user of the server has no directory for caches")
	}
	return dir + string(os.PathSeparator) + "sq-acme", nil
}
