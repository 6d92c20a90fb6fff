package main

import (
	"bufio"
	"context"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

const selectLong = `Print the text of a scroll, byte for byte; nothing where there is none. At a
terminal a line break follows when the text has none at its end. A daemon's
reply has the coordinate in front, as in v0.5.5: sq pull gives the text alone.

With --json an object: exists, coord, text, checksum.`

const selectExample = `  sq select 1.1.1/1.1.1/1.1.1
  sq select --file notes.phext 1.1.1/1.1.1/2.1.1
  sq select --server http://localhost:1337 --phext notes 1.1.1/1.1.1/1.1.1 --json`

func newSelect(out outside) *cobra.Command {
	return newClient(out, &clientCommand{
		Command: cobra.Command{Use: "select COORD", Short: "print a scroll", Long: selectLong, Example: selectExample},
		least:   1, most: 1, coordinate: true, do: selectScroll,
	})
}

// selected is a scroll, as --json prints it.
type selected struct {
	Exists   bool            `json:"exists"`
	Coord    string          `json:"coord"`
	Text     string          `json:"text"`
	Checksum *phext.Checksum `json:"checksum,omitempty"`
}

func selectScroll(ctx context.Context, c *clientCommand, t *target, args []string) error {
	at, err := coordinateArgument(args[0], phext.ParseStored)
	if err != nil {
		return err
	}
	text, ok, err := t.scroll(ctx, at)
	switch {
	case err != nil:
		return err
	case c.asJSON:
		s := selected{Exists: ok, Coord: at.String(), Text: string(text)}
		if ok {
			sum := phext.Sum(text)
			s.Checksum = &sum
		}
		return c.object(s)
	case t.daemon:
		return c.say(t, at, string(text), nil)
	}
	return c.stream(func(w *bufio.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// scroll returns the text of a scroll; false when there is none.
func (t *target) scroll(ctx context.Context, at phext.Coordinate) (text []byte, ok bool, err error) {
	err = t.reading(ctx, func(s sq.Snapshot) error {
		text, ok, err = s.Get(nil, at)
		return err
	})
	return text, ok, err
}
