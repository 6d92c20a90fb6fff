package disk

import (
	"path/filepath"
	"strings"
	"sync"

	"github.com/fsnotify/fsnotify"

	"github.com/wbic16/sq-go"
)

// notices hears from the system when others write into the folders that are
// open, so that an edit is seen at once. Without it, as where the system has no
// watches left, an edit is seen when the file is looked at the next time. The
// zero notices hears nothing.
type notices struct {
	watcher *fsnotify.Watcher
	done    sync.WaitGroup

	mu     sync.Mutex // guards stores
	stores map[string]*Store
}

// newNotices begins to listen. It needs to be closed.
func newNotices(e *Engine) *notices {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		e.log.Warn("folders cannot be watched, edits by others are seen some seconds later", "error", err)
		return &notices{}
	}
	n := &notices{watcher: watcher, stores: map[string]*Store{}}
	n.done.Go(func() { n.listen(e) })
	return n
}

func (n *notices) listen(e *Engine) {
	errs := n.watcher.Errors
	for {
		select {
		case event, ok := <-n.watcher.Events:
			if !ok {
				return
			}
			n.tell(event.Name)
		case err, ok := <-errs:
			if !ok {
				errs = nil
				continue
			}
			e.log.Debug("watching folders", "error", err)
		}
	}
}

// tell kicks the phext whose file something happened to.
func (n *notices) tell(path string) {
	stem, ok := strings.CutSuffix(filepath.Base(path), suffix)
	if !ok {
		return
	}
	n.mu.Lock()
	s := n.stores[filepath.Dir(path)]
	n.mu.Unlock()
	if s != nil {
		s.kick(sq.PhextName(stem))
	}
}

// kick has an open phext look at its file soon.
func (s *Store) kick(name sq.PhextName) {
	s.mu.Lock()
	h := s.handles[name]
	s.mu.Unlock()
	if h == nil {
		s.account.doubt(name)
		return
	}
	h.looked.Store(0)
	select {
	case h.kick <- struct{}{}:
	default: // one is waiting already
	}
}

func (n *notices) add(s *Store) {
	if n.watcher == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stores[filepath.Clean(s.dir)] = s
	if err := n.watcher.Add(s.dir); err != nil {
		s.engine.log.Warn("a folder cannot be watched, edits by others are seen some seconds later", "dir", s.dir, "error", err)
	}
}

func (n *notices) remove(s *Store) {
	if n.watcher == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.stores, filepath.Clean(s.dir))
	n.watcher.Remove(s.dir) // an error means that it is not watched, which is what we want
}

func (n *notices) close() {
	if n.watcher != nil {
		n.watcher.Close()
		n.done.Wait()
	}
}
