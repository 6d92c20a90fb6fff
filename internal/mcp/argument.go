package mcp

import (
	"context"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// coordinateForm says what a coordinate is, in words for a model.
const coordinateForm = `A coordinate is nine numbers from 1 to 999, library.shelf.series/collection.volume.book/chapter.section.scroll, the largest division first, such as 1.1.1/1.1.1/2.1.3: the third scroll of the first section of chapter 2. A phext begins at 1.1.1/1.1.1/1.1.1.`

// phext returns the phext that is meant.
func (s *Server) phext(name string) (sq.PhextName, error) {
	if name == "" && s.Phext != "" {
		return s.Phext, nil
	}
	if name == "" {
		return "", sq.Errorf(sq.Invalid, "which phext is meant? Give its name as phext; sq_list without arguments lists those there are")
	}
	return sq.ParsePhextName(name)
}

// place returns the scroll that is meant: a parse takes what may be read, or what
// may be written.
func (s *Server) place(name, coordinate string, parse func(string) (phext.Coordinate, error)) (sq.PhextName, phext.Coordinate, error) {
	n, err := s.phext(name)
	if err != nil {
		return n, phext.Coordinate{}, err
	}
	c, err := parse(coordinate)
	if err != nil {
		return n, c, sq.Errorf(sq.Invalid, "%v", err)
	}
	return n, c, nil
}

// pattern returns the coordinates that are meant, all of them where nothing is said.
func pattern(text string) (p phext.Pattern, from, to phext.Coordinate, err error) {
	if text == "" {
		return phext.AnyPattern, phext.First, phext.Last, nil
	}
	if p, err = phext.ParsePattern(text); err != nil {
		return p, from, to, sq.Errorf(sq.Invalid, "under: %v", err)
	}
	from, to = p.Range()
	return p, from, to, nil
}

// beginning returns where to go on, behind a coordinate that was reached.
func beginning(from phext.Coordinate, after string) (begin, behind phext.Coordinate, err error) {
	if after == "" {
		return from, behind, nil
	}
	if behind, err = phext.ParseStored(after); err != nil {
		return from, behind, sq.Errorf(sq.Invalid, "after: %v; give next as it was answered", err)
	}
	if from.Less(behind) {
		from = behind
	}
	return from, behind, nil
}

// condition returns what has to hold before a write.
func condition(match string, absent bool) (c sq.Condition, err error) {
	switch {
	case match != "" && absent:
		return c, sq.Errorf(sq.Invalid, "if_match and if_absent exclude each other; nothing was written")
	case absent:
		return sq.IfAbsent, nil
	case match != "":
		sum, err := phext.ParseChecksum(match)
		if err != nil {
			return c, sq.Errorf(sq.Invalid, "if_match: %v, as sq_read answers it; nothing was written", err)
		}
		return sq.IfMatches(sum), nil
	}
	return c, nil
}

// How often and how far apart a phext is read again that changes while it is read.
const (
	mostTries = 6
	firstWait = 10 * time.Millisecond
)

// reading calls do with a snapshot of a phext that there is. When somebody writes to
// the phext while it is read do is called again, with another.
func (s *Server) reading(ctx context.Context, name sq.PhextName, do func(sq.Snapshot) error) error {
	for try, wait := 1, firstWait; ; try, wait = try+1, 2*wait {
		snapshot, err := s.Store.Snapshot(ctx, name)
		if err != nil {
			return err
		}
		err = readable(snapshot, name)
		if err == nil {
			err = do(snapshot)
		}
		snapshot.Close()
		if sq.ErrorCode(err) != sq.Busy || try == mostTries {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func readable(snapshot sq.Snapshot, name sq.PhextName) error {
	if err := snapshot.Err(); err != nil {
		return err
	}
	if !snapshot.Exists() {
		return sq.Errorf(sq.NotFound, "there is no phext %q; sq_list without arguments lists those there are, and a first write makes one", name)
	}
	return nil
}
