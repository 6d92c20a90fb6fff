package tenant

import (
	"cmp"
	"io/fs"
	"sync"

	"github.com/wbic16/sq-go"
)

// ChangeFile changes the file at path, whoever serves it: a server sees the
// change as it sees any other. What edit does is checked as a whole before it is
// written; then it is written in one step, which survives the loss of power, and
// mode, owner and symbolic links stay. After an error the file is as it was,
// unless the error is Uncertain.
//
// Errors are those of edit, of Load, and of Parse for what came of the edit; Busy when
// another process does not let go of the file.
func ChangeFile(path string, edit func(*Edit) error) error {
	f, err := openFile(path)
	if err != nil {
		return err
	}
	defer f.close()
	data, info, err := f.read()
	if err != nil {
		return err
	}
	defer release(data)
	doc, err := parse(data, path)
	if err != nil {
		return err
	}
	e := newEdit(doc, data)
	if err := edit(e); err != nil {
		return err
	}
	text := e.render()
	defer release(text)
	if _, err := parse(text, path); err != nil {
		return err
	}
	_, err = f.write(text, info)
	return err
}

// Change changes the file and puts the result in force, as Reload would; it
// returns when both is done, and OnChange's function was called. What others have
// changed in the file since it was loaded is put in force first where Watch would do
// so, in a moment; a change that fails then has done that much. Conflict: others changed
// the file, and it does not load or nobody asked for ReloadOnChange. Otherwise as
// ChangeFile. NotFound where there is no file.
//
// Changes that come while one is being made are made together, so that a
// thousand at once cost about as much as one. So edit may be called more than once,
// each time with an Edit to begin anew; it is not called again after Change
// returned. It must not call methods of l.
func (l *Live) Change(edit func(*Edit) error) error {
	if l.path == "" {
		return sq.Errorf(sq.NotFound, "there is no configuration file to change")
	}
	c := &change{edit: edit}
	l.queue.add(c)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !c.done {
		l.changeLocked(l.queue.take())
	}
	return c.err
}

// change is one call of Change. Live.mu guards done and err.
type change struct {
	edit func(*Edit) error
	done bool
	err  error
}

// changes are those that wait.
type changes struct {
	mu      sync.Mutex
	waiting []*change
}

func (q *changes) add(c *change) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, c)
}

func (q *changes) take() []*change {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.waiting
	q.waiting = nil
	return taken
}

// changeLocked makes changes, and when they fail together each by itself: one of
// them may be why.
func (l *Live) changeLocked(list []*change) {
	err := l.tryLocked(list)
	alone := sq.ErrorCode(err) == sq.Invalid && len(list) > 1
	for _, c := range list {
		switch {
		case c.err != nil:
		case alone:
			c.err = cmp.Or(l.tryLocked([]*change{c}), c.err)
		default:
			c.err = err
		}
		c.done = true
	}
}

// tryLocked makes those changes that can be made, and notes why the others cannot.
func (l *Live) tryLocked(list []*change) error {
	f, err := openFile(l.path)
	if err != nil {
		return err
	}
	defer f.close()
	return l.tryInLocked(f, list)
}

func (l *Live) tryInLocked(f *file, list []*change) error {
	data, info, err := f.read()
	if err != nil {
		return err
	}
	defer release(data)
	if contentOf(data) != l.content {
		if err := l.overtakeLocked(data, info); err != nil {
			return err
		}
	}
	e := l.applyLocked(list, data)
	if e.changes == 0 {
		return nil
	}
	o, err := e.outcome(l.Current(), l.path)
	if err != nil {
		return err
	}
	defer release(o.text)
	if err := prepare(o.added, true, l.log); err != nil {
		return err
	}
	info, err = f.write(o.text, info)
	if info != nil {
		o.commit()
		l.publishLocked(o.registry, loaded{o.doc, info, contentOf(o.text)})
	}
	return err
}

// overtakeLocked puts in force what others made of the file, before Watch does. Where
// the configuration in force does not ask for that, whoever changed the file says when.
func (l *Live) overtakeLocked(data []byte, info fs.FileInfo) (err error) {
	if !l.Current().config.ReloadOnChange {
		return errChanged
	}
	doc, err := parse(data, l.path)
	if err != nil {
		return sq.Wrap(err, sq.Conflict, "the configuration file was changed by others and does not load as it stands; mend it and try again, sq config check says what is wrong")
	}
	defer l.reloads.count(&err)
	if err := l.adoptLocked(loaded{doc, info, contentOf(data)}); err != nil {
		return err
	}
	l.log.Info("configuration reloaded", "file", l.path, "tenants", len(l.Current().tenants))
	return nil
}

// applyLocked returns an edit with all changes in it that can be made.
func (l *Live) applyLocked(list []*change, data []byte) *Edit {
	for {
		e := newEdit(l.doc, data)
		if e.apply(list) {
			return e
		}
	}
}

// apply makes changes, and notes why some cannot be made. It returns false when one
// failed half way, so that the others have to begin anew.
func (e *Edit) apply(list []*change) bool {
	for _, c := range list {
		if c.err != nil {
			continue
		}
		before := e.changes
		if c.err = c.edit(e); c.err != nil && e.changes > before {
			return false
		}
	}
	return true
}
