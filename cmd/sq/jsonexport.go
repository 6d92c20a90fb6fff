package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go/internal/api"
)

const jsonExportLong = `Write all scrolls to a file as a JSON array of objects: coord, scroll. FILE "-", or
none, is standard output. A file that is there is replaced in one moment.`

const jsonExportExample = `  sq json-export notes.json
  sq json-export --file notes.phext | jq -r '.[].scroll'`

func newJSONExport(out outside) *cobra.Command {
	return newClient(out, &clientCommand{
		Command: cobra.Command{Use: "json-export [FILE]", Short: "write the phext as JSON", Long: jsonExportLong, Example: jsonExportExample},
		most:    1, do: jsonExport,
	})
}

func jsonExport(ctx context.Context, c *clientCommand, t *target, args []string) error {
	name := "-"
	if len(args) > 0 {
		name = args[0]
	}
	return c.writeWhole(ctx, t, name, api.WriteJSON)
}
