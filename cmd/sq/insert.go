package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/phext"
)

// textHelp says how a text is given.
const textHelp = `TEXT is taken as it is, also when it begins with a dash; quote it for the shell.
"-" is standard input to its end, line breaks included. A text that is missing is
wrong usage, and not standard input, so that a variable that was not set does no
harm. A text is UTF-8 without the nine delimiters of phext.`

const insertLong = `Add a text to the end of a scroll, and make the scroll where there is none. The
phext is made as well. Nothing is put between what was there and TEXT.

` + textHelp

const insertExample = `  sq insert 1.1.1/1.1.1/1.1.1 "Hello"
  sq insert 1.1.1/1.1.1/1.1.1 "-- a text that begins with dashes"
  date | sq insert --file log.phext 1.1.1/1.1.1/1.1.1 -`

func newInsert(out outside) *cobra.Command {
	return newClient(out, &clientCommand{
		Command: cobra.Command{Use: "insert COORD TEXT", Short: "add text to a scroll", Long: insertLong, Example: insertExample},
		least:   2, most: 2, coordinate: true, do: insert,
	})
}

func insert(ctx context.Context, c *clientCommand, t *target, args []string) error {
	return c.writeText(ctx, t, sq.Append, args, api.Inserted)
}

// writeText carries out an operation with a text.
func (c *clientCommand) writeText(ctx context.Context, t *target, kind sq.Kind, args []string, reply func(int) string) error {
	at, err := coordinateArgument(args[0], phext.ParseCoordinate)
	if err != nil {
		return err
	}
	text, err := c.textArgument(args[1])
	if err != nil {
		return err
	}
	op := sq.Op{Kind: kind, Coordinate: at, Text: text}
	if err := op.Check(); err != nil && args[1] != "-" {
		return usage("a text is UTF-8 without the nine delimiters; write each part to a coordinate of its own", "%w", err)
	}
	return c.writeScroll(ctx, t, op, reply)
}

func (c *clientCommand) writeScroll(ctx context.Context, t *target, op sq.Op, reply func(int) string) error {
	if err := op.Check(); err != nil {
		return err
	}
	return c.write(ctx, t, op, func(sq.Result) (string, int64) { return reply(len(op.Text)), int64(len(op.Text)) })
}
