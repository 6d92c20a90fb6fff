package main

import (
	"bufio"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

const saveLong = `Write the whole phext to a file in its normal form. FILE "-" is standard output. A
file that is there is replaced in one moment, when all of it is on the disk.

The file of the phext itself needs no saving, and is left alone: what was answered
is on the disk. A FILE that would be a phext of a folder which a daemon or a server
has is refused.

With --json an object: file, bytes.`

const saveExample = `  sq save copy.phext
  sq save --server http://localhost:1337 --phext notes notes.phext`

func newSave(out outside) *cobra.Command {
	return newClient(out, &clientCommand{
		Command: cobra.Command{Use: "save FILE", Short: "write the phext to a file", Long: saveLong, Example: saveExample},
		least:   1, most: 1, do: save,
	})
}

// saved is the reply to what wrote a file, as --json prints it.
type saved struct {
	Coord string `json:"coord,omitempty"`
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

func save(ctx context.Context, c *clientCommand, t *target, args []string) error {
	name := args[0]
	if t.file != "" && name != "-" && sameFile(name, t.file) {
		return c.say(t, phext.Coordinate{}, fmt.Sprintf("%s is the phext itself, and up to date", name), saved{File: name})
	}
	return c.writeWhole(ctx, t, name, func(w *bufio.Writer, s sq.Snapshot) error {
		_, err := s.WriteTo(w)
		return err
	})
}

// writeWhole writes a file about the whole phext, and says so.
func (c *clientCommand) writeWhole(ctx context.Context, t *target, name string, write func(*bufio.Writer, sq.Snapshot) error) error {
	var n int64
	err := t.reading(ctx, func(s sq.Snapshot) (err error) {
		if err := s.Err(); err != nil {
			return err
		}
		n, err = c.writeFile(t, name, func(w *bufio.Writer) error { return write(w, s) })
		return err
	})
	if err != nil || name == "-" {
		return err
	}
	return c.say(t, phext.Coordinate{}, fmt.Sprintf("Wrote %d bytes to %s", n, name), saved{File: name, Bytes: n})
}
