package route

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// How backends are asked where nothing else is said.
const (
	defaultEvery    = 3 * time.Second // how often
	defaultPatience = 2 * time.Second // how long for an answer
	// leastBetween is between two questions, however many requests fail.
	leastBetween = 50 * time.Millisecond
	// mostMissed is how many answers in a row have to be missing before a backend is
	// held to hang: one may be at work with something that takes the whole machine.
	mostMissed = 2
)

// checker asks a backend how it is, again and again.
type checker struct {
	*backend
	every, patience time.Duration
	client          *http.Client
	log             *slog.Logger
	missed          int // answers in a row
}

// newClient returns what health is asked with: a new connection each time, since
// taking one is part of being well.
func newClient() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: mostReplyHeader},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// run asks at once, and then every few seconds and when a request failed, until ctx
// is done.
func (c *checker) run(ctx context.Context) {
	for {
		c.check(ctx)
		pause(ctx, leastBetween, nil)
		if c.missed == 0 || c.missed >= mostMissed {
			pause(ctx, c.every, c.suspected)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// pause waits, until it is woken.
func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-wake:
	}
}

// check asks once.
func (c *checker) check(ctx context.Context) {
	err := c.ask(ctx)
	var slow net.Error
	switch {
	case ctx.Err() != nil:
		return
	case err == nil:
		c.missed = 0
		c.note(well, nil)
	case errors.As(err, &slow) && slow.Timeout():
		if c.missed++; c.missed >= mostMissed {
			c.note(hangs, err)
		}
	default:
		c.missed = 0
		c.note(refuses, err)
	}
}

// ask returns nil when the backend answers, whatever it says: one that has no /livez
// is well when it says so.
func (c *checker) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.address+"/livez", nil)
	if err != nil {
		return err
	}
	reply, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(reply.Body, 4<<10))
	return err
}

// note tells of what has changed.
func (c *checker) note(now health, err error) {
	if !c.become(now) {
		return
	}
	if now == well {
		c.log.Info("backend answers again", "port", c.port)
		return
	}
	c.log.Warn("backend does not answer", "port", c.port, "it", now.String(), "error", err)
}
