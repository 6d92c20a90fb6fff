package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// patience is how long a test waits for what has to come.
const patience = 10 * time.Second

// follow returns what a watch yields, change by change.
func (b *bench) follow(under phext.Pattern, after sq.Position) (next func() sq.Change, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	changes, done := make(chan sq.Change), make(chan struct{})
	go func() {
		defer close(done)
		for c, err := range b.Watch(ctx, notes, under, after) {
			if err != nil {
				b.t.Errorf("watch: %v", err)
				return
			}
			select {
			case changes <- c:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() sq.Change {
			select {
			case c := <-changes:
				return c
			case <-done:
				b.t.Error("the watch ended")
			case <-time.After(patience):
				b.t.Error("waited in vain for a change")
			}
			return sq.Change{}
		}, func() {
			cancel()
			<-done
		}
}

func (b *bench) position() sq.Position {
	s := b.snapshot()
	defer s.Close()
	return s.Position()
}

// told is what matters of a change.
func told(c sq.Change) string {
	return fmt.Sprintf("%s %v %d %v", c.Kind, c.Coordinate, c.Bytes, c.Checksum)
}

func changed(kind sq.ChangeKind, c phext.Coordinate, text string) string {
	change := sq.Change{Kind: kind, Coordinate: c, Bytes: int64(len(text))}
	if kind != sq.Deleted {
		change.Checksum = phext.Sum([]byte(text))
	}
	return told(change)
}

func watch(b *bench) {
	b.apply(op(sq.Put, one, "before"))
	next, stop := b.follow(phext.AnyPattern, b.position())
	defer stop()
	b.apply(op(sq.Put, one, "a"), op(sq.Append, one, "bc"), op(sq.Delete, two, ""), op(sq.Append, two, "d"))
	b.apply(op(sq.Delete, one, ""), op(sq.Put, two, ""))
	want := []string{
		changed(sq.Updated, one, "a"), changed(sq.Inserted, one, "bc"), changed(sq.Inserted, two, "d"),
		changed(sq.Deleted, one, ""), changed(sq.Deleted, two, ""),
	}
	var positions []sq.Position
	for i, w := range want {
		c := next()
		if told(c) != w {
			b.t.Errorf("change %d: %s, want %s", i, told(c), w)
		}
		positions = append(positions, c.Position)
		if more := i != 2 && i != 4; c.More != more {
			b.t.Errorf("change %d: more of its batch follow: %v, want %v", i, c.More, more)
		}
	}
	if p := positions; p[0] != p[2] || p[3] != p[4] || p[2] == p[3] || p[4] != b.position() {
		b.t.Errorf("positions %v, and now %v", p, b.position())
	}
}

func watchResumes(b *bench) {
	b.apply(op(sq.Put, one, "a"))
	start := b.position()
	for i := range 5 {
		b.apply(op(sq.Put, one, fmt.Sprint(i)))
	}
	next, stop := b.follow(phext.AnyPattern, start)
	for i := range 5 {
		if c := next(); told(c) != changed(sq.Updated, one, fmt.Sprint(i)) {
			b.t.Errorf("change %d after resuming: %s", i, told(c))
		}
	}
	stop()
	elsewhere := start
	elsewhere.Epoch += 7
	next, stop = b.follow(phext.AnyPattern, elsewhere)
	if c := next(); c.Kind != sq.Reset || c.Position != b.position() {
		b.t.Errorf("resuming from another epoch: %v, want a reset", c)
	}
	b.apply(op(sq.Put, two, "go on"))
	if c := next(); told(c) != changed(sq.Updated, two, "go on") {
		b.t.Errorf("after a reset: %s", told(c))
	}
	stop()
	b.overflow(start)
}

// overflow makes more changes than any engine keeps. Whoever resumes then gets
// all of them, or a reset.
func (b *bench) overflow(start sq.Position) {
	const many = 5000
	for i := range many / 100 {
		var batch []sq.Op
		for range 100 {
			batch = append(batch, op(sq.Put, far, fmt.Sprint(i)))
		}
		b.apply(batch...)
	}
	next, stop := b.follow(phext.AnyPattern, start)
	defer stop()
	first := next()
	if first.Kind == sq.Reset && first.Position == b.position() {
		return
	}
	if told(first) != changed(sq.Updated, one, "0") {
		b.t.Errorf("resuming from long ago: %s, want the first change or a reset to %v", told(first), b.position())
	}
}

func watchPattern(b *bench) {
	under, err := phext.ParsePattern("1.1.1/2.*.*/*.*.*")
	if err != nil {
		b.t.Fatal(err)
	}
	in := phext.At(1, 1, 1, 2, 3, 1, 1, 1, 1)
	b.apply(op(sq.Put, one, "a"))
	next, stop := b.follow(under, b.position())
	defer stop()
	b.apply(op(sq.Put, one, "out"), op(sq.Put, in, "in"), op(sq.Put, two, "out"))
	b.apply(op(sq.Put, two, "out"))
	b.apply(op(sq.Append, in, "more"))
	for _, want := range []string{changed(sq.Updated, in, "in"), changed(sq.Inserted, in, "more")} {
		if c := next(); told(c) != want || c.More {
			b.t.Errorf("%s, %v, want %s and nothing more", told(c), c.More, want)
		}
	}
	if err := b.Replace(ctx, notes, strings.NewReader("other")); err != nil {
		b.t.Fatal(err)
	}
	if c := next(); !slices.Contains([]string{changed(sq.Deleted, in, ""), told(sq.Change{Kind: sq.Reset})}, told(c)) {
		b.t.Errorf("after a replace: %s, want the delete or a reset", told(c))
	}
}

// watchEnds closes the store under a watch, which ends then.
func watchEnds(b *bench) {
	started, done := make(chan struct{}), make(chan struct{})
	after := b.position()
	go func() {
		defer close(done)
		for c, err := range b.Watch(ctx, notes, phext.AnyPattern, after) {
			if err != nil {
				if sq.ErrorCode(err) != sq.Closed {
					b.t.Errorf("watch: %v", err)
				}
				return
			}
			if c.Coordinate == one {
				close(started)
			}
		}
	}()
	b.apply(op(sq.Put, one, "a"))
	select {
	case <-started:
	case <-done:
		b.t.Fatal("the watch ended before it told anything")
	}
	if err := b.Close(); err != nil {
		b.t.Error(err)
	}
	select {
	case <-done:
	case <-time.After(patience):
		b.t.Error("the watch goes on")
	}
}
