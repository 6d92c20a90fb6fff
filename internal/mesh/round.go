package mesh

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// Pair is a phext here and a phext of a peer that are kept the same. Rounds of a pair
// come one after another; it is for one goroutine at a time.
type Pair struct {
	Local  sq.Store
	Name   sq.PhextName // here
	Peer   Peer
	Remote sq.PhextName // there; empty: Name
	// ID is what the peer is called: 1 to 64 of a-z, A-Z, 0-9, '-', '_', '.', not beginning
	// with a dot. No other peer's differs only in case.
	ID string
	// Identity tells the peer's phexts from those that the ID may have meant before: where it
	// changes, what was agreed on is void. It holds no space and no secret.
	Identity string
	Bases    *Bases
	// DryRun has a round decide everything and do nothing.
	DryRun bool
	// Observe is told of each scroll when it was dealt with; nil: nobody is.
	Observe func(Step)
	// Stall is how long a round waits for the peer without progress; 0: five minutes.
	Stall time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time

	calm [2]sq.Position // of both sides, when a round found nothing to do
	open []phext.Coordinate
}

// Step is what a round did about a scroll.
type Step struct {
	Coordinate phext.Coordinate
	Did        Did
}

// Did is what was done.
type Did string

// What a round does. Refused is what one side does not take, such as a text that is too
// long.
const (
	Taken        Did = "taken"
	Sent         Did = "sent"
	DeletedHere  Did = "deleted-here"
	DeletedThere Did = "deleted-there"
	Conflicted   Did = "conflict"
	Refused      Did = "refused"
)

// Outcome is what a round did.
type Outcome struct {
	// Unchanged says that neither side changed since a round found nothing to do, so that
	// this one did not look.
	Unchanged                                            bool
	Taken, Sent, DeletedHere, DeletedThere, New, Refused int
	// Refusal is why the first scroll was refused.
	Refusal error
	// Open is where the sides are in conflict, New ones included.
	Open []phext.Coordinate
	// Stale is how many scrolls were changed meanwhile, again and again: the next round
	// decides on them.
	Stale int
}

// Travelled is how many scrolls were written or deleted on either side.
func (o *Outcome) Travelled() int { return o.Taken + o.Sent + o.DeletedHere + o.DeletedThere }

func (o *Outcome) add(s Step) {
	switch s.Did {
	case Taken:
		o.Taken++
	case Sent:
		o.Sent++
	case DeletedHere:
		o.DeletedHere++
	case DeletedThere:
		o.DeletedThere++
	case Conflicted:
		o.New++
	case Refused:
		o.Refused++
	}
}

// Round compares the two sides and makes them the same, as far as they are not in
// conflict. Where neither changed since the last round it asks for their positions alone.
// Otherwise it reads the local phext once, and sends 68 bytes or so for each of its
// scrolls; memory is some 400 bytes a scroll meanwhile, and a few megabytes of text, or the
// longest one.
//
// An error ends the round where it is; what was done is done, and the next round goes
// on from there. So it is when the process dies.
func (p *Pair) Round(ctx context.Context) (Outcome, error) {
	const passes = 3
	var all Outcome
	for range passes {
		r := &round{Pair: p, outcome: &all, remote: cmp.Or(p.Remote, p.Name)}
		err := r.run(ctx)
		if all.Open = p.open; err != nil || r.stale == 0 {
			return all, err
		}
		all.Stale = r.stale
	}
	return all, nil
}

// round is one pass: what it knows, and what it has learned.
type round struct {
	*Pair
	remote  sq.PhextName
	outcome *Outcome
	keeper  keeper
	alive   func() // something moved
	local   sq.Snapshot
	mine    manifest
	before  *base // what was known here
	theirs  *base // what the peer remembers; nil: it is no node that tells
	base    *base // what counts
	lost    bool  // most of what was agreed on is missing here
	back    bool  // a scroll there went back to a text of before

	differ    []knownAt // all that differ, as they were known
	learned   []knownAt // what is known now of those that were dealt with
	puts      batch     // to be taken
	deletes   []step    // to be taken
	sends     []step
	conflicts []step // that were kept
	stale     int
}

// step is a scroll and what was decided about it.
type step struct {
	at            phext.Coordinate
	known         known
	local, remote state
	action        action
}

var errStalled = sq.Errorf(sq.Busy, "the peer does not go on")

