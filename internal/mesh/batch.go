package mesh

import (
	"context"

	"github.com/wbic16/sq-go"
)

// The bounds of a batch: what is written at once, and held in memory.
const (
	mostBytes = 4 << 20 // unless a single text has more
	mostSteps = 1000
)

// batch is steps with what they write.
type batch struct {
	steps []step
	ops   sq.Batch
	bytes int
}

// add adds a step that writes a text, or deletes when that is empty. The condition is
// that of the side which is written to.
func (b *batch) add(s step, text []byte) {
	op := sq.Op{Kind: sq.Put, Coordinate: s.at, Text: text, If: s.local.condition()}
	if s.action == send {
		op.If = s.remote.condition()
	}
	if len(text) == 0 {
		op.Kind = sq.Delete
	}
	b.steps, b.ops = append(b.steps, s), append(b.ops, op)
	b.bytes += len(text)
}

func (b *batch) isFull() bool { return b.bytes >= mostBytes || len(b.steps) >= mostSteps }

// writer is what batches are written to.
type writer interface {
	Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) ([]sq.Result, error)
}

// write carries out a batch on one side. Where that is refused for one of its steps
// the others are done without it.
func (r *round) write(ctx context.Context, to writer, name sq.PhextName, b batch) error {
	if len(b.steps) == 0 {
		return nil
	}
	var err error
	if !r.DryRun {
		_, err = to.Apply(ctx, name, b.ops)
		r.alive()
	}
	switch code := sq.ErrorCode(err); {
	case err == nil:
		for _, s := range b.steps {
			r.done(s)
		}
		return nil
	case len(b.steps) == 1:
		return r.failed(b.steps[0], err)
	case code != sq.Precondition && code != sq.Invalid && code != sq.TooLarge:
		return err
	}
	half := len(b.steps) / 2
	if err := r.write(ctx, to, name, batch{steps: b.steps[:half], ops: b.ops[:half]}); err != nil {
		return err
	}
	return r.write(ctx, to, name, batch{steps: b.steps[half:], ops: b.ops[half:]})
}

// flush takes the texts that wait.
func (r *round) flush(ctx context.Context) error {
	b := r.puts
	r.puts = batch{}
	return r.write(ctx, r.Local, r.Name, b)
}

// takeDeletions deletes here what was deleted there. Where that is most of the phext, or
// the peer may be of a backup, something else may have happened there: then the texts are
// kept first.
func (r *round) takeDeletions(ctx context.Context) error {
	if len(r.deletes) == 0 {
		return nil
	}
	exists, _, err := r.there(ctx)
	if err != nil {
		return err
	}
	if !exists { // it was dropped just now: the next round fills it again
		r.stale += len(r.deletes)
		return nil
	}
	most := r.base.most(len(r.deletes))
	return r.inBatches(r.deletes, func(b *batch, s step) error {
		if most || r.back || r.forgotThere(s) {
			if err := r.keepOurs(ctx, deletedHere, s); err != nil {
				return r.failed(s, err)
			}
		}
		b.add(s, nil)
		return nil
	}, func(b batch) error { return r.write(ctx, r.Local, r.Name, b) })
}

// keepOurs keeps a local text, unless nothing is to be done.
func (r *round) keepOurs(ctx context.Context, from string, s step) error {
	if r.DryRun {
		return nil
	}
	text, there, err := r.local.Get(nil, s.at)
	if err != nil || !there {
		return err
	}
	r.alive()
	return r.keeper.keepAs(ctx, from, s.at, text)
}

// sendAll sends deletions, which make room, and then texts.
func (r *round) sendAll(ctx context.Context) error {
	var deletions, texts []step
	for _, s := range r.sends {
		if s.local.there {
			texts = append(texts, s)
		} else {
			deletions = append(deletions, s)
		}
	}
	write := func(b batch) error { return r.write(ctx, r.Peer, r.remote, b) }
	err := r.inBatches(deletions, func(b *batch, s step) error {
		b.add(s, nil)
		return nil
	}, write)
	if err != nil {
		return err
	}
	return r.inBatches(texts, func(b *batch, s step) error {
		text, _, err := r.local.Get(nil, s.at)
		if err != nil {
			return err
		}
		b.add(s, text)
		return nil
	}, write)
}

// inBatches adds steps to batches and writes each when it is full.
func (r *round) inBatches(steps []step, add func(*batch, step) error, write func(batch) error) error {
	var b batch
	for i, s := range steps {
		if err := add(&b, s); err != nil {
			return err
		}
		if !b.isFull() && i < len(steps)-1 {
			continue
		}
		if err := write(b); err != nil {
			return err
		}
		b = batch{}
	}
	return nil
}
