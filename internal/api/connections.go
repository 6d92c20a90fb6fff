package api

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
)

// connections counts those that are open, so that they leave descriptors for the
// files. Who waits for nothing of ours has to go when another comes: the one
// that is without a request for the longest.
type connections struct {
	most int // 0: any number

	mu   sync.Mutex
	open int       // guarded by mu
	idle list.List // guarded by mu: of *framedConn, without a request since, the longest first
}

// enter counts a connection, in the place of another where there is no room;
// false when all are at work.
func (s *connections) enter(c *framedConn) bool {
	s.mu.Lock()
	full := s.most > 0 && s.open >= s.most
	var oldest *framedConn
	if front := s.idle.Front(); full && front != nil {
		oldest = front.Value.(*framedConn)
		s.leaveLocked(oldest)
	}
	ok := !full || oldest != nil
	if ok {
		s.open++
		c.of, c.place = s, s.idle.PushBack(c)
	}
	s.mu.Unlock()
	if oldest != nil {
		oldest.Conn.Close() // which net/http sees as the client's leaving
	}
	return ok
}

// leaveLocked takes a connection out. It may be called more than once.
func (s *connections) leaveLocked(c *framedConn) {
	if c.of == nil {
		return
	}
	if c.of = nil; c.place != nil {
		s.idle.Remove(c.place)
		c.place = nil
	}
	s.open--
}

func (s *connections) leave(c *framedConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaveLocked(c)
}

// atWork says that the connection of a request is at work.
func (s *connections) atWork(request context.Context) {
	c, ok := request.Value(framedKey{}).(*framedConn)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.of != nil && c.place != nil {
		s.idle.Remove(c.place)
		c.place = nil
	}
}

// state is net/http's: a connection is idle when its reply was sent.
func (s *connections) state(conn net.Conn, state http.ConnState) {
	c, ok := conn.(*framedConn)
	if !ok || state != http.StateIdle {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.of != nil && c.place == nil {
		c.place = s.idle.PushBack(c)
	}
}

// Close closes the connection and makes room for another.
func (c *framedConn) Close() error {
	c.all.leave(c)
	return c.Conn.Close()
}
