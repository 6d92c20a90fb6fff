package main

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/wbic16/sq-go/phext"
)

// odyssey is a real phext that others made. It stands beside the project where its
// continuous integration runs, and is not needed elsewhere.
func odyssey(t *testing.T) string {
	text, err := os.ReadFile("../../../shared/data/the-odyssey.phext")
	if errors.Is(err, os.ErrNotExist) && os.Getenv("CI") == "" {
		t.Skip("needs shared/data/the-odyssey.phext beside the project")
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOdyssey serves a real phext: its checksum and its table of contents are
// those that other tools find.
func TestOdyssey(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "odyssey.phext"), odyssey(t))
	s := start(t, "--data-dir", dir)
	s.want("", http.MethodGet, "checksum?p=odyssey", "", "9dd0ca3402f6f9e6ee5ecdee786664f9")
	_, toc := s.call("", http.MethodGet, "toc?p=odyssey", "")
	digest := md5.Sum([]byte(toc))
	if strings.Count(toc, "\n") != 52 || hex.EncodeToString(digest[:]) != "953ae7bc34034572b452dd4879499cdf" {
		t.Errorf("toc of %d lines, %x", strings.Count(toc, "\n"), digest)
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestKill inserts into a real phext from many clients of two tenants, kills the
// server in the middle, and starts it again: every insert that was answered is
// there, once, and every other once or not at all.
func TestKill(t *testing.T) {
	const clients, answers = 16, 1000
	text, dirs := odyssey(t), []string{t.TempDir(), t.TempDir()}
	for _, dir := range dirs {
		put(t, filepath.Join(dir, "odyssey.phext"), text)
	}
	config := write(t, "tenants.json", fmt.Sprintf(
		`{"tenants": {"token-0": {"name": "a", "data_dir": %q}, "token-1": {"name": "b", "data_dir": %q}}}`, dirs[0], dirs[1]))
	s := launch(t, nil, "--config", config)
	s.listens()
	i := &inserts{server: s, stop: answers}
	i.run(clients)
	s.ends()

	again := launch(t, nil, "--config", config)
	again.listens()
	for tenant := range dirs {
		_, got := again.call(fmt.Sprint("token-", tenant), http.MethodGet, "get?p=odyssey", "")
		i.check(t, tenant, got)
	}
	again.stop()
	for tenant, dir := range dirs {
		i.check(t, tenant, read(t, filepath.Join(dir, "odyssey.phext")))
		if left, err := os.ReadDir(filepath.Join(dir, ".sq", "journal")); err != nil || len(left) > 0 {
			t.Errorf("a journal is left at rest: %v, %v", left, err)
		}
	}
}

// inserts are made by many clients until enough were answered, when the server is
// killed under them.
type inserts struct {
	server *server
	stop   int64

	next     atomic.Int64
	answered sync.Map // number -> true
	count    atomic.Int64
}

func (i *inserts) run(clients int) {
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for n := i.next.Add(1); i.insert(n); n = i.next.Add(1) {
				if i.count.Add(1) == i.stop {
					i.server.signal(syscall.SIGKILL)
				}
			}
		})
	}
	all.Wait()
}

// place is where insert n goes: scrolls of the book and new ones.
func (i *inserts) place(n int64) phext.Coordinate {
	return phext.First.With(7, int(n%3)+1).With(8, int(n%40)+1)
}

func mark(n int64) string { return fmt.Sprintf("<%d>", n) }

// insert reports whether insert n was answered.
func (i *inserts) insert(n int64) bool {
	url := fmt.Sprintf("http://%s/api/v2/insert?p=odyssey&c=%s", i.server.address, i.place(n).URL())
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(mark(n)))
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", fmt.Sprint("Bearer token-", n%2))
	reply, err := i.server.client.Do(req)
	if err != nil {
		return false
	}
	reply.Body.Close()
	if reply.StatusCode != http.StatusOK {
		i.server.t.Errorf("insert %d: %s", n, reply.Status)
		return false
	}
	i.answered.Store(n, true)
	return true
}

// check looks for each insert in its tenant's phext.
func (i *inserts) check(t *testing.T, tenant int, text string) {
	t.Helper()
	scrolls, err := phext.Explode(text)
	if err != nil || len(scrolls) < 52 {
		t.Fatalf("the book is gone: %d scrolls, %v", len(scrolls), err)
	}
	for n := int64(1); n < i.next.Load(); n++ {
		_, sure := i.answered.Load(n)
		found := strings.Count(text, mark(n))
		here := int(n%2) == tenant
		switch {
		case !here && found > 0:
			t.Errorf("insert %d of the other tenant is here", n)
		case here && sure && (found != 1 || !strings.Contains(scrolls[i.place(n)], mark(n))):
			t.Errorf("insert %d was answered and is there %d times", n, found)
		case here && found > 1:
			t.Errorf("insert %d is there %d times", n, found)
		}
	}
}
