package configfile

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"time"
)

// pollEvery is how often Watch looks. A change is seen at the first look and
// read at the next, so within about two seconds.
const pollEvery = time.Second

// Watcher has a file read again when it has changed, and logs what went wrong. Its
// fields are set before it is used.
//
// A file counts as changed when its size, its modification time or the file
// itself differs, so an edit in place is noticed as well as a rename over it.
// It is read once it looked the same twice, since whoever writes it may be half
// done; a file that did not load is not read again before it changes again.
type Watcher struct {
	// Path is where the file is.
	Path string
	// Wanted tells whether anybody wants to know of changes by now.
	Wanted func() bool
	// LastRead returns what the file looked like when it was read last, whatever
	// came of it.
	LastRead func() fs.FileInfo
	// Reload reads the file, and logs when that went well.
	Reload func() error
	Log    *slog.Logger

	pending fs.FileInfo // a change seen once
	tried   fs.FileInfo // the change that said is about
	said    string      // the error that was logged last
	misses  int         // looks in a row that found no file
}

// Watch looks every second. It returns when ctx is done; the caller runs it in a
// goroutine of its own and waits for it.
func (w *Watcher) Watch(ctx context.Context) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			w.Poll()
		}
	}
}

// Poll is one look.
func (w *Watcher) Poll() {
	if !w.Wanted() {
		w.pending = nil
		return
	}
	info, err := os.Stat(w.Path)
	if err != nil {
		w.missing(err)
		return
	}
	w.misses = 0
	switch {
	case Same(info, w.LastRead()):
		w.pending = nil
	case !Same(info, w.pending):
		w.pending = info
	default:
		w.pending = nil
		w.reload(info)
	}
}

// missing says once that the file is gone, but not about the moment between two
// renames of an editor.
func (w *Watcher) missing(err error) {
	w.pending = nil
	if w.misses++; w.misses == 2 {
		w.Log.Warn("configuration cannot be looked at; what was loaded stays in force", "error", err)
	}
}

// reload tries once for each change, and goes on trying where the file could
// not be opened; the same error is logged once a change.
func (w *Watcher) reload(info fs.FileInfo) {
	if !Same(info, w.tried) {
		w.tried, w.said = info, ""
	}
	err := w.Reload()
	switch {
	case err == nil:
		w.said = ""
	case err.Error() != w.said:
		w.said = err.Error()
		w.Log.Error("configuration not reloaded; what was loaded before stays in force", "error", err)
	}
}

// Same tells whether two looks at a file found the same content, as far as that
// can be told without reading it.
func Same(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
