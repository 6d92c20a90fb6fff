package main

import (
	"bufio"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

const checksumLong = `Print the checksum of the phext: the XXH3-128 of its normal form. With --scrolls
the checksum of each scroll in a line COORD: CHECKSUM, which sq delta reads.

With --json an object: phext, checksum; with --scrolls one a line: coord, checksum.`

const checksumExample = `  sq checksum
  sq checksum --file notes.phext --scrolls >have
  sq delta --server http://localhost:1337 --phext notes have`

func newChecksum(out outside) *cobra.Command {
	var scrolls bool
	cmd := newClient(out, &clientCommand{
		Command: cobra.Command{Use: "checksum", Short: "print the checksum of the phext", Long: checksumLong, Example: checksumExample},
		do: func(ctx context.Context, c *clientCommand, t *target, _ []string) error {
			if scrolls {
				return checksums(ctx, c, t)
			}
			return checksumOf(ctx, c, t)
		},
	})
	cmd.Flags().BoolVar(&scrolls, "scrolls", false, "print the checksum of each scroll")
	return cmd
}

func checksumOf(ctx context.Context, c *clientCommand, t *target) error {
	return t.reading(ctx, func(s sq.Snapshot) error {
		sum, err := s.Checksum()
		if err != nil {
			return err
		}
		return c.say(t, phext.Coordinate{}, sum.String(), phextSum{t.name, sum})
	})
}

// phextSum is the checksum of a phext, as --json prints it.
type phextSum struct {
	Phext    sq.PhextName   `json:"phext"`
	Checksum phext.Checksum `json:"checksum"`
}

// summed is the checksum of a scroll, as --json prints it.
type summed struct {
	Coord    string         `json:"coord"`
	Checksum phext.Checksum `json:"checksum"`
}

func checksums(ctx context.Context, c *clientCommand, t *target) error {
	return t.reading(ctx, func(s sq.Snapshot) error {
		if c.asJSON {
			return c.eachScroll(s, func(s sq.Scroll) any { return summed{s.Coordinate.String(), phext.Sum(s.Text)} })
		}
		return c.stream(func(w *bufio.Writer) error {
			for scroll, err := range s.Scan(phext.Coordinate{}, phext.Last) {
				if err == nil {
					_, err = fmt.Fprintf(w, "%v: %v\n", scroll.Coordinate, phext.Sum(scroll.Text))
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}
