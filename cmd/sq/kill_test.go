package main

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Flags of a test binary stand behind the package:
//
//	go test ./cmd/sq -run TestKill -kills 1000 -timeout 0 -v
var (
	kills = flag.Int("kills", 40, "how often TestKill kills the server")
	seed  = flag.Uint64("seed", uint64(time.Now().UnixNano()), "what TestKill and TestLinearizable draw their choices from")
)

// leastWrites is how many writes a second must be answered on average, so that
// the test does not pass by doing nothing. A slow disk does several times as many.
const leastWrites = 50

// TestKill has many clients of several tenants write to the program itself, and
// kills it at random moments, also in the midst of checkpoints and of starts,
// again and again. After each kill every file is a whole phext of a state that
// existed; after each start everything that was answered is there, once, and what
// was under way is there wholly or not at all. At the end the server is stopped
// orderly, and the files have everything.
func TestKill(t *testing.T) {
	t.Logf("seed %d", *seed)
	k := newKilling(t)
	began := time.Now()
	for k.round = range *kills {
		s := k.start()
		if k.rng.IntN(6) == 0 {
			k.stumble(s)
			s = k.start()
		}
		k.check(s)
		k.prepare(s)
		k.work(s)
		if t.Failed() {
			t.Fatalf("after %d kills", k.kills)
		}
	}
	k.finish()
	writes, verified := k.writes.Load(), k.verified.Load()
	t.Logf("%d kills in %v: %d in the midst of a checkpoint, %d while the journals were recovered; %d answered writes, %d verified values",
		k.kills, time.Since(began).Round(time.Second), k.midst, k.stumbles, writes, verified)
	if k.midst == 0 {
		t.Error("no kill was in the midst of a checkpoint")
	}
	if rate := float64(writes) / time.Since(began).Seconds(); rate < leastWrites {
		t.Errorf("%.0f answered writes a second, want at least %d", rate, leastWrites)
	}
}

// killing is a server that is killed again and again, and what is known of its
// phexts.
type killing struct {
	t       *testing.T
	rng     *rand.Rand
	program string
	config  string
	dirs    []string // of the tenants
	books   []*book
	watcher *fsnotify.Watcher // on the folders where checkpoints write; nil before the first round
	round   int

	dead             atomic.Bool // since this round's kill
	writes, verified atomic.Int64
	kills, stumbles  int
	midst            int // kills that left a half-done checkpoint
}

// newKilling makes three tenants, each with a phext in which several clients write
// a lot, and one in which one client writes now and then.
func newKilling(t *testing.T) *killing {
	k := &killing{t: t, rng: rand.New(rand.NewPCG(*seed, 1)), program: program(t)}
	handbook := read(t, "../../examples/data/alice/handbook.phext")
	var tenants []string
	for i := range 3 {
		tenant, dir, text := string(rune('a'+i)), t.TempDir(), handbook
		if i == 0 {
			text += "\x01" + strings.Repeat(strings.Repeat("πλάνη\n", 8000)+"\x17", 12) // a checkpoint takes its time
		}
		k.dirs = append(k.dirs, dir)
		durability := []string{"fsync", "fsync", "relaxed"}[i] // which a kill takes nothing from either
		tenants = append(tenants, fmt.Sprintf(`"token-%s": {"name": %q, "data_dir": %q, "durability": %q}`, tenant, tenant, dir, durability))
		k.books = append(k.books, newBook(k, tenant, dir, "busy", 3, text), newBook(k, tenant, dir, "quiet", 1, handbook))
	}
	k.config = write(t, "tenants.json", fmt.Sprintf(`{"tenants": {%s}}`, strings.Join(tenants, ", ")))
	return k
}

func (k *killing) start() *server {
	k.t.Helper()
	s := launchCommand(k.t, []string{k.program}, nil, "--listen", "127.0.0.1", "--config", k.config)
	s.listens()
	return s
}

// check holds every phext, as it is served, to what is known of it.
func (k *killing) check(s *server) {
	k.t.Helper()
	for _, b := range k.books {
		status, text := s.call(b.token(), http.MethodGet, "get?p="+b.name, "")
		if status != http.StatusOK {
			k.t.Fatalf("get %s: %d %s", b, status, text)
		}
		b.checkServed(text)
	}
}

// prepare deletes logs of long ago, and looks out for checkpoints.
func (k *killing) prepare(s *server) {
	k.t.Helper()
	for _, b := range k.books {
		b.dropLogs(s)
		b.live = k.round
	}
	if k.watcher != nil {
		return
	}
	var err error
	if k.watcher, err = fsnotify.NewWatcher(); err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { k.watcher.Close() })
	for _, dir := range k.dirs {
		if err := k.watcher.Add(filepath.Join(dir, ".sq", "tmp")); err != nil {
			k.t.Fatal(err)
		}
	}
}

