package tenant

import (
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/wbic16/sq-go"
)

// Live is the registry in force. Reload and Watch put another in its place;
// whoever asked for Current before goes on with what it got.
type Live struct {
	path    string // empty when there is no file
	log     *slog.Logger
	current atomic.Pointer[Registry]
	reloads reloads

	mu       sync.Mutex // one reload or change at a time; guards what follows
	onChange func(old, new *Registry)
	read     fs.FileInfo // what the file looked like when it was read last, good or bad
	doc      *document   // what is in force, as it stands in the file
	content  content     // of the file that is in force

	queue changes // what waits for mu
}

// Open loads the file at path. Errors are those of Load. It makes no
// directories: see PrepareDirs.
func Open(path string, log *slog.Logger) (*Live, error) {
	r, err := load(path)
	if err != nil {
		return nil, err
	}
	l := &Live{path: path, log: log, read: r.info, doc: r.doc, content: r.content}
	l.reloads.opened()
	l.current.Store(New(r.doc.config))
	return l, nil
}

// Fixed returns a Live that stays as it is: Reload does nothing and succeeds,
// Watch only waits. It is for a server without a configuration file.
func Fixed(r *Registry) *Live {
	l := &Live{log: slog.New(slog.DiscardHandler)}
	l.reloads.opened()
	l.current.Store(r)
	return l
}

// Current returns the registry in force. It costs one atomic load.
func (l *Live) Current() *Registry { return l.current.Load() }

// OnChange has f called after each reload, when new is already in force: a
// token that was removed finds nobody from then on, and what f closes is asked
// for no more. Calls come one at a time, in order; f must not call Reload or
// OnChange. There is one f; a second call replaces it.
func (l *Live) OnChange(f func(old, new *Registry)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.onChange = f
}

// Reload reads the file again, makes the directories of tenants that are new,
// and puts the result in force: all of it, or after an error nothing. Errors are
// those of Load and PrepareDirs; the caller logs them. Reload returns after
// OnChange's function did. Reloads that come together run one after the other.
func (l *Live) Reload() (err error) {
	if l.path == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.reloads.count(&err)
	r, err := load(l.path)
	if r.info != nil {
		l.read = r.info
	}
	if err != nil {
		return err
	}
	return l.adoptLocked(r)
}

// adoptLocked makes the directories of tenants that are new in what was read, and puts
// it in force.
func (l *Live) adoptLocked(r loaded) error {
	next := New(r.doc.config)
	if err := prepare(added(l.Current(), next), false, l.log); err != nil {
		return err
	}
	l.publishLocked(next, r)
	return nil
}

// publishLocked puts a registry in force, whose directories are there and which
// is what was read from the file, or written there.
func (l *Live) publishLocked(next *Registry, r loaded) {
	old := l.Current()
	l.current.Store(next)
	l.read, l.doc, l.content = r.info, r.doc, r.content
	if l.onChange != nil {
		l.onChange(old, next)
	}
}

// added returns the tenants of next that are not in old with that directory.
func added(old, next *Registry) []sq.Tenant {
	var tenants []sq.Tenant
	for _, t := range next.tenants {
		if was, ok := old.Tenant(t.Name); !ok || was.DataDir != t.DataDir {
			tenants = append(tenants, t)
		}
	}
	return tenants
}

// lastRead returns what the file looked like when it was read last.
func (l *Live) lastRead() fs.FileInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.read
}