func (r *round) run(ctx context.Context) (err error) {
	kept, err := ConflictsOf(r.Name)
	if err != nil {
		return err
	}
	now := r.Now
	if now == nil {
		now = time.Now
	}
	r.keeper = keeper{r.Local, kept, r.ID, now}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := cmp.Or(r.Stall, 5*time.Minute)
	watchdog := time.AfterFunc(stall, func() { cancel(errStalled) })
	defer watchdog.Stop()
	r.alive = func() { watchdog.Reset(stall) }
	err = r.compare(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

// compare looks at both sides, and does what has to be done.
func (r *round) compare(ctx context.Context) (err error) {
	if r.local, err = r.Local.Snapshot(ctx, r.Name); err != nil {
		return err
	}
	defer r.local.Close()
	if err := r.local.Err(); err != nil {
		return err
	}
	exists, position, err := r.there(ctx)
	if err != nil {
		return err
	}
	now := [2]sq.Position{r.local.Position(), position}
	if r.calm == now && now != [2]sq.Position{} || !exists && !r.local.Exists() {
		r.outcome.Unchanged = true
		return nil
	}
	if r.mine, err = readManifest(r.local); err != nil {
		return err
	}
	before := r.Bases.load(r.ID, r.Name, r.Identity)
	r.before = before
	if r.base, err = r.shared(ctx, before); err != nil {
		return err
	}
	if !exists || !r.local.Exists() {
		if before, err = r.void(before); err != nil {
			return err
		}
	}
	r.lost = r.base.lostIn(r.mine)
	r.alive()
	complete, err := r.exchange(ctx)
	if err := r.remember(before, complete); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	if r.calm = now; r.outcome.Travelled()+r.outcome.New+r.outcome.Refused+r.stale > 0 || r.DryRun {
		r.calm = [2]sq.Position{}
	}
	return nil
}

// shared returns the base with what the peer has agreed on by rounds of its own. A base
// that is lost here stays so: then it may be more that was lost. Where the peer told of one
// before and now cannot be asked, the error ends the round.
func (r *round) shared(ctx context.Context, before *base) (*base, error) {
	sharer, ok := r.Peer.(Sharer)
	if !ok || before.round == 0 {
		return before, nil
	}
	data, err := sharer.Base(ctx, r.remote, mostShared(max(len(before.all), len(r.mine))))
	if err == nil {
		r.theirs, err = parseBase(data)
	}
	switch {
	case err == nil:
		return before.adopt(r.theirs), nil
	case before.seen == 0:
		return before, nil
	case sq.ErrorCode(err) == sq.Busy:
		return before, err
	}
	r.theirs = &base{} // it remembers nothing any more
	return before, nil
}

// void has nothing agreed on where one side misses the phext as a whole, which may be on a
// disk that is not mounted: it is filled again, and nothing is deleted for it. That is
// written first, since a round that dies leaves it half filled.
func (r *round) void(before *base) (*base, error) {
	r.base = &base{pair: before.pair, round: r.base.round + 1}
	if r.DryRun || len(before.all) == 0 {
		return before, nil
	}
	return r.base, r.Bases.save(r.ID, r.Name, r.base)
}

// there asks whether the peer has the phext, and where it is in its life.
func (r *round) there(ctx context.Context) (exists bool, p sq.Position, err error) {
	s, err := r.Peer.Snapshot(ctx, r.remote)
	if err != nil {
		return false, p, err
	}
	defer s.Close()
	return s.Exists(), s.Position(), s.Err()
}

// exchange decides about all that differs and carries it out. It reports whether all
// that differs was seen.
func (r *round) exchange(ctx context.Context) (complete bool, err error) {
	for d, err := range r.Peer.Delta(ctx, r.remote, r.mine.all()) {
		if err != nil {
			return false, err
		}
		r.alive()
		if err := r.decide(ctx, d); err != nil {
			return false, err
		}
	}
	for _, do := range []func(context.Context) error{r.flush, r.takeDeletions, r.sendAll, r.confirmConflicts} {
		if err := do(ctx); err != nil {
			return true, err
		}
	}
	return true, nil
}

// decide decides about a scroll. What needs the text of the other side is done now,
// or soon.
func (r *round) decide(ctx context.Context, d Difference) error {
	s := step{at: d.Coordinate, known: r.base.at(d.Coordinate), local: r.mine.state(d.Coordinate)}
	switch {
	case !d.Missing && len(d.Text) == 0:
		return sq.Errorf(sq.Unreadable, "the peer tells of a scroll without a text at %v", s.at)
	case !d.Missing:
		s.remote = stateOf(d.Text)
	}
	s.action = decide(s.known, s.local, s.remote)
	r.differ = append(r.differ, knownAt{s.at, s.known})
	switch {
	case s.action == take && d.Missing:
		r.deletes = append(r.deletes, s)
	case s.action == take:
		return r.toTake(ctx, s, d.Text)
	case s.action == send:
		return r.toSend(ctx, s, d.Text)
	case s.action == conflict:
		return r.keepTheirs(ctx, s, d.Text)
	default:
		r.done(s)
	}
	return nil
}

// toTake has a text taken soon. Where it is one of before, or the peer may be of a backup,
// the one here is kept first.
func (r *round) toTake(ctx context.Context, s step, theirs []byte) error {
	back := r.base.goesBack(s.at, s.remote)
	r.back = r.back || back
	if s.local.there && (back || r.forgotThere(s)) {
		if err := r.keepOurs(ctx, replacedHere, s); err != nil {
			return r.failed(s, err)
		}
	}
	r.puts.add(s, slices.Clone(theirs))
	if r.puts.isFull() {
		return r.flush(ctx)
	}
	return nil
}

// toSend has a step sent later. Where a text of before is sent, most of the phext is missing
// here, or what is here may be of a backup, the text there is kept first.
func (r *round) toSend(ctx context.Context, s step, theirs []byte) error {
	doubt := r.lost && !s.local.there || r.base.goesBack(s.at, s.local) || r.forgotHere(s)
	if doubt && s.remote.there && !r.DryRun {
		if err := r.keeper.keep(ctx, s.at, theirs); err != nil {
			return r.failed(s, err)
		}
	}
	r.sends = append(r.sends, s)
	return nil
}

// keepTheirs keeps the text of the other side. Only then the conflict is remembered.
func (r *round) keepTheirs(ctx context.Context, s step, text []byte) error {
	if !r.DryRun {
		if err := r.keeper.keep(ctx, s.at, text); err != nil {
			return r.failed(s, err)
		}
	}
	r.conflicts = append(r.conflicts, s)
	return nil
}

// done notes that a step was carried out.
func (r *round) done(s step) {
	r.learned = append(r.learned, knownAt{s.at, s.action.after(s.known, s.local, s.remote)})
	switch {
	case s.action == take && s.remote.there:
		r.tell(s, Taken)
	case s.action == take:
		r.tell(s, DeletedHere)
	case s.action == send && s.local.there:
		r.tell(s, Sent)
	case s.action == send:
		r.tell(s, DeletedThere)
	case s.action == conflict:
		r.tell(s, Conflicted)
	}
}

func (r *round) tell(s step, did Did) {
	told := Step{s.at, did}
	r.outcome.add(told)
	if r.Observe != nil {
		r.Observe(told)
	}
}

// failed notes that a step could not be carried out, and returns the error when that
// ends the round.
func (r *round) failed(s step, err error) error {
	switch sq.ErrorCode(err) {
	case sq.Precondition: // it was changed meanwhile
		r.stale++
		return nil
	case sq.Invalid, sq.TooLarge:
		if r.outcome.Refusal == nil {
			r.outcome.Refusal = sq.Wrap(err, sq.ErrorCode(err), "scroll %v", s.at)
		}
		r.tell(s, Refused)
		return nil
	}
	return err
}

// confirmConflicts remembers the conflicts that were kept, where the local text still is
// the one of the conflict: another would be taken for somebody's answer to it.
func (r *round) confirmConflicts(ctx context.Context) error {
	if len(r.conflicts) == 0 {
		return nil
	}
	s, err := r.Local.Snapshot(ctx, r.Name)
	if err != nil {
		return err
	}
	defer s.Close()
	var text []byte
	for _, c := range r.conflicts {
		var there bool
		if text, there, err = s.Get(text[:0], c.at); err != nil {
			return err
		}
		if !there || stateOf(text) != c.local {
			r.stale++
			continue
		}
		r.done(c)
	}
	return nil
}

// remember writes the new base. Both sides have what it says; a round that dies before
// this finds that out again.
func (r *round) remember(before *base, complete bool) error {
	next := r.base
	if !complete && len(r.learned) == 0 {
		r.open = before.conflicts()
		return nil
	}
	if complete {
		// What was not told of is the same on both sides.
		next = &base{pair: before.pair, round: r.base.round, all: make([]knownAt, 0, len(r.mine))}
		for _, h := range r.mine {
			s := state{h.sum, true}
			next.all = append(next.all, knownAt{h.at, known{s, s}})
		}
		next = next.learn(r.differ)
	}
	next = next.learn(r.learned)
	next.past = r.base.past
	next.inherit(before)
	if complete {
		next.seen = 0
		if r.theirs != nil {
			next.seen = r.theirs.round
		}
	}
	r.open = next.conflicts()
	if r.DryRun || next.equal(before) && before.round > 0 {
		return nil
	}
	next.round++
	return r.Bases.save(r.ID, r.Name, next)
}