// work has all clients write until the server is killed.
func (k *killing) work(s *server) {
	k.t.Helper()
	k.dead.Store(false)
	var all sync.WaitGroup
	for _, b := range k.books {
		for _, c := range b.keepers {
			seed := k.rng.Uint64()
			all.Go(func() { c.work(s.client, s.address, rand.New(rand.NewPCG(seed, 2)), s.ended) })
		}
	}
	if k.rng.IntN(3) > 0 {
		k.awaitCheckpoint(s)
	} else {
		k.pass(s, time.Duration(k.rng.IntN(400))*time.Millisecond)
	}
	k.kill(s, &all)
}

// moments are what is seen of a checkpoint: the new file is made, written, given its
// mode, and exchanged with the old one.
var moments = []fsnotify.Op{fsnotify.Create, fsnotify.Write, fsnotify.Chmod, fsnotify.Rename}

// awaitCheckpoint waits for one of the moments of a checkpoint, mostly of the largest
// phext, and for a moment more.
func (k *killing) awaitCheckpoint(s *server) {
	k.drain()
	dir, what := k.dirs[0], moments[k.rng.IntN(len(moments))]
	if k.rng.IntN(3) == 0 {
		dir = ""
	}
	for limit := time.After(patience); ; {
		select {
		case e := <-k.watcher.Events:
			if e.Has(what) && strings.HasPrefix(e.Name, dir) {
				k.pass(s, time.Duration(max(k.rng.IntN(3000)-1500, 0))*time.Microsecond)
				return
			}
		case <-s.ended:
			return
		case <-limit:
			k.t.Error("no checkpoint is seen")
			return
		}
	}
}

// drain forgets what was seen in earlier rounds.
func (k *killing) drain() {
	for {
		select {
		case <-k.watcher.Events:
		default:
			return
		}
	}
}

// pass lets some time pass.
func (k *killing) pass(s *server, d time.Duration) {
	select {
	case <-time.After(d):
	case <-s.ended:
	}
}

// stumble kills a server while the journals are recovered.
func (k *killing) stumble(s *server) {
	k.t.Helper()
	var all sync.WaitGroup
	for _, b := range k.books {
		all.Go(func() {
			req, err := http.NewRequest(http.MethodGet, "http://"+s.address+"/api/v2/checksum?p="+b.name, nil)
			if err != nil {
				return
			}
			req.Header.Set("Authorization", "Bearer "+b.token())
			if reply, err := s.client.Do(req); err == nil {
				io.Copy(io.Discard, reply.Body)
				reply.Body.Close()
			}
		})
	}
	k.pass(s, time.Duration(k.rng.IntN(20_000))*time.Microsecond)
	k.kill(s, &all)
	k.stumbles++
}

// kill kills the server under its clients and looks at what it leaves.
func (k *killing) kill(s *server, clients *sync.WaitGroup) {
	k.t.Helper()
	k.dead.Store(true)
	select {
	case <-s.ended:
		k.t.Fatalf("ended by itself with status %d:\n%s", s.status, s.stderr)
	default:
	}
	s.signal(syscall.SIGKILL)
	s.ends()
	clients.Wait()
	s.client.CloseIdleConnections()
	k.kills++
	k.checkLog(s)
	half := false
	for _, dir := range k.dirs {
		half = half || len(files(k.t, dir, "tmp")) > 0
	}
	if half {
		k.midst++
	}
	for _, b := range k.books {
		b.checkFile()
	}
}

// finish starts the server a last time and stops it orderly: then the files have
// everything, and nothing else is left.
func (k *killing) finish() {
	k.t.Helper()
	k.round = *kills
	s := k.start()
	k.check(s)
	s.stop()
	k.checkLog(s)
	for _, b := range k.books {
		b.checkServed(read(k.t, b.path))
	}
	for _, dir := range k.dirs {
		for _, folder := range []string{"journal", "tmp", "conflicts", "trash"} {
			if left := files(k.t, dir, folder); len(left) > 0 {
				k.t.Errorf("%s is left in %s at rest", left, folder)
			}
		}
	}
	if out, err := exec.Command(k.program, "check", "--config", k.config).CombinedOutput(); err != nil {
		k.t.Errorf("sq check: %v\n%s", err, out)
	}
}

// files returns the names in one of the program's own folders.
func files(t *testing.T, dir, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, ".sq", folder))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// complaint is a line of the log that does not come from being killed: nobody edits
// the files, and the disk works. The end of a write that was cut off is kept with
// a warning.
var complaint = regexp.MustCompile(`(?m)^(WARNING: DATA RACE|panic:|fatal error:|.*level=(WARN|ERROR)).*$`)

func (k *killing) checkLog(s *server) {
	for _, line := range complaint.FindAllString(s.stderr.String(), -1) {
		if !strings.Contains(line, "bytes that were never answered") {
			k.t.Errorf("the server complains: %s\n%s", line, s.stderr)
		}
	}
}
