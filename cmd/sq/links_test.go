//go:build unix

package main

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

const outsideText = "SECRET of somebody else"

// ownFolders are those that the server makes in .sq.
var ownFolders = []string{"journal", "tmp", "conflicts", "tails", "trash"}

// yard is alice's folder, and one beside it that no request may reach.
type yard struct {
	t       *testing.T
	config  string
	alice   string
	outside string
	before  map[string]string // what is outside
}

func newYard(t *testing.T) *yard {
	config, dir := twoTenants(t)
	y := &yard{t: t, config: config, alice: filepath.Join(dir, "alice"), outside: filepath.Join(dir, "outside")}
	y.must(os.Mkdir(y.alice, 0o700))
	y.must(os.Mkdir(y.outside, 0o700))
	for _, folder := range ownFolders { // so that it could pass for ours
		y.must(os.Mkdir(filepath.Join(y.outside, folder), 0o700))
	}
	for _, name := range []string{"notes.phext", "lock", "journal/notes.1", "tmp/notes.part", "other.phext"} {
		put(t, filepath.Join(y.outside, name), outsideText)
	}
	y.before = tree(t, y.outside)
	return y
}

// link makes a link in alice's folder, to a path from there.
func (y *yard) link(to, name string) {
	y.t.Helper()
	if err := os.Symlink(to, filepath.Join(y.alice, name)); err != nil {
		y.t.Fatal(err)
	}
}

// check holds what is outside to what was there.
func (y *yard) check() {
	y.t.Helper()
	if now := tree(y.t, y.outside); !maps.Equal(now, y.before) {
		y.t.Errorf("outside there is %q, was %q", now, y.before)
	}
}

// asks are requests of all kinds about a phext.
var asks = []string{
	"GET select", "GET get", "GET toc", "GET status", "GET checksum", "GET json-export", "GET delta", "GET load",
	"POST insert", "POST update", "GET delete", "POST insert", "GET get", "PUT put", "DELETE drop",
}

// ask makes a request about a phext; the secret may not be in the reply.
func (y *yard) ask(s *server, what, name, text string) (status int) {
	method, endpoint, _ := strings.Cut(what, " ")
	if method == http.MethodGet {
		text = ""
	}
	status, reply := s.call(tokenOfAlice, method, endpoint+at(name, first), text)
	if strings.Contains(reply, "SECRET") || strings.Contains(reply, y.alice) || strings.Contains(reply, y.outside) {
		y.t.Errorf("%s: %d %q", what, status, reply)
	}
	return status
}

// TestLinksLeadNowhere: a link, or whatever else is no regular file, in the place
// of a phext or of one of our folders is neither read nor written through, and
// nobody waits for it.
func TestLinksLeadNowhere(t *testing.T) {
	for what, lay := range map[string]func(*yard){
		"phext to a file outside":      func(y *yard) { y.link("../outside/notes.phext", "notes.phext") },
		"phext to an absolute path":    func(y *yard) { y.link(filepath.Join(y.outside, "notes.phext"), "notes.phext") },
		"phext to nothing outside":     func(y *yard) { y.link("../outside/new.phext", "notes.phext") },
		"phext through a link":         func(y *yard) { y.link("../outside", "way"); y.link("way/notes.phext", "notes.phext") },
		"phext to itself":              func(y *yard) { y.link("notes.phext", "notes.phext") },
		"phext to a folder":            func(y *yard) { y.link("../outside", "notes.phext") },
		"phext to a device":            func(y *yard) { y.link("/dev/zero", "notes.phext") },
		"phext that is a folder":       func(y *yard) { y.must(os.Mkdir(filepath.Join(y.alice, "notes.phext"), 0o700)) },
		"phext that is a pipe":         func(y *yard) { y.must(syscall.Mkfifo(filepath.Join(y.alice, "notes.phext"), 0o600)) },
		".sq outside":                  func(y *yard) { y.link("../outside", ".sq") },
		".sq to an absolute path":      func(y *yard) { y.link(y.outside, ".sq") },
		".sq to nothing":               func(y *yard) { y.link("../outside/new", ".sq") },
		".sq/journal outside":          func(y *yard) { y.own("journal"); y.link("../../outside/journal", ".sq/journal") },
		".sq/tmp outside":              func(y *yard) { y.own("tmp"); y.link("../../outside/tmp", ".sq/tmp") },
		".sq/lock outside":             func(y *yard) { y.own(""); y.link("../../outside/lock", ".sq/lock") },
		".sq/lock to nothing":          func(y *yard) { y.own(""); y.link("../../outside/new", ".sq/lock") },
		"a segment outside":            func(y *yard) { y.own(""); y.link("../../../outside/journal/notes.1", ".sq/journal/notes.1") },
		"a segment to nothing outside": func(y *yard) { y.own(""); y.link("../../../outside/journal/notes.2", ".sq/journal/notes.1") },
		"a part outside":               func(y *yard) { y.own(""); y.link("../../../outside/tmp/notes.part", ".sq/tmp/notes.part") },
	} {
		t.Run(what, func(t *testing.T) {
			y := newYard(t)
			lay(y)
			s := start(t, "--config", y.config)
			served := 0
			for _, what := range asks {
				if status := y.ask(s, what, "notes", "alice's"); status == http.StatusOK && what != "GET load" {
					served++
				}
			}
			s.want(tokenOfBob, "GET", "version", "", "0.5.5")
			s.signal(syscall.SIGTERM)
			s.ends()
			y.check()
			if strings.Contains(s.stderr.String(), "SECRET") {
				t.Errorf("in the log: %s", s.stderr)
			}
			if want := what == "a part outside"; served > 0 != want { // which is of no use, and removed
				t.Errorf("%d requests were served", served)
			}
		})
	}
}

