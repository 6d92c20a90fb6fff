package main

import (
	"bufio"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/client"
	"github.com/wbic16/sq-go/phext"
)

const deltaLong = `Print what somebody lacks, as a phext. FILE has lines COORD: CHECKSUM of what they
have, as sq checksum --scrolls prints them; "-" is standard input. The scrolls that
differ or are not among them are printed, and ` + api.DeltaMissing + ` at each
coordinate that only they have. Without FILE every scroll is printed.

With --json an object a line: coord, and text and checksum or "missing": true.`

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
	Coord    string          `json:"coord"`
	Text     *string         `json:"text,omitempty"`
	Checksum *phext.Checksum `json:"checksum,omitempty"`
	Missing  bool            `json:"missing,omitempty"` // only the caller has it
}

func delta(ctx context.Context, c *clientCommand, t *target, args []string) (err error) {
	var have []byte
	if len(args) > 0 {
		if have, err = c.fileArgument(args[0]); err != nil {
			return err
		}
		if _, err := api.Have(have); err != nil {
			return hinted(fmt.Errorf("%q is no list of checksums: %w", args[0], err), "sq checksum --scrolls prints one")
		}
	}
	if server, ok := t.Store.(*client.Client); ok {
		return c.printDelta(func(each eachDifference) error { return deltaOf(ctx, server, t.name, have, each) })
	}
	return t.reading(ctx, func(s sq.Snapshot) error {
		return c.printDelta(func(each eachDifference) error { return api.Delta(s, have, each) })
	})
}

// eachDifference is called with each scroll of a delta, in order.
type eachDifference func(at phext.Coordinate, text []byte, missing bool) error

// deltaOf asks a server, which sends only what differs.
func deltaOf(ctx context.Context, server *client.Client, name sq.PhextName, have []byte, each eachDifference) error {
	list, err := api.Have(have)
	if err != nil {
		return err
	}
	d, err := server.Delta(ctx, name, list)
	if err != nil {
		return err
	}
	defer d.Close()
	for difference, err := range d.All() {
		if err == nil {
			err = each(difference.Coordinate, difference.Text, difference.Missing)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// printDelta prints a delta as it comes.
func (c *clientCommand) printDelta(find func(eachDifference) error) error {
	return c.stream(func(w *bufio.Writer) error {
		if c.asJSON {
			lines := encoder(w)
			return find(func(at phext.Coordinate, text []byte, missing bool) error {
				d := differing{Coord: at.String(), Missing: missing}
				if !missing {
					said, sum := string(text), phext.Sum(text)
					d.Text, d.Checksum = &said, &sum
				}
				return lines.Encode(d)
			})
		}
		out := phext.NewWriter(w)
		err := find(func(at phext.Coordinate, text []byte, missing bool) error {
			if missing {
				text = []byte(api.DeltaMissing)
			}
			return out.WriteScroll(at, text)
		})
		if err != nil {
			return err
		}
		return out.Flush()
	})
}
