package main

import (
	"bufio"
	"context"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/client"
)

const listLong = `List the phexts that there are, a name a line: those of the server, or of the
daemon, or in the folder of --file.

With --json an object a line: name, bytes, scrolls, modified, which is when it was
changed last, and error where one cannot be read. For that each phext is opened.`

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
	Name     sq.PhextName `json:"name"`
	Bytes    int64        `json:"bytes"` // of the normal form
	Scrolls  int          `json:"scrolls"`
	Modified string       `json:"modified,omitempty"` // RFC 3339
	Error    string       `json:"error,omitempty"`
}

func list(ctx context.Context, c *clientCommand, t *target, _ []string) error {
	return c.stream(func(w *bufio.Writer) error {
		if c.asJSON {
			for p, err := range t.described(ctx) {
				if err == nil {
					err = encoder(w).Encode(p)
				}
				if err != nil {
					return err
				}
			}
			return nil
		}
		names, err := t.List(ctx)
		for _, name := range names {
			fmt.Fprintln(w, name) // an error stays, and Flush returns it
		}
		return err
	})
}

// described yields what --json prints of each phext. A server is asked once.
func (t *target) described(ctx context.Context) iter.Seq2[listed, error] {
	return func(yield func(listed, error) bool) {
		if server, ok := t.Store.(*client.Client); ok {
			for p, err := range server.Describe(ctx) {
				if !yield(listed(p), err) {
					return
				}
			}
			return
		}
		names, err := t.List(ctx)
		if err != nil {
			yield(listed{}, err)
			return
		}
		for _, name := range names {
			if p, err := t.describe(ctx, name); !yield(p, err) {
				return
			}
		}
	}
}

// describe returns what --json prints of a phext.
func (t *target) describe(ctx context.Context, name sq.PhextName) (listed, error) {
	s, err := t.Snapshot(ctx, name)
	if err != nil {
		return listed{}, err
	}
	defer s.Close()
	p := listed{Name: name, Bytes: s.Size(), Scrolls: s.Scrolls(), Modified: api.Modified(s)}
	if err := s.Err(); err != nil {
		p.Error = sq.ErrorMessage(err)
	}
	return p, nil
}
