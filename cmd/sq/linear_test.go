package main

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/storetest"
	"github.com/wbic16/sq-go/phext"
)

// operations is a flag as kills is:
//
//	go test ./cmd/sq -run TestLinearizable -operations 200000 -timeout 0 -v
var operations = flag.Int("operations", 20_000, "how many operations TestLinearizable makes")

// TestLinearizable has many clients read and write a few scrolls at once, with
// conditions and without, and kills the server under them again and again. Each
// scroll must be as if all that was answered had happened one after another, each at
// a moment while its client waited, and what was not answered before the server was
// gone, or never.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	t.Logf("seed %d", *seed)
	l := &linear{t: t, rng: rand.New(rand.NewPCG(*seed, 3)), program: program(t), dir: t.TempDir()}
	l.state = storetest.State{}
	s := l.start()
	for l.made < *operations && !t.Failed() {
		s = l.round(s)
	}
	s.stop()
	l.checkFile()
	t.Logf("%d operations in %d histories with a kill each: %d answered, %d refused, %d open", l.made, len(l.histories), l.outcomes[storetest.Done].Load(),
		l.outcomes[storetest.Refused].Load(), l.outcomes[storetest.Open].Load())
	t.Run("a stale read is found", l.checkPlanted)
}

// stale is how many reads there are for each that is made to see an old text, so
// that the check is seen to find it.
const stale = 2000

// linear is a server whose histories are checked. Each ends with a kill.
type linear struct {
	t            *testing.T
	rng          *rand.Rand
	program, dir string
	state        storetest.State // when the last history had ended
	histories    []*storetest.History
	made         int
	dead         atomic.Bool  // the server of this history was killed
	texts        atomic.Int64 // counts what was written, so that no text is twice
	outcomes     [3]atomic.Int64
}

func (l *linear) start() *server {
	l.t.Helper()
	s := launchCommand(l.t, []string{l.program}, nil, "--data-dir", l.dir)
	s.listens()
	return s
}

// scroll returns one of the few scrolls that all clients use.
func scroll(n int) phext.Coordinate { return phext.First.With(8, n+1) }

// round makes a history of a number of operations on one to four scrolls, which a
// kill ends, and checks it. It returns the next server.
func (l *linear) round(s *server) *server {
	l.t.Helper()
	h := storetest.NewHistory(l.state)
	scrolls, most := 1+l.rng.IntN(4), int64(500+l.rng.IntN(2500))
	var all sync.WaitGroup
	var begun atomic.Int64
	enough := make(chan struct{})
	for n := range 2 + 2*scrolls + l.rng.IntN(3) {
		c := &linearClient{linear: l, server: s, history: h, number: n, scrolls: scrolls, rng: rand.New(rand.NewPCG(l.rng.Uint64(), 4))}
		all.Go(func() {
			for c.step() {
				if begun.Add(1) == most {
					close(enough)
				}
			}
		})
	}
	select {
	case <-enough:
	case <-s.ended:
	case <-time.After(patience):
		l.t.Error("the operations take too long")
	}
	l.dead.Store(true)
	s.signal(syscall.SIGKILL)
	s.ends()
	all.Wait()
	s.client.CloseIdleConnections()
	h.Settle()
	s = l.start()
	l.dead.Store(false)
	l.finish(h, s)
	return s
}

// finish reads what the kill left, and checks the history.
func (l *linear) finish(h *storetest.History, s *server) {
	l.t.Helper()
	c := &linearClient{linear: l, server: s, history: h}
	l.state = storetest.State{}
	for n := range 4 {
		text, ok := c.read(n, "")
		if !ok {
			l.t.Fatalf("scroll %d cannot be read:\n%s", n, s.stderr)
		}
		if text != "" {
			l.state[scroll(n)] = text
		}
	}
	l.made += h.Len()
	l.histories = append(l.histories, h)
	for _, at := range h.Check() {
		l.t.Errorf("history %d: %v is not linearizable\n%s", len(l.histories), at, h.Describe(at, 50))
	}
}

// checkFile holds what the file has at rest to what was read last.
func (l *linear) checkFile() {
	l.t.Helper()
	scrolls, err := phext.Explode(read(l.t, filepath.Join(l.dir, "notes.phext")))
	for n := range 4 {
		if at := scroll(n); err != nil || scrolls[at] != l.state[at] {
			l.t.Errorf("at rest %v is %.80q, want %.80q; %v", at, scrolls[at], l.state[at], err)
		}
	}
}

// checkPlanted shows that the check finds a stale read.
func (l *linear) checkPlanted(t *testing.T) {
	planted := storetest.PlantStale(l.histories, l.rng, stale)
	t.Logf("%d histories have a stale read, one in %d", len(planted), stale)
	if len(planted) == 0 {
		t.Error("there is no stale read to be found")
	}
	for n, h := range planted {
		if len(h.Check()) == 0 {
			t.Errorf("the stale read in history %d is not found", n)
		}
	}
}

// linearClient does one thing after another, and writes down what came of it.
type linearClient struct {
	*linear
	server  *server
	history *storetest.History
	number  int
	scrolls int
	rng     *rand.Rand
	known   [4]string // what was read last
}

// step does one thing; false when it was not answered.
func (c *linearClient) step() bool {
	n := c.rng.IntN(c.scrolls)
	switch kind := c.rng.IntN(100); {
	case kind < 30:
		return c.look(n, "")
	case kind < 35:
		return c.look(n, c.known[n])
	case kind < 37:
		return c.readAll()
	case kind < 40:
		return c.ballast()
	case kind < 65:
		return c.write(sq.Append, n)
	case kind < 92:
		return c.write(sq.Put, n)
	}
	return c.write(sq.Delete, n)
}

