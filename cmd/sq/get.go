package main

import (
	"bufio"
	"context"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
)

const getLong = `Print the whole phext in its normal form, delimiters included; a file that is no
phext as it is.

With --json an object a line: coord, scroll.`

const getExample = `  sq get >copy.phext
  sq get --file notes.phext --json`

func newGet(out outside) *cobra.Command {
	return newClient(out, &clientCommand{
		Command: cobra.Command{Use: "get", Short: "print the whole phext", Long: getLong, Example: getExample},
		do:      get,
	})
}

// exported is a scroll, as json-export has it.
type exported struct {
	Coord  string `json:"coord"`
	Scroll string `json:"scroll"`
}

func get(ctx context.Context, c *clientCommand, t *target, _ []string) error {
	return t.reading(ctx, func(s sq.Snapshot) error {
		if c.asJSON {
			return c.eachScroll(s, func(s sq.Scroll) any { return exported{s.Coordinate.String(), string(s.Text)} })
		}
		return c.stream(func(w *bufio.Writer) error {
			_, err := s.WriteTo(w)
			return err
		})
	})
}
