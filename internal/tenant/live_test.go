package tenant

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wbic16/sq-go"
)

// stage is a configuration file in a directory of its own, and what is logged.
type stage struct {
	t    *testing.T
	path string
	log  bytes.Buffer
	live *Live
}

func open(t *testing.T, text string) *stage {
	s := &stage{t: t, path: filepath.Join(t.TempDir(), "tenants.json")}
	s.write(text)
	live, err := Open(s.path, slog.New(slog.NewTextHandler(&s.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	s.live = live
	return s
}

// write replaces the file, as an editor that renames does.
func (s *stage) write(text string) {
	s.t.Helper()
	next := s.path + ".new"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(next, s.path); err != nil {
		s.t.Fatal(err)
	}
}

// config returns a configuration with one tenant whose directory exists.
func (s *stage) config(token, name string) string {
	return watching(token, name, filepath.Dir(s.path))
}

func watching(token, name, dir string) string {
	return `{"reload_on_change": true, "tenants": {"` + token + `": {"name": "` + name + `", "data_dir": "` + dir + `"}}}`
}

// known tells whether the token finds somebody.
func (s *stage) known(token string) bool {
	_, ok := s.live.Current().Find(token)
	return ok
}

// said returns what was logged since it was asked last.
func (s *stage) said() string {
	s.t.Helper()
	text := s.log.String()
	s.log.Reset()
	for _, token := range []string{tokenA, tokenB, tokenC} {
		if strings.Contains(text, token) {
			s.t.Errorf("a token is in the log: %s", text)
		}
	}
	return text
}

func TestReload(t *testing.T) {
	s := open(t, `{"tenants": {}}`)
	type change struct{ old, new *Registry }
	var changes []change
	s.live.OnChange(func(old, new *Registry) {
		if s.live.Current() != new {
			t.Error("OnChange before the new registry was in force")
		}
		changes = append(changes, change{old, new})
	})
	first := s.live.Current()
	s.write(s.config(tokenA, "alice"))
	if err := s.live.Reload(); err != nil {
		t.Fatal(err)
	}
	second := s.live.Current()
	s.write(s.config(tokenB, "alice"))
	if err := s.live.Reload(); err != nil {
		t.Fatal(err)
	}
	if s.known(tokenA) || !s.known(tokenB) {
		t.Error("the old token works, or the new one does not")
	}
	if _, ok := second.Find(tokenA); !ok {
		t.Error("a registry changed under a request that holds it")
	}
	want := []change{{first, second}, {second, s.live.Current()}}
	if len(changes) != 2 || changes[0] != want[0] || changes[1] != want[1] {
		t.Errorf("changes %v, want %v", changes, want)
	}
}

func TestReloadAllOrNothing(t *testing.T) {
	s := open(t, `{"tenants": {}}`)
	s.write(s.config(tokenA, "alice"))
	if err := s.live.Reload(); err != nil {
		t.Fatal(err)
	}
	s.live.OnChange(func(_, _ *Registry) { t.Error("OnChange after a failure") })
	before := s.live.Current()
	file := filepath.Join(filepath.Dir(s.path), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		``, `{"tenants": {"` + tokenB + `": {"name": "bob"}}}`,
		watching(tokenB, "bob", file), watching(tokenB, "bob", filepath.Join(file, "below")),
	} {
		s.write(bad)
		if err := s.live.Reload(); err == nil {
			t.Errorf("no error: %s", bad)
		}
		if s.live.Current() != before {
			t.Errorf("changed: %s", bad)
		}
	}
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	if err := s.live.Reload(); sq.ErrorCode(err) != sq.Internal || s.live.Current() != before {
		t.Errorf("without a file: %v", err)
	}
}

func TestReloadMakesNewDirectories(t *testing.T) {
	s := open(t, `{"tenants": {}}`)
	dir := filepath.Join(filepath.Dir(s.path), "new")
	s.write(watching(tokenA, "alice", dir))
	if err := s.live.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := s.said(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, "tenant=alice") {
		t.Errorf("log %q", got)
	}
	// One that was there before is not made again behind the owner's back.
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.live.Reload(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the directory of a tenant that was there before was made")
	}
}

func TestReloadTogether(t *testing.T) {
	s := open(t, `{"tenants": {}}`)
	var inside, calls int // guarded by Live, or the race detector speaks
	s.live.OnChange(func(_, _ *Registry) {
		inside++
		calls++
		if inside != 1 {
			t.Error("two at once")
		}
		inside--
	})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := s.live.Reload(); err != nil {
				t.Error(err)
			}
			s.live.Current().Find(tokenA)
		})
	}
	wg.Wait()
	if calls != 8 {
		t.Errorf("%d calls", calls)
	}
}

func TestFixed(t *testing.T) {
	r := Single("", "data")
	l := Fixed(r)
	l.OnChange(func(_, _ *Registry) { t.Error("changed") })
	if err := l.Reload(); err != nil || l.Current() != r {
		t.Error(err)
	}
	w := l.watcher()
	w.Poll()
}

