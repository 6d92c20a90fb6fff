package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go"
)

// targetHelp says where a client command finds its phext. It stands in the help of
// each of them.
const targetHelp = `Where the phext is: on the server of --server, or SQ_SERVER, with the name of
--phext, or SQ_PHEXT; otherwise it is that of the daemon of this folder;
otherwise --file names its file. sq help where tells more.`

// targetFlags say where the phext of a command is.
type targetFlags struct {
	server, token, phext, file string
	// beside says what to do where a daemon serves file, which is not its own phext.
	beside string
}

func (f *targetFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.server, "server", "", "the `URL` of a server, such as http://localhost:1337 or unix:///run/sq.sock (SQ_SERVER)")
	flags.StringVar(&f.token, "token", "", "the `token` for the server; others see it with ps, so prefer SQ_TOKEN")
	flags.StringVar(&f.phext, "phext", "", "the `name` of the phext on the server (SQ_PHEXT)")
	flags.StringVar(&f.file, "file", "", "the `file` of the phext, NAME.phext, where no server has it open")
}

// settle takes from the environment what the flags do not say, and refuses what
// contradicts itself: a write should not go where nobody expects it.
func (f *targetFlags) settle(flags *pflag.FlagSet, lookup func(string) (string, bool)) error {
	for _, name := range []string{"server", "token", "phext", "file"} {
		if flags.Changed(name) && flags.Lookup(name).Value.String() == "" {
			return usage("was a variable not set? Leave the flag out for its default", "--%s is empty", name)
		}
	}
	variable := func(name string) string { text, _ := lookup(name); return text }
	fileGiven := f.file != ""
	switch {
	case fileGiven && f.server != "":
		return usage("leave one of them out", "--file and --server exclude each other")
	case fileGiven && variable("SQ_SERVER") != "":
		return usage("for this command alone: SQ_SERVER= sq …", "--file was given, but SQ_SERVER is set, which comes first")
	case fileGiven && f.phext != "":
		return usage("the name of the file is that of the phext: leave --phext out", "--file and --phext exclude each other")
	}
	f.server = cmp.Or(f.server, variable("SQ_SERVER"))
	f.token = cmp.Or(f.token, variable("SQ_TOKEN"))
	if f.server != "" {
		f.phext = cmp.Or(f.phext, variable("SQ_PHEXT"))
	}
	return nil
}

// target is where the phext of a command is.
type target struct {
	sq.Store
	name   sq.PhextName
	daemon bool   // it is the daemon's
	file   string // of the phext, where it is known to be on this machine; "" otherwise
	remote bool   // a server or a daemon has it
	home   string // the folder that it is in, or the server
}

// open finds the phext of a command. The target needs to be closed. Without needsName
// there may be no name.
func (f *targetFlags) open(ctx context.Context, out outside, needsName bool) (*target, error) {
	if f.server != "" {
		return f.openServer(needsName)
	}
	folder := here
	if f.file != "" {
		folder = f.resolve()
	}
	for _, place := range slices.Compact([]string{here, folder}) {
		t, err := f.openDaemon(ctx, place)
		// A file that is named is locked, should a daemon have it that does not answer.
		if t != nil || err != nil && f.file == "" {
			return t, err
		}
	}
	if f.file == "" {
		return nil, nowhere()
	}
	return f.openFile(folder, out)
}

// resolve follows links to the file, and returns the folder that it is in.
func (f *targetFlags) resolve() (folder string) {
	if path, err := filepath.EvalSymlinks(f.file); err == nil {
		f.file = path
	}
	return filepath.Dir(f.file)
}

func (f *targetFlags) openFile(folder string, out outside) (*target, error) {
	base := filepath.Base(f.file)
	stem, ok := strings.CutSuffix(base, ".phext")
	if !ok {
		return nil, usage("rename it, or give the name of a file that ends so", "--file %q: the file of a phext is NAME.phext", f.file)
	}
	name, err := sq.ParsePhextName(stem)
	if err != nil {
		return nil, usage("rename it", "--file %q: %v", f.file, err)
	}
	return &target{Store: newFolder(folder, out, f.beside), name: name, file: f.file, home: folder}, nil
}

// nowhere says that nothing tells which phext is meant.
func nowhere() error {
	hint := "--file NAME.phext, --server URL, or a daemon: sq share NAME.phext"
	if found, err := filepath.Glob("*.phext"); err == nil && len(found) == 1 {
		hint = fmt.Sprintf("did you mean --file %s? Or --server URL, or a daemon: sq share %s", found[0], found[0])
	}
	return usage(hint, "which phext is meant? No server is named, this folder has no daemon, and no file is given")
}

// snapshot returns the newest state of the phext. A file that is not there is
// somebody's slip; of a server it is the phext without scrolls.
func (t *target) snapshot(ctx context.Context) (sq.Snapshot, error) {
	s, err := t.Snapshot(ctx, t.name)
	if err != nil {
		return nil, err
	}
	if !t.remote && !s.Exists() {
		s.Close()
		return nil, hinted(fmt.Errorf("there is no file %q", t.file), "insert, update, push and slurp make it when they write")
	}
	return s, nil
}

// reading calls do with a snapshot of the phext that can be read, and again with
// another when somebody else writes to it under the first, which had not been
// told from yet.
func (t *target) reading(ctx context.Context, do func(sq.Snapshot) error) error {
	return settled(ctx, t.snapshot, do)
}

// toWrite is reading for who is about to write: there may be no phext yet.
func (t *target) toWrite(ctx context.Context, do func(sq.Snapshot) error) error {
	return settled(ctx, func(ctx context.Context) (sq.Snapshot, error) { return t.Snapshot(ctx, t.name) }, do)
}

func settled(ctx context.Context, open func(context.Context) (sq.Snapshot, error), do func(sq.Snapshot) error) error {
	const tries, wait = 6, 5 * time.Millisecond
	for try := 1; ; try++ {
		s, err := open(ctx)
		if err == nil {
			err = do(s)
			s.Close()
		}
		var told *toldError
		if try == tries || sq.ErrorCode(err) != sq.Busy || errors.As(err, &told) || !pause(ctx, wait<<try) {
			return err
		}
	}
}

// toldError is one after which a part of the answer has been printed.
type toldError struct{ error }

func (e *toldError) Unwrap() error { return e.error }
