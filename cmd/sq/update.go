package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
)

const updateLong = `Replace the text of a scroll, and make the scroll where there is none. The phext
is made as well. An empty TEXT, "", removes the scroll.

` + textHelp

const updateExample = `  sq update 1.1.1/1.1.1/1.1.1 "Hello again"
  sq update --file notes.phext 1.1.1/1.1.1/2.1.1 - <letter.txt`

func newUpdate(out outside) *cobra.Command {
	return newClient(out, &clientCommand{
		Command: cobra.Command{Use: "update COORD TEXT", Short: "replace a scroll", Long: updateLong, Example: updateExample},
		least:   2, most: 2, coordinate: true, do: update,
	})
}

func update(ctx context.Context, c *clientCommand, t *target, args []string) error {
	return c.writeText(ctx, t, sq.Put, args, api.Updated)
}
