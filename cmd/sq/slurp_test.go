package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// meddled is a store in which something happens before each write.
type meddled struct {
	sq.Store
	writes int
	before func(write int, in sq.Store) error
}

func (m *meddled) Apply(ctx context.Context, name sq.PhextName, batch sq.Batch) ([]sq.Result, error) {
	m.writes++
	if err := m.before(m.writes, m.Store); err != nil {
		return nil, err
	}
	return m.Store.Apply(ctx, name, batch)
}

// slurpMeddled slurps "folder" into notes.phext. Its first write is that of the table.
func slurpMeddled(t *testing.T, before func(write int, in sq.Store) error) error {
	t.Helper()
	out := outside{stdout: io.Discard, stderr: io.Discard, signals: func() (<-chan os.Signal, func()) { return nil, func() {} }}
	store := &meddled{Store: newFolder(here, out, ""), before: before}
	err := (&slurpFlags{}).slurp(t.Context(), &clientCommand{out: out}, &target{Store: store, name: "notes"}, phext.First, "folder")
	return errors.Join(err, store.Close())
}

// inFolderToSlurp makes a new folder the current one, in which "folder" has two files.
func inFolderToSlurp(t *testing.T) {
	t.Helper()
	inFolder(t, nil)
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, "folder/a", "one")
	put(t, "folder/b", "two")
}

// wants compares a scroll of notes.phext.
func wants(t *testing.T, at, want string) {
	t.Helper()
	if got := commandLine(t, nil, "", "select", "--file", "notes.phext", at); got.stdout != want {
		t.Errorf("%s: %+v, want %q", at, got, want)
	}
}

const (
	tablePlace = "1.1.1/1.1.1/1.1.1"
	placeA     = "1.1.1/1.1.1/1.1.2"
	placeB     = "1.1.1/1.1.1/1.1.3"
)

// onNotes runs a command on notes.phext.
func onNotes(t *testing.T, args ...string) said {
	t.Helper()
	return commandLine(t, nil, "", append(args, "--file", "notes.phext")...)
}

// TestSlurpInterrupted: what a slurp has not come to write is nobody's, and what it
// has written is replaced by the next.
func TestSlurpInterrupted(t *testing.T) {
	inFolderToSlurp(t)
	enough := errors.New("enough")
	err := slurpMeddled(t, func(write int, _ sq.Store) error {
		if write > 1 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Fatal(err)
	}
	wants(t, tablePlace, placeA+" a (pending)\n"+placeB+" b (pending)\n")

	onNotes(t, "update", placeB, "a stranger's")
	if got := onNotes(t, "slurp", tablePlace, "folder"); got.status != 1 || !strings.Contains(got.stderr, "the scroll at "+placeB+" is none of an earlier slurp") {
		t.Errorf("%+v", got)
	}
	wants(t, placeB, "a stranger's")
	wants(t, placeA, "")

	onNotes(t, "update", placeB, "two") // as the slurp would have
	put(t, "folder/0", "zero")
	if got := onNotes(t, "slurp", tablePlace, "folder"); got.status != 0 {
		t.Errorf("%+v", got)
	}
	wants(t, tablePlace, placeA+" 0\n"+placeB+" a\n1.1.1/1.1.1/1.1.4 b\n")
	wants(t, placeB, "one")
}

// TestSlurpOvertaken: what others write while a folder is slurped stays.
func TestSlurpOvertaken(t *testing.T) {
	inFolderToSlurp(t)
	theirs := func(in sq.Store, at string) error {
		where, err := phext.ParseCoordinate(at)
		if err == nil {
			_, err = in.Apply(context.Background(), "notes", sq.Batch{{Kind: sq.Put, Coordinate: where, Text: []byte("theirs")}})
		}
		return err
	}
	during := func(write int, at string) func(int, sq.Store) error {
		return func(n int, in sq.Store) error {
			if n == write {
				return theirs(in, at)
			}
			return nil
		}
	}
	// The place of the table.
	if err := slurpMeddled(t, during(1, tablePlace)); sq.ErrorCode(err) != sq.Precondition || !strings.Contains(err.Error(), "nothing was written") {
		t.Errorf("%v", err)
	}
	wants(t, tablePlace, "theirs")
	onNotes(t, "delete", tablePlace)

	// The place of a file that goes away meanwhile.
	if err := slurpMeddled(t, func(write int, in sq.Store) error {
		if write > 1 {
			return nil
		}
		return errors.Join(os.Remove("folder/b"), theirs(in, placeB))
	}); err != nil {
		t.Error(err)
	}
	wants(t, placeB, "theirs")
	wants(t, tablePlace, placeA+" a\n")

	// A file that has changed, and its scroll as well.
	put(t, "folder/a", "another one")
	if err := slurpMeddled(t, during(2, placeA)); sq.ErrorCode(err) != sq.Precondition || !strings.Contains(err.Error(), "the files are there in part") {
		t.Errorf("%v", err)
	}
	wants(t, placeA, "theirs")
}
