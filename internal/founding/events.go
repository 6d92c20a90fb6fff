package founding

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Numbers answers GET with the Progress as JSON. It may be kept for some seconds, so
// that a crowd costs little.
func (s *Site) Numbers(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", "public, max-age=5")
	return sendJSON(w, s.programme.Progress())
}

// Events answers GET with server-sent events: the Progress now, and then after
// each claim. It returns when the client is gone or too slow, and when the
// programme ends its streams. Busy: too many listen.
func (s *Site) Events(w http.ResponseWriter, r *http.Request) error {
	events, leave, err := s.programme.Subscribe(s.Listeners)
	if err != nil {
		return err
	}
	defer leave()
	h := w.Header()
	h.Set("Content-Type", eventsType)
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := fmt.Fprint(w, "retry: 3000\n\n"); err != nil {
		return err
	}
	return s.follow(w, r, events)
}

// follow writes events until there are no more.
func (s *Site) follow(w http.ResponseWriter, r *http.Request, events <-chan Progress) error {
	heartbeat := time.NewTicker(s.Heartbeat)
	defer heartbeat.Stop()
	out := http.NewResponseController(w)
	for {
		var text string
		select {
		case p, ok := <-events:
			if !ok {
				return nil // the client comes again by itself
			}
			data, err := json.Marshal(p)
			if err != nil {
				return err
			}
			text = "data: " + string(data) + "\n\n"
		case <-heartbeat.C:
			text = ": heartbeat\n\n"
		case <-r.Context().Done():
			return nil
		}
		if _, err := fmt.Fprint(w, text); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}
