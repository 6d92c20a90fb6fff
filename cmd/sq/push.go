package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/phext"
)

const pushLong = `Replace the text of a scroll by that of a file; sq pull is the way back. FILE "-" is
standard input. An empty file removes the scroll. A file that is no text, or has a
delimiter of phext in it, is refused.`

const pushExample = `  sq push 1.1.1/1.1.1/1.1.1 letter.txt
  sq push --file notes.phext 1.1.1/1.1.1/2.1.1 - <letter.txt`

func newPush(out outside) *cobra.Command {
	return newClient(out, &clientCommand{
		Command: cobra.Command{Use: "push COORD FILE", Short: "put a file into a scroll", Long: pushLong, Example: pushExample},
		least:   2, most: 2, coordinate: true, do: push,
	})
}

func push(ctx context.Context, c *clientCommand, t *target, args []string) error {
	at, err := coordinateArgument(args[0], phext.ParseCoordinate)
	if err != nil {
		return err
	}
	if info, err := os.Stat(args[1]); err == nil && info.IsDir() {
		return hinted(fmt.Errorf("%q is a folder", args[1]), fmt.Sprintf("its files become scrolls with sq slurp %v %s", at, args[1]))
	}
	text, err := c.fileArgument(args[1])
	if err != nil {
		return err
	}
	return c.writeScroll(ctx, t, sq.Op{Kind: sq.Put, Coordinate: at, Text: text}, api.Updated)
}

// fileArgument returns what is in a file of the command line, or standard input
// for "-".
func (c *clientCommand) fileArgument(name string) ([]byte, error) {
	if name == "-" {
		return c.standardInput()
	}
	return os.ReadFile(name)
}
