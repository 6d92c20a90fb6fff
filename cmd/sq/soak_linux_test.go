package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/phext"
)

var (
	soakFor  = flag.Duration("soak", 0, "how long TestSoak runs; 0 for a short form of it")
	soakSeed = flag.Uint64("soakseed", 0, "what TestSoak draws its requests from; 0 for a new one")
)

// soak is a server under a load of all kinds, from clients who know what they
// have written.
type soak struct {
	t       *testing.T
	server  *server
	config  string
	dir     string
	tenants int
	hot     int // how many tenants the clients are busy with at a time
	seed    uint64

	requests, edits, reloads atomic.Int64
	resting                  sync.RWMutex // held for writing while figures are taken
	over                     atomic.Bool
	once                     sync.Once
	first                    string // the first thing that went wrong
}

// What a tenant has: phexts that clients write, one that is edited by hand, and
// with some tenants one that takes a while to send.
const (
	soakPhexts  = 3
	soakClients = 6
	soakPlaces  = 2 // scrolls of a client in a phext
	soakBig     = 20
)

// TestSoak holds the server to figures that do not grow: memory, descriptors and
// goroutines. `make soak` runs it for longer.
func TestSoak(t *testing.T) {
	length, s := *soakFor, &soak{t: t, dir: t.TempDir(), tenants: 200, seed: *soakSeed}
	if length == 0 {
		length, s.tenants = 3*time.Second, 12
	}
	if s.seed == 0 {
		s.seed = rand.Uint64()
	}
	s.hot = s.tenants / 4
	t.Logf("%v with %d tenants; the same requests are drawn with -soakseed %d", length, s.tenants, s.seed)
	s.prepare()
	start(t, "--data-dir", t.TempDir()).stop() // what the runtime opens once is open
	before := descriptors(t)

	s.begin()
	clients := s.fill()
	samples := s.run(clients, length)
	s.server.stop()
	if log := s.server.stderr.String(); log != "" {
		t.Errorf("errors were logged:\n%s", log)
	}
	if after := descriptors(t); len(after) > len(before) {
		t.Errorf("descriptors are left:\n%s\nthere were\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
	s.again(clients)
	if s.first != "" {
		t.Fatal(s.first)
	}
	samples.check(t)
	t.Logf("%d requests, %d edits by hand, %d reloads", s.requests.Load(), s.edits.Load(), s.reloads.Load())
}

// wrong notes what went wrong, of which the first is told, and ends the run.
func (s *soak) wrong(format string, args ...any) {
	s.once.Do(func() { s.first = fmt.Sprintf(format, args...) })
	s.over.Store(true)
}

func soakToken(tenant int) string { return fmt.Sprintf("invented-token-%04d", tenant) }

func (s *soak) folder(tenant int) string { return filepath.Join(s.dir, fmt.Sprint("t", tenant)) }

// prepare makes the configuration, and the phexts that are long.
func (s *soak) prepare() {
	s.config = filepath.Join(s.dir, "tenants.json")
	s.configure("")
	for i := 0; i < s.tenants; i += soakBig {
		if err := os.Mkdir(s.folder(i), 0o700); err != nil {
			s.t.Fatal(err)
		}
		put(s.t, filepath.Join(s.folder(i), "big.phext"), strings.Repeat(strings.Repeat("a long line ", 80)+"\x17", 900)+"end")
	}
}

// configure writes the configuration anew, with a guest who has a token.
func (s *soak) configure(guest string) {
	var b strings.Builder
	for i := range s.tenants {
		fmt.Fprintf(&b, "%q: {\"name\": \"t%d\", \"data_dir\": %q},\n", soakToken(i), i, s.folder(i))
	}
	fmt.Fprintf(&b, `"a-token-to-read": {"name": "t0", "data_dir": %q, "read_only": true}`, s.folder(0))
	if guest != "" {
		fmt.Fprintf(&b, ",\n%q: {\"name\": \"guest\", \"data_dir\": %q}", guest, filepath.Join(s.dir, "guest"))
	}
	next := s.config + ".next"
	put(s.t, next, `{"tenants": {`+b.String()+`}}`)
	if err := os.Rename(next, s.config); err != nil {
		s.wrong("%v", err)
	}
}

// begin starts the server, in this process, with less in its budget than the
// clients use.
func (s *soak) begin() {
	settings := settings{
		config: s.config, listen: "127.0.0.1", logFormat: "text", logLevel: "error",
		budget: disk.Options{Phexts: s.tenants / 2, Idle: time.Second}, guessDelay: -1,
	}
	s.server = beginWith(s.t, nil, func(ctx context.Context, out outside) int {
		return report(out.stderr, host(ctx, settings, out))
	})
	s.server.listens()
}

// again looks at everything with a new server, and at the files after its end. Where
// a phext was closed while it was edited by hand, its journal was left to that.
func (s *soak) again(clients []*soaker) {
	s.begin()
	each(clients, func(c *soaker) {
		for at := range c.texts {
			c.whole(at, "get")
		}
	})
	s.server.stop()
	each(clients, (*soaker).checkFiles)
	if out, err := exec.Command("sq", "check", "--config", s.config).CombinedOutput(); err != nil {
		s.wrong("sq check: %v\n%s", err, out)
	}
}

func each(clients []*soaker, do func(*soaker)) {
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() { do(c) })
	}
	all.Wait()
}

// fill has each client write all of its scrolls once, so that what it remembers
// does not grow afterwards.
func (s *soak) fill() (clients []*soaker) {
	for n := range soakClients {
		clients = append(clients, newSoaker(s, n))
	}
	each(clients, func(c *soaker) {
		for at := range c.texts {
			for i := range c.texts[at] {
				c.update(at, i)
			}
		}
	})
	return clients
}

// run has all of them at work for a while, and takes figures meanwhile.
func (s *soak) run(clients []*soaker, length time.Duration) (samples samples) {
	var work sync.WaitGroup
	for _, c := range clients {
		work.Go(func() { s.repeat(0, c.step) })
	}
	editor, admin := newSoaker(s, soakClients), newSoaker(s, soakClients+1)
	work.Go(func() { s.repeat(min(length/100, time.Second/4), editor.edit) })
	work.Go(func() { s.repeat(min(length/20, 2*time.Second), admin.reload) })
	ticker := time.NewTicker(length / 40)
	defer ticker.Stop()
	for began := time.Now(); time.Since(began) < length && !s.over.Load(); <-ticker.C {
		samples = append(samples, s.sample())
		s.progress("%v of %v, %d requests, %v ", time.Since(began).Round(time.Second), length, s.requests.Load(), samples[len(samples)-1])
	}
	s.progress("\n")
	s.over.Store(true)
	work.Wait()
	return samples
}

// repeat does a thing again and again until the run is over, with pauses if they
// are more than 0, and not while figures are taken.
func (s *soak) repeat(pause time.Duration, step func()) {
	ticker := time.NewTicker(max(pause, time.Nanosecond))
	defer ticker.Stop()
	for !s.over.Load() {
		s.resting.RLock()
		step()
		s.resting.RUnlock()
		if pause > 0 {
			<-ticker.C
		}
	}
}

// progress tells how far the run is, where a person is looking.
func (s *soak) progress(format string, args ...any) {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "\r\x1b[K"+format, args...)
	}
}

// soakPlace is where scroll i is of client n in a phext.
func soakPlace(n, i int) phext.Coordinate { return phext.First.With(7, n+1).With(8, i+1) }
