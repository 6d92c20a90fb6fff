//go:build unix

package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority is pebble, the ACME authority that Let's Encrypt tests clients with.
// For it, every name leads to this machine.
type authority struct {
	t                     *testing.T
	address, management   string
	certFile              string // what who asks it has to trust
	tlsPort, httpPort     int    // where it looks for proofs
	trusted               *x509.CertPool
	out                   *screen
	program, dir, resolve string
}

// newAuthority builds pebble, and finds ports. Begin starts it.
func newAuthority(t *testing.T) *authority {
	t.Helper()
	dir := t.TempDir()
	a := &authority{t: t, program: filepath.Join(dir, "pebble"), dir: dir, out: newScreen(), resolve: nameServer(t)}
	build := exec.Command("go", "build", "-buildvcs=false", "-o", a.program, "github.com/letsencrypt/pebble/v2/cmd/pebble")
	build.Dir = filepath.Join("testdata", "pebble")
	if text, err := build.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "" {
			t.Skipf("needs pebble, which go mod download in cmd/sq/testdata/pebble gets: %v\n%s", err, text)
		}
		t.Fatalf("%v\n%s", err, text)
	}
	ports := freePorts(t, 4)
	a.address, a.management = fmt.Sprint("127.0.0.1:", ports[0]), fmt.Sprint("127.0.0.1:", ports[1])
	a.tlsPort, a.httpPort = ports[2], ports[3]
	return a
}

// freePorts returns ports that nobody listens on.
func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// begin starts the authority, until the test ends.
func (a *authority) begin() {
	a.t.Helper()
	id := newIdentity(a.t, a.dir)
	a.certFile, a.trusted = id.certFile, id.pool
	config := write(a.t, "pebble.json", fmt.Sprintf(`{"pebble": {"listenAddress": %q, "managementListenAddress": %q, "certificate": %q, "privateKey": %q,
		"httpPort": %d, "tlsPort": %d, "retryAfter": {"authz": 1, "order": 1}, "keyAlgorithm": "ecdsa",
		"profiles": {"default": {"description": "", "validityPeriod": 7776000}}}}`, a.address, a.management, id.certFile, id.keyFile, a.httpPort, a.tlsPort))
	cmd := exec.Command(a.program, "-config", config, "-dnsserver", a.resolve, "-strict")
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
	cmd.Stdout, cmd.Stderr = a.out, a.out
	if err := cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	awaitPort(a.t, a.address)
	awaitPort(a.t, a.management)
}

// awaitPort waits until somebody listens.
func awaitPort(t *testing.T, address string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 3000 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return
		}
		<-tick.C
	}
	t.Fatalf("nobody listens on %s", address)
}

// roots returns what certificates of the authority lead to.
func (a *authority) roots() *x509.CertPool {
	a.t.Helper()
	reply, err := secretClient(a.t, a.trusted, "").Get("https://" + a.management + "/roots/0")
	if err != nil {
		a.t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		a.t.Fatalf("%q, %v", text, err)
	}
	return pool
}

// nameServer answers that every name is 127.0.0.1 until the test ends, and returns
// its address.
func nameServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	t.Cleanup(func() { l.Close(); work.Wait() })
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			work.Go(func() { answerNames(c) })
		}
	})
	return l.Addr().String()
}

// answerNames answers the questions on a connection, each behind its length.
func answerNames(c net.Conn) {
	defer c.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		question := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, question); err != nil {
			return
		}
		answer := answerName(question)
		c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)) // who asked may be gone
	}
}

// answerName answers a question of RFC 1035 for an address, and says that there is
// nothing else.
func answerName(question []byte) []byte {
	const header, address = 12, 1
	end := header
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	end += 5 // the end of the name, type and class
	kind := binary.BigEndian.Uint16(question[end-4:])
	answer := append([]byte{}, question[:end]...)
	copy(answer[2:header], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}) // a reply to one question
	if kind == address {
		answer[7] = 1
		answer = append(answer, 0xc0, header, 0, address, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1)
	}
	return answer
}

// TestACME: certificates are made at the start, by a proof under TLS or over HTTP,
// and kept for the next start.
func TestACME(t *testing.T) {
	t.Parallel() // it mostly waits
	a := newAuthority(t)
	for what, overHTTP := range map[string]bool{"TLS": false, "HTTP": true} {
		t.Run(what, func(t *testing.T) {
			a := *a
			a.t = t
			port := a.tlsPort
			if overHTTP { // nobody is where the authority looks under TLS
				port = freePorts(t, 1)[0]
			}
			ports := freePorts(t, 2)
			a.address, a.management = fmt.Sprint("127.0.0.1:", ports[0]), fmt.Sprint("127.0.0.1:", ports[1])
			a.begin()
			cache := filepath.Join(t.TempDir(), "cache")
			args := []string{"host", fmt.Sprint(port), "--data-dir", t.TempDir(), "--key", tokenOfAlice, "--listen", "127.0.0.1",
				"--acme-domain", "sq.example.org", "--acme-domain", "WWW.sq.example.org", "--acme-cache", cache, "--acme-email", "somebody@sq.example.org", "--acme-directory", "https://" + a.address + "/dir"}
			if overHTTP {
				args = append(args, "--acme-http", fmt.Sprint(a.httpPort))
			}
			s := a.host(args)
			serials := map[string]int64{}
			for _, name := range []string{"sq.example.org", "www.sq.example.org"} {
				s.await(s.stderr, regexp.MustCompile(`certificate in force" names=\[`+name+`\]`))
				serials[name] = a.shown(s, name)
			}
			if info, err := os.Stat(cache); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the cache: %v, %v", info, err)
			}
			if c, err := tls.Dial("tcp", s.address, &tls.Config{InsecureSkipVerify: true, ServerName: "other.example.org"}); err == nil {
				c.Close()
				t.Error("another name has a certificate")
			}
			if overHTTP {
				checkNoChallenge(t, fmt.Sprint("http://127.0.0.1:", a.httpPort))
			}
			s.stop()

			s = a.host(args)
			s.await(s.stderr, regexp.MustCompile(`certificate in force" names=\[sq.example.org\]`))
			if got := a.shown(s, "sq.example.org"); got != serials["sq.example.org"] {
				t.Errorf("after a restart another certificate is shown")
			}
			s.stop()
		})
	}
}

// host starts sq host in a process of its own that trusts the authority.
func (a *authority) host(args []string) *server {
	a.t.Helper()
	s := newServer(a.t)
	cmd := exec.Command("sq", args...)
	cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+a.certFile)
	s.run(cmd)
	s.listens()
	return s
}

// shown returns the serial number of the certificate that a server shows for a
// name, which the authority must have made.
func (a *authority) shown(s *server, name string) int64 {
	a.t.Helper()
	c, err := tls.Dial("tcp", s.address, &tls.Config{RootCAs: a.roots(), ServerName: name})
	if err != nil {
		a.t.Fatalf("%v\n%s\n%s", err, s.stderr, a.out)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// checkNoChallenge: what is no challenge is answered without sending anybody on.
func checkNoChallenge(t *testing.T, url string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for path, want := range map[string]int{"/": http.StatusBadRequest, "/api/v2/version": http.StatusBadRequest, "/.well-known/acme-challenge/x": http.StatusForbidden} {
		reply, err := client.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(reply.Body)
		reply.Body.Close()
		if reply.StatusCode != want || strings.Contains(string(text), "cache") {
			t.Errorf("%s: %d %q, want %d", path, reply.StatusCode, text, want)
		}
	}
}
