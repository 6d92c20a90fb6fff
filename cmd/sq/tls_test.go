package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// identity is a certificate for sq.example.org and 127.0.0.1, signed by itself, and
// the files that hold it.
type identity struct {
	certFile, keyFile string
	pool              *x509.CertPool
	serial            int64
}

// newIdentity writes cert.pem and key.pem into a folder, each by rename.
func newIdentity(t testing.TB, dir string) identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := identity{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), x509.NewCertPool(), time.Now().UnixNano()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(id.serial), DNSNames: []string{"sq.example.org"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, b := range map[string]*pem.Block{id.certFile: {Type: "CERTIFICATE", Bytes: der}, id.keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		put(t, path+".new", string(pem.EncodeToMemory(b)))
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	id.pool.AddCert(leaf)
	return id
}

// secretClient is a client that trusts a pool, and keeps its connection.
func secretClient(t testing.TB, pool *x509.CertPool, name string) *http.Client {
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: name}}}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// version asks for the version, and returns the serial number of the certificate
// that was shown.
func version(t testing.TB, c *http.Client, url string) int64 {
	t.Helper()
	reply, err := c.Get(url + "/api/v2/version")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	if text, err := io.ReadAll(reply.Body); string(text) != "0.5.5" || err != nil {
		t.Fatalf("%v %q, %v", reply.Status, text, err)
	}
	return reply.TLS.PeerCertificates[0].SerialNumber.Int64()
}

// TestTLS: the server shows the certificate, and another one once it is there,
// without letting go of anybody.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	first := newIdentity(t, dir)
	s := start(t, "--data-dir", t.TempDir(), "--tls-cert", first.certFile, "--tls-key", first.keyFile)
	url := "https://" + s.address
	old := secretClient(t, first.pool, "")
	if got := version(t, old, url); got != first.serial {
		t.Errorf("shows %d, want %d", got, first.serial)
	}
	if status, text := s.call("", "GET", "version", ""); status != http.StatusBadRequest || !strings.Contains(text, "https://") {
		t.Errorf("plain HTTP is answered %d %q", status, text)
	}

	second := newIdentity(t, dir)
	s.signal(syscall.SIGHUP)
	s.await(s.stderr, regexp.MustCompile(`configuration reloaded`))
	s.logs(fmt.Sprintf("serial=%x ", second.serial)) // by now, and not at the next look
	if got := version(t, secretClient(t, second.pool, "sq.example.org"), url); got != second.serial {
		t.Errorf("shows %d, want %d", got, second.serial)
	}
	if got := version(t, old, url); got != first.serial {
		t.Errorf("the connection was closed: another shows %d", got)
	}

	third := newIdentity(t, dir)
	s.await(s.stderr, regexp.MustCompile(fmt.Sprintf(`certificate in force".* serial=%x `, third.serial)))
	put(t, third.keyFile, "")
	s.signal(syscall.SIGHUP)
	s.await(s.stderr, regexp.MustCompile(`certificate not reloaded; the one before stays in force.*holds no key`))
	if got := version(t, secretClient(t, third.pool, ""), url); got != third.serial {
		t.Errorf("shows %d, want %d", got, third.serial)
	}
	old.CloseIdleConnections()
	s.stop()
}

// TestEndOfCertificate: the door tells when what it shows ends.
func TestEndOfCertificate(t *testing.T) {
	id := newIdentity(t, t.TempDir())
	log := slog.New(slog.DiscardHandler)
	for _, row := range []struct {
		tlsSettings
		ok bool
	}{{tlsSettings{}, false}, {tlsSettings{certFile: id.certFile, keyFile: id.keyFile}, true}, {tlsSettings{acmeDomains: []string{"sq.example.org"}, acmeCache: filepath.Join(t.TempDir(), "new")}, false}} {
		d, err := row.door("", log)
		if err != nil {
			t.Fatal(err)
		}
		if end, ok := d.end(); ok != row.ok || ok && time.Until(end).Round(24*time.Hour) != 90*24*time.Hour {
			t.Errorf("%v %v", end, ok)
		}
	}
}
