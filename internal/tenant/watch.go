package tenant

import (
	"context"
	"io/fs"
	"os"
	"time"
)

// pollEvery is how often Watch looks. A change is seen at the first look and
// read at the next, so within about two seconds.
const pollEvery = time.Second

// Watch reloads when the file has changed, for as long as the configuration in
// force has ReloadOnChange, and logs how that went. It returns when ctx is done;
// the caller runs it in a goroutine of its own and waits for it.
//
// A file counts as changed when its size, its modification time or the file
// itself differs, so an edit in place is noticed as well as a rename over it.
// It is read once it looked the same twice, since whoever writes it may be half
// done; a file that did not load is not read again before it changes again.
func (l *Live) Watch(ctx context.Context) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	w := watcher{live: l}
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.poll()
		}
	}
}

// watcher is what Watch remembers from one look to the next.
type watcher struct {
	live    *Live
	pending fs.FileInfo // a change seen once
	tried   fs.FileInfo // the change that said is about
	said    string      // the error that was logged last
	misses  int         // looks in a row that found no file
}

// poll is one look.
func (w *watcher) poll() {
	if w.live.path == "" || !w.live.Current().config.ReloadOnChange {
		w.pending = nil
		return
	}
	info, err := os.Stat(w.live.path)
	if err != nil {
		w.missing(err)
		return
	}
	w.misses = 0
	switch {
	case same(info, w.live.lastRead()):
		w.pending = nil
	case !same(info, w.pending):
		w.pending = info
	default:
		w.pending = nil
		w.reload(info)
	}
}

// missing says once that the file is gone, but not about the moment between two
// renames of an editor.
func (w *watcher) missing(err error) {
	w.pending = nil
	if w.misses++; w.misses == 2 {
		w.live.log.Warn("configuration cannot be looked at; what was loaded stays in force", "error", err)
	}
}

// reload tries once for each change, and goes on trying where the file could
// not be opened; the same error is logged once a change.
func (w *watcher) reload(info fs.FileInfo) {
	if !same(info, w.tried) {
		w.tried, w.said = info, ""
	}
	err := w.live.Reload()
	switch {
	case err == nil:
		w.said = ""
		w.live.log.Info("configuration reloaded", "file", w.live.path, "tenants", len(w.live.Current().tenants))
	case err.Error() != w.said:
		w.said = err.Error()
		w.live.log.Error("configuration not reloaded; what was loaded before stays in force", "error", err)
	}
}

// same tells whether two looks at a file found the same content, as far as that
// can be told without reading it.
func same(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
