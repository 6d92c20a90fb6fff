package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/client"
)

// openServer returns a phext of a server. It connects to nothing yet.
func (f *targetFlags) openServer(needsName bool) (*target, error) {
	t := &target{remote: true, home: f.server}
	if f.phext == "" && needsName {
		return nil, usage("--phext NAME or SQ_PHEXT says it; sq list --server URL lists those there are", "which phext of the server is meant?")
	}
	var err error
	if t.name, err = f.name(""); err != nil {
		return nil, err
	}
	if t.Store, err = client.New(client.Options{Server: f.server, Token: f.token}); err != nil {
		return nil, usage("such as http://localhost:1337", "--server %q: %w", f.server, err)
	}
	return t, nil
}

// openDaemon returns the phext of the daemon of a folder; nil when there is none,
// or --file is another one's.
func (f *targetFlags) openDaemon(ctx context.Context, folder string) (*target, error) {
	found, err := findDaemon(ctx, folder)
	if found == nil || err != nil {
		return nil, err
	}
	if f.file != "" && !sameFile(f.file, found.File) {
		f.noteBeside(folder, found)
		return nil, nil
	}
	t := &target{remote: true, daemon: true, file: found.File, home: filepath.Dir(found.File)}
	if t.name, err = f.name(found.Phext); err != nil {
		return nil, err
	}
	if t.name != found.Phext {
		t.file = filepath.Join(filepath.Dir(found.File), string(t.name)+".phext")
	}
	if t.Store, err = client.New(client.Options{Server: "unix://" + found.Socket}); err != nil {
		return nil, err
	}
	return t, nil
}

// noteBeside keeps what to do where the daemon of a folder serves --file beside its
// own phext.
func (f *targetFlags) noteBeside(folder string, found *daemonFound) {
	name, ok := strings.CutSuffix(filepath.Base(f.file), ".phext")
	if !ok || !sameFile(filepath.Dir(f.file), filepath.Dir(found.File)) {
		return
	}
	f.beside = fmt.Sprintf("the daemon of this folder has it: leave --file out and use --phext %s", name)
	if folder != here {
		f.beside = fmt.Sprintf("a daemon has it: cd %s, leave --file out and use --phext %s", folder, name)
	}
}

// name returns the name that --phext gives, or another where it gives none.
func (f *targetFlags) name(otherwise sq.PhextName) (sq.PhextName, error) {
	if f.phext == "" {
		return otherwise, nil
	}
	name, err := sq.ParsePhextName(f.phext)
	if err != nil {
		return "", usage("a name is that of a file, without its .phext", "--phext %q: %v", f.phext, err)
	}
	return name, nil
}
