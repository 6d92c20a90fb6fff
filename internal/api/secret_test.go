package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// rigMaker is newRig, or one under TLS.
type rigMaker func(*testing.T, people, Options) *rig

// overBoth runs a test without TLS and under it.
func overBoth(t *testing.T, test func(*testing.T, rigMaker)) {
	t.Run("plain", func(t *testing.T) { test(t, newRig) })
	t.Run("TLS", func(t *testing.T) { test(t, newSecretRig) })
}

// newSecretRig is newRig under TLS.
func newSecretRig(t *testing.T, who people, o Options) *rig {
	t.Helper()
	return newRigUnder(t, who, o, &tls.Config{RootCAs: invented.pool, ServerName: "sq.example"})
}

// invented is a certificate that its own pool trusts.
var invented = func() (c struct {
	tls.Certificate
	pool *x509.CertPool
}) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"sq.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	c.Certificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	c.Leaf, err = x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	c.pool = x509.NewCertPool()
	c.pool.AddCert(c.Leaf)
	return c
}()

func (r *rig) underTLS(l net.Listener) net.Listener {
	return tls.NewListener(l, OnlyHTTP1(&tls.Config{Certificates: []tls.Certificate{invented.Certificate}}, "x-certificates"))
}

func (r *rig) scheme() string {
	if r.secret != nil {
		return "https://"
	}
	return "http://"
}

// connect opens a connection as the server speaks.
func (r *rig) connect() (net.Conn, error) {
	if r.secret != nil {
		return tls.Dial("tcp", r.addr, r.secret)
	}
	return net.Dial("tcp", r.addr)
}

// TestPlainHTTPUnderTLS: who forgets the s is told so, in HTTP, whatever it sent.
func TestPlainHTTPUnderTLS(t *testing.T) {
	r := newSecretRig(t, twoTenants, Options{})
	for _, q := range []request{get("/api/v2/version"), post("/api/v2/insert?p=notes"+at, strings.Repeat("x", 1<<16)), {method: http.MethodPatch, path: "/"}} {
		plain := &rig{t: t, addr: r.addr, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
		reply, text := plain.send(q)
		if reply.StatusCode != http.StatusBadRequest || !strings.Contains(text, "https://") {
			t.Errorf("%s %s: %d %q", q.method, q.path, reply.StatusCode, text)
		}
	}
	if r.exists("alice", "notes") {
		t.Error("something was written")
	}
}

// TestNoHandshake: what is no TLS is let go without a word, and so is who speaks
// another protocol under it.
func TestNoHandshake(t *testing.T) {
	r := newSecretRig(t, twoTenants, Options{})
	for _, text := range []string{"\x00\x00\x00\x00\x00\x00", "SSH-2.0-x\r\n", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"} {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, text)
		if reply, err := io.ReadAll(c); strings.Contains(string(reply), "HTTP") {
			t.Errorf("%q is answered %q, %v", text, reply, err)
		}
	}
	other := r.secret.Clone()
	other.NextProtos = []string{"x-certificates"}
	c, err := tls.Dial("tcp", r.addr, other)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, head(http.MethodGet, "/api/v2/version"))
	if reply, _ := io.ReadAll(c); len(reply) > 0 {
		t.Errorf("x-certificates is answered %q", reply)
	}
	other.NextProtos = []string{"h2"}
	if c, err := tls.Dial("tcp", r.addr, other); err == nil {
		c.Close()
		t.Error("HTTP/2 alone is agreed on")
	}
	other.NextProtos = []string{"h2", "http/1.1"}
	if c, err := tls.Dial("tcp", r.addr, other); err != nil || c.ConnectionState().NegotiatedProtocol != "http/1.1" {
		t.Errorf("HTTP/1.1 is not agreed on: %v", err)
	} else {
		c.Close()
	}
}

// TestSlowHandshakes are cut off in the time for a head: those that send nothing,
// a byte at a time, or all and take nothing.
func TestSlowHandshakes(t *testing.T) {
	r := newSecretRig(t, twoTenants, Options{Limits: Limits{HeaderTimeout: 300 * time.Millisecond}})
	plain := &rig{t: t, addr: r.addr}
	hello := firstFlight(t, r.secret)
	if reply := plain.trickle(hello[:5]+strings.Repeat("\x00", 5), 5); strings.Contains(reply, "HTTP") {
		t.Errorf("a slow handshake is answered %q", reply)
	}
	for _, text := range []string{"", hello[:1], hello[:len(hello)/2], hello} {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, text)
		if reply, _ := io.ReadAll(c); strings.Contains(string(reply), "HTTP") {
			t.Errorf("%q is answered %q", text, reply)
		}
	}
	if reply, text := r.send(get("/api/v2/version")); text != "0.5.5" {
		t.Errorf("%v %q", reply.Status, text)
	}
}

// firstFlight returns what a client sends first.
func firstFlight(t *testing.T, c *tls.Config) string {
	t.Helper()
	here, there := net.Pipe()
	defer here.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		tls.Client(there, c).Handshake() // which fails when here is closed
	}()
	hello := make([]byte, 4096)
	n, err := here.Read(hello)
	if err != nil {
		t.Fatal(err)
	}
	here.Close()
	<-done
	return string(hello[:n])
}

// TestOwnPageUnderTLS: a server without a key knows its own pages by https.
func TestOwnPageUnderTLS(t *testing.T) {
	r := newSecretRig(t, people{}, Options{Loopback: true})
	for origin, want := range map[string]int{"https://" + r.addr: http.StatusOK, "http://" + r.addr: http.StatusForbidden} {
		if reply, text := r.send(with(get("/api/v2/version"), "Origin: "+origin)); reply.StatusCode != want {
			t.Errorf("%s: %d %q, want %d", origin, reply.StatusCode, text, want)
		}
	}
}

// TestNoFarewellToTheIdle: who is idle and takes nothing holds up neither the end
// nor the one that takes its place: nothing is written to it. Who has just got an
// answer is told that it was whole.
func TestNoFarewellToTheIdle(t *testing.T) {
	for _, working := range []bool{false, true} {
		here, there := net.Pipe()
		counted := &countedConn{Conn: there}
		l := framedListener{connections: &connections{}, patience: time.Minute, log: slog.New(slog.DiscardHandler)}
		c := l.wrap(tls.Server(counted, OnlyHTTP1(&tls.Config{Certificates: []tls.Certificate{invented.Certificate}})))
		l.connections.enter(c)
		client := tls.Client(here, &tls.Config{RootCAs: invented.pool, ServerName: "sq.example"})
		read := make(chan struct{})
		go func() {
			defer close(read)
			io.WriteString(client, "x")
			io.Copy(io.Discard, client)
		}()
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if working {
			l.connections.atWork(withFraming(t.Context(), c))
		}
		before := counted.writes.Load()
		c.Close()
		if wrote := counted.writes.Load() > before; wrote != working {
			t.Errorf("at work: %v, and something was written at the end: %v", working, wrote)
		}
		here.Close()
		<-read
	}
}

// countedConn counts what is written to it.
type countedConn struct {
	net.Conn
	writes atomic.Int32
}

func (c *countedConn) Write(p []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(p)
}