// look reads a scroll, unless it is as known.
func (c *linearClient) look(n int, known string) (ok bool) {
	c.known[n], ok = c.read(n, known)
	return ok
}

// read reads a scroll. Its text is known already where the answer is 304.
func (c *linearClient) read(n int, known string) (string, bool) {
	call, header := c.history.Begin(c.number, sq.Op{Coordinate: scroll(n)}), http.Header{}
	if known != "" {
		header.Set("If-None-Match", tag(known))
	}
	reply, text, err := c.do(http.MethodGet, "select"+at("notes", scroll(n).String()), "", header)
	if err != nil {
		c.end(call, storetest.Open)
		return "", false
	}
	want := ""
	if text != "" {
		want = tag(text)
	}
	if reply.StatusCode == http.StatusNotModified {
		text, want = known, tag(known)
	} else if reply.StatusCode != http.StatusOK {
		c.t.Errorf("select: %s: %s", reply.Status, text)
	}
	if got := reply.Header.Get("ETag"); got != want {
		c.t.Errorf("select: the ETag is %s, want %s", got, want)
	}
	call.Text = text
	c.end(call, storetest.Done)
	return text, true
}

// readAll reads the whole phext, which is a read of each scroll.
func (c *linearClient) readAll() bool {
	var calls []*storetest.Call
	for n := range c.scrolls {
		calls = append(calls, c.history.Begin(c.number, sq.Op{Coordinate: scroll(n)}))
	}
	reply, text, err := c.do(http.MethodGet, "get?p=notes", "", nil)
	if err != nil {
		return false
	}
	scrolls, err := phext.Explode(text)
	if err != nil || reply.StatusCode != http.StatusOK {
		c.t.Errorf("get: %s, %v", reply.Status, err)
	}
	for n, call := range calls {
		call.Text = scrolls[scroll(n)]
		c.end(call, storetest.Done)
	}
	return true
}

// ballast puts a large text where no history looks, so that there are checkpoints.
func (c *linearClient) ballast() bool {
	what := "update" + at("notes", phext.First.With(0, 2).String())
	reply, text, err := c.do(http.MethodPut, what, strings.Repeat("ballast ", 16<<10), nil)
	if err == nil && reply.StatusCode != http.StatusOK {
		c.t.Errorf("update: %s: %s", reply.Status, text)
	}
	return err == nil
}

// write changes a scroll, in every other case only if it is as expected.
func (c *linearClient) write(kind sq.Kind, n int) bool {
	op, header := sq.Op{Kind: kind, Coordinate: scroll(n)}, http.Header{}
	switch known := c.known[n]; c.rng.IntN(8) {
	case 0, 1, 2:
		op.If = sq.IfMatches(phext.Sum([]byte(known)))
		header.Set("If-Match", tag(known))
	case 3:
		op.If = sq.IfAbsent
		header.Set("If-None-Match", "*")
	case 4:
		op.If = sq.IfExists
		header.Set("If-Match", "*")
	}
	if kind != sq.Delete {
		op.Text = fmt.Appendf(nil, "<%d>", c.texts.Add(1))
	}
	what := map[sq.Kind]string{sq.Put: "update", sq.Append: "insert", sq.Delete: "delete"}[kind]
	method := map[sq.Kind]string{sq.Put: http.MethodPut, sq.Append: http.MethodPost, sq.Delete: http.MethodDelete}[kind]
	call := c.history.Begin(c.number, op)
	reply, text, err := c.do(method, what+at("notes", op.Coordinate.String()), string(op.Text), header)
	if err != nil {
		c.end(call, storetest.Open)
		return false
	}
	c.answered(call, reply, text)
	return true
}

// answered writes down the answer to a write.
func (c *linearClient) answered(call *storetest.Call, reply *http.Response, text string) {
	n := int(call.Op.Coordinate.Component(8)) - 1
	switch {
	case reply.StatusCode == http.StatusPreconditionFailed && !call.Op.If.Always():
		c.end(call, storetest.Refused)
		return
	case reply.StatusCode != http.StatusOK:
		c.t.Errorf("%v: %s: %s", call.Op.Kind, reply.Status, text)
	case call.Op.Kind == sq.Delete:
		if _, err := fmt.Sscanf(text, "Removed %d bytes", &call.Before); err != nil {
			c.t.Errorf("delete: %q", text)
		}
	case call.Op.Kind == sq.Put:
		c.known[n] = string(call.Op.Text)
	}
	c.end(call, storetest.Done)
}

func (c *linearClient) end(call *storetest.Call, outcome storetest.Outcome) {
	c.history.End(call, outcome)
	c.outcomes[outcome].Add(1)
}

// tag returns the ETag of a text.
func tag(text string) string { return `"` + phext.Sum([]byte(text)).String() + `"` }

// do makes a request. The error is that it was not answered, which is right once
// the server was killed.
func (c *linearClient) do(method, what, body string, header http.Header) (reply *http.Response, text string, err error) {
	defer func() {
		if err != nil && !c.dead.Load() {
			c.t.Errorf("%s is not answered by a living server: %v", what, err)
		}
	}()
	req, err := http.NewRequest(method, "http://"+c.server.address+"/api/v2/"+what, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	if header != nil {
		req.Header = header
	}
	if reply, err = c.server.client.Do(req); err != nil {
		return nil, "", err
	}
	defer reply.Body.Close()
	all, err := io.ReadAll(reply.Body)
	return reply, string(all), err
}
