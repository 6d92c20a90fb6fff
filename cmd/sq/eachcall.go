package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/mcp"
)

// eachCall is a store for a program that runs for long and asks seldom. It looks for
// the phexts anew at each call, as a command does, and lets them go after it. So a
// file is not kept from others in between. Goroutines may share it.
type eachCall struct {
	flags targetFlags
	out   outside
	home  string // where the phexts were when the program began
	log   *slog.Logger
}

var _ mcp.Store = (*eachCall)(nil)

// open finds the phexts where they were, or not at all: a write should not go where
// nobody expects it.
func (e *eachCall) open(ctx context.Context) (*target, error) {
	flags := e.flags // which change as a link is followed
	t, err := flags.open(ctx, e.out, false)
	if err != nil {
		return nil, withHint(err, sq.NotFound)
	}
	if t.home != e.home && !sameFile(t.home, e.home) {
		t.Close()
		return nil, sq.Errorf(sq.Conflict, "the daemon of this folder serves the folder %q now, and served %q; whoever runs this server has to start it again", t.home, e.home)
	}
	return t, nil
}

// withHint is an error whose message has the hint as well, since who reads it sees no
// terminal. Where the error has no code, otherwise is.
func withHint(err error, otherwise sq.Code) error {
	code, message := sq.ErrorCode(err), sq.ErrorMessage(err)
	if code == sq.Internal {
		code, message = otherwise, err.Error()
	}
	var f *failure
	if errors.As(err, &f) && f.hint != "" {
		message += "; " + f.hint
	}
	return sq.Wrap(err, code, "%s", message)
}

// List is described at sq.Store.
func (e *eachCall) List(ctx context.Context) ([]sq.PhextName, error) {
	t, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	names, err := t.List(ctx)
	return names, e.done(t, err)
}

// Apply is described at sq.Store.
func (e *eachCall) Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) ([]sq.Result, error) {
	t, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	results, err := t.Apply(ctx, name, batch)
	return results, e.done(t, err)
}

// Snapshot is described at sq.Store. To close the snapshot lets the phext go.
func (e *eachCall) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	t, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	s, err := t.Snapshot(ctx, name)
	if err != nil {
		return nil, e.done(t, err)
	}
	return &heldSnapshot{Snapshot: s, letGo: sync.OnceFunc(func() { e.close(t) })}, nil
}

// done closes a target after a call, and returns what the caller is told of it.
func (e *eachCall) done(t *target, err error) error {
	e.close(t)
	if err != nil {
		return withHint(err, sq.Internal)
	}
	return nil
}

// close lets a target go. What was answered is on the disk whether that works or not.
func (e *eachCall) close(t *target) {
	if err := t.Close(); err != nil {
		e.log.Warn("the journal is left to be folded by whoever opens the folder next", "error", err)
	}
}

// heldSnapshot is a snapshot of a target that is open for it alone.
type heldSnapshot struct {
	sq.Snapshot
	letGo func()
}

func (s *heldSnapshot) Close() {
	s.Snapshot.Close()
	s.letGo()
}
