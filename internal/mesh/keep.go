package mesh

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// conflictsSuffix is what the name of a phext of conflicts ends with.
const conflictsSuffix = ".conflicts"

// ConflictsOf returns the phext that keeps the other sides' texts of a phext.
// Invalid: the phext's name is too long for that.
func ConflictsOf(name sq.PhextName) (sq.PhextName, error) {
	kept, err := sq.ParsePhextName(string(name) + conflictsSuffix)
	if err != nil {
		return "", sq.Errorf(sq.Invalid, "phext %q: its name is too long for %s behind it, so it cannot be kept in step with others", name, conflictsSuffix)
	}
	return kept, nil
}

// IsConflicts reports whether a phext keeps conflicts. Such a phext never travels.
func IsConflicts(name sq.PhextName) bool { return strings.HasSuffix(string(name), conflictsSuffix) }

// keeper keeps texts of a peer in a phext of conflicts.
type keeper struct {
	store sq.Store
	name  sq.PhextName // of the phext of conflicts
	from  string       // the peer's id
	now   func() time.Time
}

// keep adds a text to the scroll at a coordinate, unless the same text of the same
// peer stands there. When it returns nil the text survives the loss of power.
// Precondition: somebody else wrote there at the same moment, again and again.
func (k *keeper) keep(ctx context.Context, c phext.Coordinate, text []byte) (err error) {
	return k.keepAs(ctx, k.from, c, text)
}

// These stand in the place of a peer's id where the text was here. They are no ids.
const (
	deletedHere  = "here (deleted by a peer)"
	replacedHere = "here (a peer went back to an older text)"
)

// keepAs is keep of a text that is not the peer's.
func (k *keeper) keepAs(ctx context.Context, from string, c phext.Coordinate, text []byte) (err error) {
	const tries = 4
	for range tries {
		if err = k.try(ctx, from, c, text); sq.ErrorCode(err) != sq.Precondition {
			return err
		}
	}
	return err
}

func (k *keeper) try(ctx context.Context, from string, c phext.Coordinate, text []byte) error {
	before, err := k.read(ctx, c)
	if err != nil || hasKept(before, from, text) {
		return err
	}
	var is state
	added := entry(from, k.now(), text)
	if len(before) > 0 {
		is = stateOf(before)
		if before[len(before)-1] != '\n' { // somebody edited it
			added = append([]byte{'\n'}, added...)
		}
	}
	op := sq.Op{Kind: sq.Append, Coordinate: c, Text: added, If: is.condition()}
	_, err = k.store.Apply(ctx, k.name, sq.Batch{op})
	return err
}

// read returns what was kept at a coordinate.
func (k *keeper) read(ctx context.Context, c phext.Coordinate) ([]byte, error) {
	s, err := k.store.Snapshot(ctx, k.name)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	text, _, err := s.Get(nil, c)
	return text, err
}

// entryMark begins the line before a text that was kept.
const entryMark = "=== sq mesh conflict: from "

// entry returns a text as it is kept: behind a line that says whose it was, when it was
// found, and how long it is, so that no text can be taken for such a line.
func entry(from string, at time.Time, text []byte) []byte {
	out := fmt.Appendf(nil, "%s%s, %s, checksum %v, bytes %d ===\n", entryMark, from, at.UTC().Format(time.RFC3339), phext.Sum(text), len(text))
	return append(append(out, text...), '\n')
}

// hasKept reports whether a text of a peer stands among those that were kept. Lines
// that people wrote there are passed over.
func hasKept(kept []byte, from string, text []byte) bool {
	for len(kept) > 0 {
		line, rest, _ := bytes.Cut(kept, []byte("\n"))
		origin, size := parseEntry(string(line))
		if kept = rest; size < 0 || size > len(rest) {
			continue
		}
		if origin == from && bytes.Equal(rest[:size], text) {
			return true
		}
		kept = rest[size:]
	}
	return false
}

// parseEntry reads the line before a text; a size of -1 says that it is none.
func parseEntry(line string) (from string, size int) {
	rest, ok := strings.CutPrefix(line, entryMark)
	from, rest, found := strings.Cut(rest, ", ")
	i := strings.LastIndex(rest, ", bytes ")
	if !ok || !found || i < 0 {
		return "", -1
	}
	if _, err := fmt.Sscanf(rest[i:], ", bytes %d ===", &size); err != nil || size < 0 {
		return "", -1
	}
	return from, size
}
