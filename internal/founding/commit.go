package founding

import (
	"errors"
	"sync"
	"syscall"

	"github.com/wbic16/sq-go"
)

// waiter is somebody who wants the book changed.
type waiter struct {
	do   func(*book)
	done bool // guarded by Programme.committing, as is err
	err  error
}

// queue is those who wait for the next commit.
type queue struct {
	mu      sync.Mutex // guards waiters
	waiters []*waiter
}

func (q *queue) add(w *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiters = append(q.waiters, w)
}

func (q *queue) take() []*waiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.waiters
	q.waiters = nil
	return taken
}

// change has do change the book, and returns once that is on disk and in force.
// After an error it is neither, as far as anybody was told. Whoever comes first
// commits for all who wait. do must not keep the book.
func (p *Programme) change(do func(*book)) error {
	w := &waiter{do: do}
	p.queue.add(w)
	p.committing.Lock()
	defer p.committing.Unlock()
	if !w.done {
		p.commitLocked(p.queue.take())
	}
	return w.err
}

// commitLocked carries out what waits. One failure is that of all: what one does
// may rest on what another did.
func (p *Programme) commitLocked(waiters []*waiter) {
	now := p.book.Load()
	next := now.copy()
	for _, w := range waiters {
		w.do(next)
	}
	err := p.keep(now, next)
	for _, w := range waiters {
		w.done, w.err = true, err
	}
}

// keep puts a book on disk and in force, if it says anything new.
func (p *Programme) keep(now, next *book) error {
	if p.closed.Load() {
		return sq.Errorf(sq.Closed, "the founding programme has ended")
	}
	if len(next.notes) == len(now.notes) {
		return nil
	}
	text, err := next.format()
	if err != nil {
		return err
	}
	if err := p.files.replace(claimsSuffix, text); err != nil {
		p.Logger.Error("a founding claim could not be written and was not answered", "error", err)
		return diskError(err)
	}
	p.publish(now, next)
	p.writeList(next)
	return nil
}

func diskError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return sq.Wrap(err, sq.Full, "the disk of the founding programme is full; ask again later")
	}
	return sq.Wrap(err, sq.Uncertain, "the disk of the founding programme failed; to ask again is safe")
}

// writeList brings the list up to date, for people. The claims do not depend on
// it, so a failure is for the log.
func (p *Programme) writeList(b *book) {
	if err := p.files.writeList(p.list.format(b)); err != nil {
		p.Logger.Error("the founding list could not be brought up to date; the claims are safe, and the next start tries again",
			"file", p.files.name, "error", err)
	}
}
