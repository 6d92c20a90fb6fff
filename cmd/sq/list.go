package main

import (
	"bufio"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
)

const listLong = `List the phexts that there are, a name a line: those of the server, or of the
daemon, or in the folder of --file.

With --json an object a line: name, bytes, scrolls, and error where one cannot be
read. For that each phext is opened.`

const listExample = `  sq list --server http://localhost:1337
  sq list --file notes.phext --json`

func newList(out outside) *cobra.Command {
	return newClient(out, &clientCommand{
		Command: cobra.Command{Use: "list", Short: "list the phexts", Long: listLong, Example: listExample},
		unnamed: true, do: list,
	})
}

// listed is a phext in the list, as --json prints it.
type listed struct {
	Name    sq.PhextName `json:"name"`
	Bytes   int64        `json:"bytes"` // of the normal form
	Scrolls int          `json:"scrolls"`
	Error   string       `json:"error,omitempty"`
}

func list(ctx context.Context, c *clientCommand, t *target, _ []string) error {
	names, err := t.List(ctx)
	if err != nil {
		return err
	}
	return c.stream(func(w *bufio.Writer) error {
		for _, name := range names {
			if !c.asJSON {
				fmt.Fprintln(w, name) // an error stays, and Flush returns it
				continue
			}
			p, err := t.describe(ctx, name)
			if err == nil {
				err = encoder(w).Encode(p)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// describe returns what --json prints of a phext.
func (t *target) describe(ctx context.Context, name sq.PhextName) (listed, error) {
	s, err := t.Snapshot(ctx, name)
	if err != nil {
		return listed{}, err
	}
	defer s.Close()
	p := listed{Name: name, Bytes: s.Size(), Scrolls: s.Scrolls()}
	if err := s.Err(); err != nil {
		p.Error = sq.ErrorMessage(err)
	}
	return p, nil
}
