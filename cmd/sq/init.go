package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

const initLong = `Make an empty phext, world.phext in the current folder where no FILE is named. One
that is there already stays as it is.

With --json an object: file, created.`

const initExample = `  sq init
  sq init notes.phext && sq insert --file notes.phext 1.1.1/1.1.1/1.1.1 "Hello"`

func newInit(out outside) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "init [FILE]",
		Short:   "make an empty phext",
		Long:    initLong,
		Example: initExample,
		GroupID: groupPhexts,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("sq init notes.phext", "sq init takes one file, and was given %d", len(args))
			}
			file := append(args, "world.phext")[0]
			created, err := initialize(file)
			switch {
			case err != nil:
				return err
			case asJSON:
				return encoder(out.stdout).Encode(initialized{file, created})
			case created:
				_, err = fmt.Fprintf(out.stdout, "Created %s\n", file)
			default:
				_, err = fmt.Fprintf(out.stdout, "%s is there already\n", file)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON for programs")
	return cmd
}

// initialized is the reply of init, as --json prints it.
type initialized struct {
	File    string `json:"file"`
	Created bool   `json:"created"`
}

// initialize makes an empty file, which survives the loss of power; false when
// there was one.
func initialize(file string) (created bool, err error) {
	if filepath.Ext(file) != ".phext" {
		return false, usage("such as "+filepath.Join(filepath.Dir(file), cmp.Or(strings.Trim(filepath.Base(file), "./"), "notes")+".phext"), "%q: the file of a phext is NAME.phext", file)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, notMade(file, err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return false, err
	}
	return true, syncFolder(filepath.Dir(file))
}
