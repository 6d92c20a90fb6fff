package configfile

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPoll: a file is read once for each change, when it has looked the same twice;
// what failed is told once, and tried again only where the file changes.
func TestPoll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var (
		log     strings.Builder
		last    fs.FileInfo
		reloads int
		failure error
		wanted  = true

		cannotRead bool
	)
	w := &Watcher{
		Path: path, Wanted: func() bool { return wanted }, LastRead: func() fs.FileInfo { return last },
		Reload: func() error {
			reloads++
			_, info, err := Read(path, nil)
			if !cannotRead {
				last = info
			}
			return errors.Join(failure, err)
		},
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	}
	polls := func(what string, n, want int) {
		t.Helper()
		before := reloads
		for range n {
			w.Poll()
		}
		if got := reloads - before; got != want {
			t.Errorf("%s: read %d times, want %d", what, got, want)
		}
	}
	write("1")
	polls("seen once", 1, 0)
	polls("seen twice", 1, 1)
	polls("as it was", 3, 0)
	write("12")
	polls("half done", 1, 0)
	write("123")
	polls("changed while it was looked at", 1, 0)
	polls("done", 2, 1)
	failure = errors.New("it is no good")
	write("1234")
	polls("which fails", 5, 1)
	if n := strings.Count(log.String(), "it is no good"); n != 1 {
		t.Errorf("the failure was told %d times:\n%s", n, &log)
	}
	cannotRead = true
	write("123456")
	failure = errors.New("it cannot be opened")
	polls("which is tried again and again", 6, 3)
	if n := strings.Count(log.String(), "it cannot be opened"); n != 1 {
		t.Errorf("that it cannot be opened was told %d times:\n%s", n, &log)
	}
	cannotRead = false
	failure, wanted = nil, false
	write("1234567")
	polls("unwanted", 3, 0)
	wanted = true
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	polls("gone", 4, 0)
	if n := strings.Count(log.String(), "cannot be looked at"); n != 1 {
		t.Errorf("that it is gone was told %d times:\n%s", n, &log)
	}
}
