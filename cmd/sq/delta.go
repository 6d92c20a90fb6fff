package main

import (
	"bufio"
	"bytes"
	"context"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/phext"
)

const deltaLong = `Print what somebody lacks, as a phext. FILE has lines COORD: CHECKSUM of what they
have, as sq checksum --scrolls prints them; "-" is standard input. The scrolls that
differ or are not among them are printed, and ` + api.DeltaMissing + ` at each
coordinate that only they have. Without FILE every scroll is printed.

With --json an object a line: coord, and scroll or "missing": true.`

const deltaExample = `  sq delta
  sq checksum --file copy.phext --scrolls | sq delta --file notes.phext -`

func newDelta(out outside) *cobra.Command {
	return newClient(out, &clientCommand{
		Command: cobra.Command{Use: "delta [FILE]", Short: "print what differs from a list of checksums", Long: deltaLong, Example: deltaExample},
		most:    1, do: delta,
	})
}

// differing is a scroll in a delta, as --json prints it.
type differing struct {
	Coord   string  `json:"coord"`
	Scroll  *string `json:"scroll,omitempty"`
	Missing bool    `json:"missing,omitempty"` // only the caller has it
}

func delta(ctx context.Context, c *clientCommand, t *target, args []string) (err error) {
	var have []byte
	if len(args) > 0 {
		if have, err = c.fileArgument(args[0]); err != nil {
			return err
		}
	}
	return t.reading(ctx, func(s sq.Snapshot) error {
		if c.asJSON {
			return c.deltaInJSON(s, have)
		}
		return c.stream(func(w *bufio.Writer) error { return api.WriteDelta(w, s, have) })
	})
}

// deltaInJSON tells a scroll that is missing from one whose text says so.
func (c *clientCommand) deltaInJSON(s sq.Snapshot, have []byte) error {
	var found bytes.Buffer
	if err := api.WriteDelta(&found, s, have); err != nil {
		return err
	}
	return c.stream(func(w *bufio.Writer) error {
		lines := encoder(w)
		for scan := phext.NewScanner(found.Bytes()); scan.Next(); {
			d := differing{Coord: scan.Coordinate().String()}
			if _, there := s.Has(scan.Coordinate()); there {
				text := string(scan.Text())
				d.Scroll = &text
			} else {
				d.Missing = true
			}
			if err := lines.Encode(d); err != nil {
				return err
			}
		}
		return nil
	})
}
