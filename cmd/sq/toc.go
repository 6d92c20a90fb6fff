package main

import (
	"bufio"
	"context"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/phext"
)

const tocLong = `Print the table of contents of a phext: for each scroll, in order, its coordinate
and the beginning of its first line.

With --json an object a line: coord, summary, bytes.`

const tocExample = `  sq toc
  sq toc --file notes.phext --json`

func newToc(out outside) *cobra.Command {
	return newClient(out, &clientCommand{
		Command: cobra.Command{Use: "toc", Short: "print the table of contents", Long: tocLong, Example: tocExample},
		do:      toc,
	})
}

// tocEntry is a scroll in the table of contents, as --json prints it.
type tocEntry struct {
	Coord   string `json:"coord"`
	Summary string `json:"summary"`
	Bytes   int    `json:"bytes"`
}

func toc(ctx context.Context, c *clientCommand, t *target, _ []string) error {
	return t.reading(ctx, func(s sq.Snapshot) error {
		if c.asJSON {
			return c.eachScroll(s, func(s sq.Scroll) any {
				return tocEntry{s.Coordinate.String(), phext.Summary(s.Text), len(s.Text)}
			})
		}
		return c.stream(func(w *bufio.Writer) error { return api.WriteToc(w, s) })
	})
}

// eachScroll prints an object of JSON for each scroll.
func (c *clientCommand) eachScroll(s sq.Snapshot, object func(sq.Scroll) any) error {
	return c.stream(func(w *bufio.Writer) error {
		lines := encoder(w)
		for scroll, err := range s.Scan(phext.Coordinate{}, phext.Last) {
			if err == nil {
				err = lines.Encode(object(scroll))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}
