package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wbic16/sq-go/phext"
)

// pen appends numbered texts to a scroll of its own, and knows what was answered.
type pen struct {
	server *server
	token  string
	phext  string
	at     phext.Coordinate
	texts  []string
	sure   []bool // whether the text was answered
}

// append appends another text and returns what came of it: a status, or 0 when
// there was no answer.
func (p *pen) append() (status int, reply string) {
	text := fmt.Sprintf("<%s %v %d %s>", p.phext, p.at, len(p.texts), strings.Repeat("text ", 4<<10))
	status, reply, err := p.server.send(p.token, http.MethodPost, "insert"+at(p.phext, p.at.String()), text)
	if err == nil && status != http.StatusOK && !strings.Contains(reply, "it may have happened") {
		return status, reply // and nothing was written
	}
	p.texts, p.sure = append(p.texts, text), append(p.sure, err == nil && status == http.StatusOK)
	return status, reply
}

// explains reports whether a scroll has what was answered, in order, and nothing
// but that and what may have happened.
func (p *pen) explains(scroll string) bool {
	for i, text := range p.texts {
		rest, found := strings.CutPrefix(scroll, text)
		if !found && p.sure[i] {
			return false
		}
		scroll = rest
	}
	return scroll == ""
}

// check reads the scroll.
func (p *pen) check(t *testing.T) {
	t.Helper()
	status, scroll, err := p.server.send(p.token, http.MethodGet, "select"+at(p.phext, p.at.String()), "")
	if err != nil || status != http.StatusOK || !p.explains(scroll) {
		t.Errorf("%s at %v: %d, %v, %d bytes, which are not the %d texts that were answered", p.phext, p.at, status, err, len(scroll), len(p.texts))
	}
}

// send is call for any goroutine.
func (s *server) send(token, method, what, body string) (status int, text string, err error) {
	req, err := http.NewRequest(method, "http://"+s.address+"/api/v2/"+what, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	reply, err := s.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer reply.Body.Close()
	b, err := io.ReadAll(reply.Body)
	return reply.StatusCode, string(b), err
}

// pens are many, on a few phexts of a tenant.
type pens []*pen

func newPens(s *server, token string, phexts, each int) (all pens) {
	for i := range phexts * each {
		all = append(all, &pen{server: s, token: token, phext: fmt.Sprint("p", i%phexts), at: phext.First.With(8, i+1)})
	}
	return all
}

// phexts returns how many there are. Each is that of one of the first pens.
func (all pens) phexts() (n int) {
	for n < len(all) && (n == 0 || all[n].phext != all[0].phext) {
		n++
	}
	return n
}

// moveTo has the pens go on at another server.
func (all pens) moveTo(s *server) {
	for _, p := range all {
		p.server = s
	}
}

func (all pens) each(do func(*pen)) {
	var work sync.WaitGroup
	for _, p := range all {
		work.Go(func() { do(p) })
	}
	work.Wait()
}

// fill writes until there is no room for any pen.
func (all pens) fill(t *testing.T) {
	t.Helper()
	all.each(func(p *pen) {
		status, reply := p.append()
		for ; status == http.StatusOK; status, reply = p.append() {
		}
		if status != http.StatusInsufficientStorage || !strings.Contains(reply, "full") || !strings.Contains(reply, "nothing was written") {
			t.Errorf("no room for %s: %d %q", p.phext, status, reply)
		}
	})
}

// goOn has every pen write again, as soon as there is room for it.
func (all pens) goOn(t *testing.T) {
	t.Helper()
	all.each(func(p *pen) {
		for began := time.Now(); ; {
			status, reply := p.append()
			if status == http.StatusOK {
				return
			}
			if status != http.StatusInsufficientStorage || time.Since(began) > patience {
				t.Errorf("there is room for %s again: %d %q", p.phext, status, reply)
				return
			}
		}
	})
}

// untilGone writes whatever the answers are, until the server is killed, which it
// is when something is refused.
func (all pens) untilGone() {
	all.each(func(p *pen) {
		for status, _ := p.append(); status != 0; status, _ = p.append() {
			if status != http.StatusOK {
				p.server.signal(os.Kill)
			}
		}
	})
}

func (all pens) check(t *testing.T) {
	t.Helper()
	all.each(func(p *pen) { p.check(t) })
}

// readsGoOn asks for all that was written, and for each phext in every way.
func (all pens) readsGoOn(t *testing.T) {
	t.Helper()
	all.check(t)
	all[:all.phexts()].each(func(p *pen) {
		for _, what := range []string{"toc", "get", "delta", "json-export", "checksum", "status"} {
			status, reply, err := p.server.send(p.token, http.MethodGet, what+"?p="+p.phext, "")
			if err != nil || status != http.StatusOK || reply == "" {
				t.Errorf("%s of %s: %d %.100q, %v", what, p.phext, status, reply, err)
			}
		}
	})
}

// undisturbed has a tenant write and read while something happens to another, at
// least once.
func undisturbed(t *testing.T, s *server, token string, do func()) {
	t.Helper()
	done := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for n := 1; s.writesAndReads(t, token, fmt.Sprint("round ", n)); n++ {
			select {
			case <-done:
				return
			default:
			}
		}
	})
	do()
	close(done)
	work.Wait()
}

func (s *server) writesAndReads(t *testing.T, token, text string) bool {
	status, _, err := s.send(token, http.MethodPost, "update"+at("notes", first), text)
	if err != nil || status != http.StatusOK {
		t.Errorf("a tenant on another file system writes: %d, %v", status, err)
		return false
	}
	if _, got, err := s.send(token, http.MethodGet, "select"+at("notes", first), ""); err != nil || got != text {
		t.Errorf("a tenant on another file system reads %q, %v, want %q", got, err, text)
		return false
	}
	return true
}
