package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCacheIsPrivate(t *testing.T) {
	var log logbook
	for _, row := range []struct {
		mode os.FileMode // 0: there is none
		want string
	}{{0, ""}, {0o700, ""}, {0o750, "chmod 700 closes it"}, {0o755, "chmod 700 closes it"}} {
		dir := filepath.Join(t.TempDir(), "deep", "cache")
		if row.mode != 0 {
			if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, row.mode)); err != nil {
				t.Fatal(err)
			}
		}
		a, err := NewAuthority(AuthorityOptions{Domains: []string{"sq.example"}, Cache: dir, Log: log.logger()})
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%o: %v, want %q", row.mode, err, row.want)
		}
		if err != nil {
			continue
		}
		a.end()
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%o: %v, %v", row.mode, info.Mode(), err)
		}
	}
}

// TestClientsAskNobody: whatever name a client asks for, nothing goes to the
// authority, which counts what fails.
func TestClientsAskNobody(t *testing.T) {
	var log logbook
	a, err := NewAuthority(AuthorityOptions{Domains: []string{"sq.example"}, Cache: filepath.Join(t.TempDir(), "cache"), Log: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	defer a.end()
	a.manager.Client.HTTPClient = &http.Client{Transport: refusal(func() { t.Error("the authority is asked") })}
	for _, name := range []string{"", "sq.example", "SQ.example.", "other.example", "127.0.0.1"} {
		if _, err := a.Config().GetCertificate(&tls.ClientHelloInfo{ServerName: name}); err == nil {
			t.Errorf("there is a certificate for %q", name)
		}
	}
	if _, ok := a.Expiry(); ok {
		t.Error("there is an end of nothing")
	}
}

// TestAuthorityIsAway: it is said, and the server goes on; the end waits for
// nothing.
func TestAuthorityIsAway(t *testing.T) {
	var log logbook
	a, err := NewAuthority(AuthorityOptions{Domains: []string{"sq.example"}, Cache: filepath.Join(t.TempDir(), "cache"), Log: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	a.manager.Client.HTTPClient = &http.Client{Transport: refusal(cancel)}
	a.Watch(ctx)
	if a.lookAtAll(t.Context()) {
		t.Error("there is a certificate")
	}
	if log.count("no certificate from the ACME authority") != 1 {
		t.Errorf("log:\n%s", log.text.String())
	}
}

// refusal is a transport that calls a function and fails.
type refusal func()

func (f refusal) RoundTrip(*http.Request) (*http.Response, error) {
	f()
	return nil, errors.New("nobody answers")
}