func TestOpenFails(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none"), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("no error")
	}
}

func TestPoll(t *testing.T) {
	s := open(t, `{"reload_on_change": true, "tenants": {}}`)
	w := s.live.watcher()
	look := func(times int, want string) {
		t.Helper()
		for range times {
			w.Poll()
		}
		if got := s.said(); want == "" && got != "" || !strings.Contains(got, want) || strings.Count(got, "\n") > 1 {
			t.Errorf("log %q, want %q", got, want)
		}
	}
	look(3, "")

	s.write(s.config(tokenA, "alice"))
	look(1, "") // it may be half written
	if s.known(tokenA) {
		t.Error("read at the first look")
	}
	look(3, "configuration reloaded")
	if !s.known(tokenA) {
		t.Error("not reloaded")
	}

	s.write(`{"tenants": {"` + tokenB)
	look(4, "configuration not reloaded")
	s.write(`{"tenants": ["` + tokenB)
	look(4, "configuration not reloaded")
	if !s.known(tokenA) {
		t.Error("a bad file changed what is in force")
	}

	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	look(1, "")
	look(3, "cannot be looked at")
	s.write(s.config(tokenB, "alice"))
	look(2, "configuration reloaded")

	// A reload by other means is not repeated.
	s.write(s.config(tokenC, "alice"))
	look(1, "")
	if err := s.live.Reload(); err != nil {
		t.Fatal(err)
	}
	look(3, "")

	// Switched off by the file itself.
	s.write(`{"tenants": {}}`)
	look(2, "configuration reloaded")
	s.write(s.config(tokenA, "alice"))
	look(4, "")
	if s.known(tokenA) {
		t.Error("reloaded though nobody asked for it")
	}
}

// A file that goes on changing is left alone until it rests.
func TestPollUnstable(t *testing.T) {
	s := open(t, `{"reload_on_change": true, "tenants": {}}`)
	w := s.live.watcher()
	for i := range 5 {
		s.write(s.config(tokenA, "alice") + strings.Repeat(" ", i))
		w.Poll()
	}
	if s.known(tokenA) {
		t.Error("read while it changed")
	}
	w.Poll()
	if !s.known(tokenA) {
		t.Error("not read when it rested")
	}
}

// An edit in place changes neither the inode nor, here, the size.
func TestPollSameSize(t *testing.T) {
	s := open(t, `{"reload_on_change": true, "tenants": {}}`)
	w := s.live.watcher()
	text := s.config(tokenA, "alice")
	s.write(text)
	if err := s.live.Reload(); err != nil {
		t.Fatal(err)
	}
	edited := strings.Replace(text, tokenA, tokenB, 1)
	if err := os.WriteFile(s.path, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(s.path, later, later); err != nil {
		t.Fatal(err)
	}
	w.Poll()
	w.Poll()
	if !s.known(tokenB) {
		t.Error("not noticed")
	}
}

// A configuration is often a link that is turned to the next version.
func TestPollLink(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tenants.json")
	for name, token := range map[string]string{"v1": tokenA, "v2": tokenB} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(watching(token, "alice", dir)), fs.FileMode(0o600)); err != nil {
			t.Fatal(err)
		}
	}
	turn := func(to string) {
		if err := os.Symlink(to, path+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	turn("v1")
	live, err := Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	turn("v2")
	w := live.watcher()
	w.Poll()
	w.Poll()
	if _, ok := live.Current().Find(tokenB); !ok {
		t.Error("not noticed")
	}
}

func TestWatch(t *testing.T) {
	s := open(t, `{"reload_on_change": true, "tenants": {}}`)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.live.Watch(ctx)
		}()
		s.write(s.config(tokenA, "alice"))
		time.Sleep(5 * time.Second) // of the bubble's clock
		synctest.Wait()
		if !s.known(tokenA) {
			t.Error("not noticed within 5 s")
		}
		cancel()
		<-done
	})
}

// TestReloads: each reload is counted as what it was, and one that failed does not
// move the moment of what is in force.
func TestReloads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, watching(tokenA, "alice", t.TempDir()))
		began := s.live.Reloads()
		if began.Succeeded != 0 || began.Failed != 0 || began.LastFailed || !began.Last.Equal(time.Now()) {
			t.Errorf("after opening: %+v", began)
		}
		time.Sleep(time.Hour)
		s.write("{")
		if err := s.live.Reload(); err == nil {
			t.Fatal("what is no configuration loads")
		}
		if got := s.live.Reloads(); got.Failed != 1 || !got.LastFailed || !got.Last.Equal(began.Last) {
			t.Errorf("after a failure: %+v", got)
		}
		s.write(s.config(tokenB, "alice"))
		if err := s.live.Reload(); err != nil {
			t.Fatal(err)
		}
		if got := s.live.Reloads(); got.Succeeded != 1 || got.Failed != 1 || got.LastFailed || !got.Last.Equal(time.Now()) {
			t.Errorf("after a success: %+v", got)
		}
	})
}
