//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
)

// raiseOpenFiles raises how many files this process may have open as far as the
// system lets it, and returns how many that are.
func raiseOpenFiles(t *testing.T, want uint64) uint64 {
	t.Helper()
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		t.Fatal(err)
	}
	for _, try := range []syscall.Rlimit{{Cur: want, Max: max(want, now.Max)}, {Cur: now.Max, Max: now.Max}} {
		if now.Cur < want && syscall.Setrlimit(syscall.RLIMIT_NOFILE, &try) == nil {
			now = try
		}
	}
	return now.Cur
}

// idler is a connection that was used once and is kept.
type idler struct {
	net.Conn
	in *bufio.Reader
}

// ask makes a request on the connection.
func (c idler) ask() error {
	if _, err := fmt.Fprintf(c, "GET /api/v2/version HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\n\r\n", tokenOfBob); err != nil {
		return err
	}
	reply, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if text, err := io.ReadAll(reply.Body); err != nil || string(text) != "0.5.5" {
		return fmt.Errorf("%v %q %v", reply.Status, text, err)
	}
	return nil
}

// dialIdlers makes connections from several addresses of this machine, since one
// has no more than its ports.
func dialIdlers(t *testing.T, address string, count int) []idler {
	t.Helper()
	const workers, ofOneAddress = 32, 5000
	idlers := make([]idler, count)
	var work sync.WaitGroup
	for worker := range workers {
		work.Go(func() {
			for i := worker; i < count; i += workers {
				from := net.IPv4(127, 0, 1, byte(1+i/ofOneAddress))
				c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}).Dial("tcp", address)
				if err != nil {
					t.Errorf("connection %d: %v", i, err)
					return
				}
				idlers[i] = idler{c, bufio.NewReaderSize(c, 512)}
				if err := idlers[i].ask(); err != nil {
					t.Errorf("connection %d: %v", i, err)
					return
				}
			}
		})
	}
	work.Wait()
	return idlers
}

// TestTenThousandIdle: 10,000 connections that do nothing take no slot and keep
// nobody from working, and each of them can be used again.
func TestTenThousandIdle(t *testing.T) {
	t.Parallel()
	const want, spare, clients, rounds = 10_000, 100, 8, 25
	files := raiseOpenFiles(t, 2*(want+spare)) // of which the server gives connections half
	count := int(min(files/2-spare, want))
	t.Logf("%d idle connections, of %d files that a process may have open", count, files)
	config, _ := twoTenants(t)
	s := launch(t, nil, "--config", config)
	s.listens()
	idlers := dialIdlers(t, s.address, count)
	defer func() {
		for _, c := range idlers {
			if c.Conn != nil {
				c.Close()
			}
		}
	}()
	var work sync.WaitGroup
	for client := range clients {
		work.Go(func() {
			what := at(fmt.Sprintf("notes%d", client), first)
			for range rounds {
				s.want(tokenOfAlice, "POST", "update"+what, "text", "Updated 4 bytes")
				s.want(tokenOfAlice, "GET", "select"+what, "", "text")
			}
		})
	}
	work.Wait()
	for i, c := range idlers {
		if t.Failed() {
			break
		}
		if err := c.ask(); err != nil {
			t.Fatalf("connection %d of %d: %v", i, count, err)
		}
	}
	s.stop()
}
