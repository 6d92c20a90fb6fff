package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestHealth: a server is ready, or is not, or has no path that says so.
func TestHealth(t *testing.T) {
	id := newIdentity(t, t.TempDir())
	s := start(t, "--data-dir", t.TempDir())
	secret := start(t, "--data-dir", t.TempDir(), "--tls-cert", id.certFile, "--tls-key", id.keyFile)
	says := func(status int, text string) string {
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/readyz" || r.Header.Get("Authorization") != "" {
				status = http.StatusTeapot
			}
			http.Error(w, text, status)
		}))
		t.Cleanup(other.Close)
		return other.URL
	}
	for _, row := range []struct {
		args   []string
		status int
		out    string
		err    string
	}{
		{[]string{"http://" + s.address}, exitOK, "ready\n", ""},
		{[]string{"--json", "http://" + s.address}, exitOK, `"ready":true`, ""},
		{[]string{"https://" + secret.address}, exitFailure, "", "does not answer: tls: failed to verify certificate"},
		{[]string{"--insecure", "https://" + secret.address}, exitOK, "ready\n", ""},
		{[]string{"http://" + secret.address}, exitFailure, "", "is not ready: 400 this port speaks TLS"},
		{[]string{says(http.StatusOK, "ok")}, exitOK, "ready\n", ""},
		{[]string{says(http.StatusNotFound, "")}, exitOK, "ready\n", ""},
		{[]string{says(http.StatusServiceUnavailable, "draining\x1b[m\n")}, exitFailure, "", `is not ready: 503 "draining\x1b[m"`},
		{[]string{says(http.StatusBadGateway, "")}, exitFailure, "", "is not ready: 502"},
	} {
		h := begin(t, nil, append([]string{"health"}, row.args...)...)
		if status := h.ends(); status != row.status || !strings.Contains(h.stdout.String(), row.out) || !strings.Contains(h.stderr.String(), row.err) {
			t.Errorf("%q: status %d\n%s%s", row.args, status, h.stdout, h.stderr)
		}
	}
	s.stop()
	secret.stop()
}
