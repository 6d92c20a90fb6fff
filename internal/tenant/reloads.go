package tenant

import (
	"sync/atomic"
	"time"
)

// Reloads is how the reloads of a configuration went. Opening it is none.
type Reloads struct {
	Succeeded, Failed uint64
	LastFailed        bool      // the newest one failed
	Last              time.Time // when what is in force was loaded
}

// reloads counts as it goes. The zero value is not ready: see opened.
type reloads struct {
	succeeded, failed atomic.Uint64
	lastFailed        atomic.Bool
	last              atomic.Int64 // nanoseconds since 1970
}

func (r *reloads) opened() { r.last.Store(time.Now().UnixNano()) }

// count counts a reload that ended with the error at err.
func (r *reloads) count(err *error) {
	r.lastFailed.Store(*err != nil)
	if *err != nil {
		r.failed.Add(1)
		return
	}
	r.succeeded.Add(1)
	r.opened()
}

// Reloads returns how the reloads went so far.
func (l *Live) Reloads() Reloads {
	r := &l.reloads
	return Reloads{r.succeeded.Load(), r.failed.Load(), r.lastFailed.Load(), time.Unix(0, r.last.Load())}
}