func (y *yard) must(err error) {
	y.t.Helper()
	if err != nil {
		y.t.Fatal(err)
	}
}

// own makes the folder .sq and what is in it, but one.
func (y *yard) own(but string) {
	y.t.Helper()
	y.must(os.Mkdir(filepath.Join(y.alice, ".sq"), 0o700))
	for _, folder := range ownFolders {
		if folder != but {
			y.must(os.Mkdir(filepath.Join(y.alice, ".sq", folder), 0o700))
		}
	}
}

// TestLinksSwappedUnderRequests: somebody swaps the phext, and then one of our
// folders, for a link to the outside and back while clients read and write. The
// secret never shows and what is outside never changes.
func TestLinksSwappedUnderRequests(t *testing.T) {
	const clients, rounds = 4, 10
	for place, to := range map[string]string{"notes.phext": "notes.phext", ".sq/journal": "journal", ".sq/tmp": "tmp", ".sq": "."} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			y := newYard(t)
			s := start(t, "--config", y.config)
			y.ask(s, "POST insert", "notes", "alice's")
			put(t, filepath.Join(y.alice, "notes.phext"), "alice's own edit")
			y.ask(s, "GET load", "notes", "")
			var swaps, served atomic.Int32
			swapping, stop := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(swapping)
				for {
					select {
					case <-stop:
						return
					default:
						if y.swap(place, filepath.Join(y.outside, to)) {
							swaps.Add(1)
						}
					}
				}
			}()
			var work sync.WaitGroup
			for client := range clients {
				work.Go(func() {
					for i := range rounds * len(asks) {
						name := "notes"
						if i%2 > 0 {
							name = fmt.Sprintf("new%d.%d", client, i) // which is made in our folders
						}
						if y.ask(s, asks[(i+client)%len(asks)], name, "alice's\n") == http.StatusOK {
							served.Add(1)
						}
					}
				})
			}
			work.Wait()
			close(stop)
			<-swapping
			s.signal(syscall.SIGTERM)
			s.ends()
			y.check()
			if strings.Contains(s.stderr.String(), "SECRET") {
				t.Errorf("in the log: %s", s.stderr)
			}
			for name, text := range tree(t, y.alice) {
				if strings.Contains(text, "SECRET") {
					t.Errorf("%s holds the secret", name)
				}
			}
			if served.Load() == 0 || swaps.Load() == 0 {
				t.Errorf("%d requests were served and %d swaps made", served.Load(), swaps.Load())
			}
			t.Logf("%d of %d requests were served beside %d swaps", served.Load(), clients*rounds*len(asks), swaps.Load())
		})
	}
}

// swap puts a link in a place for a moment, and reports whether it was there.
// What the server makes there meanwhile may be in the way of what was there; then
// it stays, and that is put away.
func (y *yard) swap(place, to string) (done bool) {
	path := filepath.Join(y.alice, place)
	link, aside := path+".link", path+".aside"
	os.Rename(path, aside)
	os.Symlink(to, link)
	if done = os.Rename(link, path) == nil; done {
		os.Remove(path)
	}
	if os.Rename(aside, path) != nil {
		os.RemoveAll(aside)
	}
	return done
}
