package main

import (
	"bufio"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go/phext"
)

const pullLong = `Write the text of a scroll to a file, byte for byte; sq push is the way back. FILE
"-" is standard output. A file that is there is replaced in one moment. Where
there is no scroll nothing is written, and the exit status is 1.

With --json an object: coord, file, bytes.`

const pullExample = `  sq pull 1.1.1/1.1.1/1.1.1 letter.txt
  sq pull --file notes.phext 1.1.1/1.1.1/2.1.1 - | wc -w`

func newPull(out outside) *cobra.Command {
	return newClient(out, &clientCommand{
		Command: cobra.Command{Use: "pull COORD FILE", Short: "write a scroll to a file", Long: pullLong, Example: pullExample},
		least:   2, most: 2, coordinate: true, do: pull,
	})
}

func pull(ctx context.Context, c *clientCommand, t *target, args []string) error {
	at, err := coordinateArgument(args[0], phext.ParseStored)
	if err != nil {
		return err
	}
	text, ok, err := t.scroll(ctx, at)
	if err != nil {
		return err
	}
	name := args[1]
	if !ok {
		return hinted(fmt.Errorf("there is no scroll at %v", at), "nothing was written; sq toc lists the scrolls")
	}
	n, err := c.writeFile(t, name, func(w *bufio.Writer) error {
		_, err := w.Write(text)
		return err
	})
	if err != nil || name == "-" {
		return err
	}
	return c.say(t, at, fmt.Sprintf("Exported scroll at %v to %s.", at, name), saved{Coord: at.String(), File: name, Bytes: n})
}
