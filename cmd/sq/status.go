package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/client"
)

const statusLong = `Print four lines about the phext: its file, the number of this request among those
of the server (0 with --file), its bytes in normal form, and its scrolls.

With --json an object: phext, exists, connection, bytes, scrolls.`

const statusExample = `  sq status
  sq status --file notes.phext --json`

func newStatus(out outside) *cobra.Command {
	return newClient(out, &clientCommand{
		Command: cobra.Command{Use: "status", Short: "print the size of the phext", Long: statusLong, Example: statusExample},
		do:      status,
	})
}

// statusOf is the status of a phext, as --json prints it.
type statusOf struct {
	Phext      sq.PhextName `json:"phext"`
	Exists     bool         `json:"exists"`
	Connection uint64       `json:"connection"`
	Bytes      int64        `json:"bytes"`
	Scrolls    int          `json:"scrolls"`
}

func status(ctx context.Context, c *clientCommand, t *target, _ []string) error {
	s, err := t.status(ctx)
	switch {
	case err != nil:
		return err
	case c.asJSON:
		return c.object(s)
	}
	_, err = fmt.Fprint(c.out.stdout, api.StatusLines(s.Phext, s.Connection, s.Bytes, s.Scrolls))
	return err
}

func (t *target) status(ctx context.Context) (statusOf, error) {
	if server, ok := t.Store.(*client.Client); ok {
		s, err := server.Status(ctx, t.name)
		return statusOf{t.name, s.Exists, s.Connection, s.Bytes, s.Scrolls}, err
	}
	s, err := t.snapshot(ctx)
	if err != nil {
		return statusOf{}, err
	}
	defer s.Close()
	return statusOf{t.name, s.Exists(), 0, s.Size(), s.Scrolls()}, s.Err()
}
