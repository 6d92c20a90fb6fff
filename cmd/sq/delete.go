package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/phext"
)

const deleteLong = `Remove a scroll, and say how many bytes it had: 0 where there was none.`

const deleteExample = `  sq delete 1.1.1/1.1.1/1.1.1
  sq delete --file notes.phext 1.1.1/1.1.1/2.1.1`

func newDelete(out outside) *cobra.Command {
	return newClient(out, &clientCommand{
		Command: cobra.Command{Use: "delete COORD", Short: "remove a scroll", Long: deleteLong, Example: deleteExample},
		least:   1, most: 1, coordinate: true, do: remove,
	})
}

func remove(ctx context.Context, c *clientCommand, t *target, args []string) error {
	at, err := coordinateArgument(args[0], phext.ParseStored)
	if err != nil {
		return err
	}
	return c.write(ctx, t, sq.Op{Kind: sq.Delete, Coordinate: at}, func(r sq.Result) (string, int64) {
		return api.Removed(r.Before), r.Before
	})
}
