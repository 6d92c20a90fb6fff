package main

import (
	"path/filepath"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/client"
)

// openServer returns a phext of a server. It connects to nothing yet.
func (f *targetFlags) openServer(needsName bool) (*target, error) {
	t := &target{remote: true}
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
func (f *targetFlags) openDaemon(folder string) (*target, error) {
	found, err := findDaemon(folder)
	if found == nil || err != nil {
		return nil, err
	}
	if f.file != "" && !sameFile(f.file, found.File) {
		return nil, nil
	}
	t := &target{remote: true, daemon: true, file: found.File}
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
