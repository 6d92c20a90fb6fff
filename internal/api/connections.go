package api

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// connections counts those that are open, so that they leave descriptors for the
// files. Who waits for nothing of ours has to go when another comes: the one
// that is without a request for the longest.
type connections struct {
	most int // 0: any number

	fastAtWork atomic.Int64  // how many are at work on the fast path
	ending     atomic.Bool   // the fast path is closed
	forced     atomic.Bool   // requests there are cut off
	settled    chan struct{} // tells that one of them ended since

	mu  sync.Mutex
	all list.List // guarded by mu: of *framedConn, that which was answered the longest ago first
}

func newConnections(most int) *connections {
	return &connections{most: most, settled: make(chan struct{}, 1)}
}

// enter counts a connection, in the place of another where there is no room;
// false when all are at work.
func (s *connections) enter(c *framedConn) bool {
	s.mu.Lock()
	full := s.most > 0 && s.all.Len() >= s.most
	var oldest *framedConn
	if full {
		if oldest = s.oldestLocked(); oldest != nil {
			s.leaveLocked(oldest)
			oldest.goLocked()
		}
	}
	ok := !full || oldest != nil
	if ok {
		c.place = s.all.PushBack(c)
	}
	s.mu.Unlock()
	if oldest != nil {
		oldest.cut() // which net/http sees as the client's leaving
	}
	return ok
}

// oldestLocked returns the connection that is without a request for the longest;
// nil when all are at work. Those at work are few.
func (s *connections) oldestLocked() *framedConn {
	for e := s.all.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*framedConn); !c.working.Load() {
			return c
		}
	}
	return nil
}

// goLocked tells a request whose answer waits that its connection has gone.
func (c *framedConn) goLocked() {
	if c.gone != nil {
		close(c.gone)
		c.gone = nil
	}
}

// leaveLocked takes a connection out, and tells whether it was idle. It may be
// called more than once.
func (s *connections) leaveLocked(c *framedConn) (idle bool) {
	if c.place == nil {
		return false
	}
	s.all.Remove(c.place)
	c.place = nil
	return !c.working.Load()
}

func (s *connections) leave(c *framedConn) (idle bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaveLocked(c)
}

// atWork says that the connection of a request is at work.
func (s *connections) atWork(request context.Context) {
	if c, ok := request.Value(framedKey{}).(*framedConn); ok {
		c.working.Store(true)
	}
}

// rest says that the connection of a request may go when another comes. Then gone
// is closed.
func (s *connections) rest(request context.Context) (gone <-chan struct{}) {
	c, ok := request.Value(framedKey{}).(*framedConn)
	if !ok {
		return nil
	}
	told := make(chan struct{})
	s.mu.Lock()
	c.gone = told
	s.mu.Unlock()
	s.idles(c)
	return told
}

// resume ends a rest.
func (s *connections) resume(request context.Context) {
	s.atWork(request)
	if c, ok := request.Value(framedKey{}).(*framedConn); ok {
		s.mu.Lock()
		c.gone = nil
		s.mu.Unlock()
	}
}

// pause holds the answer to a request back. It takes no slot, and its connection
// may go when another comes: then it is false, and there is nobody to answer. The
// end of the server ends it.
func (s *connections) pause(request context.Context, hold time.Duration, ending <-chan struct{}) bool {
	if hold <= 0 {
		return true
	}
	gone := s.rest(request)
	defer s.resume(request)
	timer := time.NewTimer(hold)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ending:
	case <-gone:
		return false
	}
	return true
}

// state is net/http's: a connection is idle when its reply was sent. What goes over
// one that was taken over are no requests.
func (s *connections) state(conn net.Conn, state http.ConnState) {
	c, ok := conn.(*framedConn)
	switch {
	case ok && state == http.StateIdle:
		s.idles(c)
	case ok && state == http.StateHijacked:
		c.free.Store(true)
	}
}

func (s *connections) idles(c *framedConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.working.Store(false)
	if c.place != nil {
		s.all.MoveToBack(c.place)
	}
}

// end closes the fast path, and the connections that wait there. net/http knows of no
// request on them, and would wait for one.
func (s *connections) end() {
	s.ending.Store(true)
	s.cutWhere(func(c *framedConn) bool {
		return c.fast != nil && c.fast.used.Load() && !c.working.Load() && c.gone == nil
	})
}

// settle waits for the requests on the fast path.
func (s *connections) settle(ctx context.Context) error {
	defer s.settles() // somebody else may wait
	for s.fastAtWork.Load() > 0 {
		select {
		case <-s.settled:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (s *connections) settles() {
	select {
	case s.settled <- struct{}{}:
	default:
	}
}

// force closes connections whatever is at work on the fast path.
func (s *connections) force() {
	s.forced.Store(true)
	s.cutWhere(func(c *framedConn) bool { return c.onFastPath.Load() })
}

func (s *connections) cutWhere(is func(*framedConn) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := s.all.Front(); e != nil; e = e.Next() {
		if c := e.Value.(*framedConn); is(c) {
			c.cut()
		}
	}
}

// Close closes the connection and makes room for another. Who is idle may not have
// taken the reply before, and net/http closes those one after the other when it
// shuts down: it must not wait for any. It takes one that is at work on the fast path
// for idle; that is closed behind its reply.
func (c *framedConn) Close() error {
	atWork := c.onFastPath.Load()
	if atWork && !c.all.forced.Load() {
		return nil
	}
	switch idle := c.all.leave(c); {
	case atWork:
		return c.cut()
	case idle:
		return c.underneath().Close()
	}
	return c.Conn.Close()
}
