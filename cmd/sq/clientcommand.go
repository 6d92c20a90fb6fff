package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// clientCommand is a command on a phext, wherever that is.
type clientCommand struct {
	cobra.Command
	targetFlags
	out     outside
	asJSON  bool
	unnamed bool // no phext needs to be named
	// coordinate says that the first argument is one.
	coordinate  bool
	least, most int // arguments
	// do carries the command out on what the flags say.
	do func(ctx context.Context, c *clientCommand, t *target, args []string) error
}

// newClient completes a command on a phext.
func newClient(out outside, c *clientCommand) *cobra.Command {
	c.out = out
	c.Long += "\n\n" + targetHelp
	c.Args = c.count
	c.RunE = func(_ *cobra.Command, args []string) error { return c.run(args) }
	c.GroupID = groupPhexts
	flags := c.Flags()
	flags.SortFlags = false
	c.register(flags)
	flags.BoolVar(&c.asJSON, "json", false, "print JSON for programs")
	c.completeFlags()
	return &c.Command
}

// count refuses too few and too many arguments. Most often a text was not quoted.
func (c *clientCommand) count(_ *cobra.Command, args []string) error {
	switch {
	case len(args) < c.least:
		return usage("sq "+c.Use, "%s needs %s, and was given %d", c.CommandPath(), count(c.least, "argument"), len(args))
	case len(args) > c.most && c.file == "" && strings.HasSuffix(args[0], ".phext"):
		return usage(fmt.Sprintf("a flag names the phext: %s --file %s", c.CommandPath(), args[0]), "%s takes %s, and was given %d", c.CommandPath(), count(c.most, "argument"), len(args))
	case len(args) > c.most && c.most == 0:
		return noArguments(&c.Command, args)
	case len(args) > c.most:
		return usage("sq "+c.Use+"; quote what has spaces", "%s takes %s, and was given %d", c.CommandPath(), count(c.most, "argument"), len(args))
	}
	return nil
}

// run finds the phext, and does on it what the command is for.
func (c *clientCommand) run(args []string) (err error) {
	if err := c.settle(c.Flags(), c.out.lookup); err != nil {
		return err
	}
	if err := c.swapped(args); err != nil {
		return err
	}
	t, err := c.targetFlags.open(c.Context(), c.out, !c.unnamed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	return c.do(c.Context(), c, t, args)
}

// swapped refuses arguments of which the second is the coordinate.
func (c *clientCommand) swapped(args []string) error {
	if !c.coordinate || len(args) != 2 {
		return nil
	}
	_, err := phext.ParseStored(args[0])
	if _, second := phext.ParseStored(args[1]); err == nil || second != nil {
		return nil
	}
	return usage("the coordinate comes first: sq "+c.Use, "%w", err)
}

// coordinateArgument reads a coordinate of the command line.
func coordinateArgument(text string, parse func(string) (phext.Coordinate, error)) (phext.Coordinate, error) {
	at, err := parse(text)
	if err != nil {
		return at, usage("such as 1.1.1/1.1.1/1.1.1; sq help coordinates explains them", "%w", err)
	}
	return at, nil
}

// textArgument returns a text of the command line, or standard input for "-".
func (c *clientCommand) textArgument(text string) ([]byte, error) {
	if text != "-" {
		return []byte(text), nil
	}
	return c.standardInput()
}

func (c *clientCommand) standardInput() ([]byte, error) {
	text, err := io.ReadAll(c.out.stdin)
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	return text, nil
}

// say prints a reply: an object for programs, or a line. What a daemon says of a
// coordinate has that in front.
func (c *clientCommand) say(t *target, at phext.Coordinate, line string, object any) error {
	if c.asJSON {
		return c.object(object)
	}
	if t.daemon && !at.IsZero() {
		line = at.String() + ": " + line
	}
	_, err := fmt.Fprintln(c.out.stdout, line)
	return err
}

// object prints an object of JSON in a line.
func (c *clientCommand) object(v any) error { return encoder(c.out.stdout).Encode(v) }

func encoder(w io.Writer) *json.Encoder {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e
}

// stream prints what write writes. At a terminal it ends in a line break.
func (c *clientCommand) stream(write func(*bufio.Writer) error) error {
	out := &told{w: c.out.stdout}
	w := bufio.NewWriterSize(out, 64<<10)
	err := write(w)
	if err == nil {
		err = w.Flush()
	}
	if out.last != '\n' && out.any && isTerminal(c.out.stdout) {
		fmt.Fprintln(c.out.stdout)
	}
	if err != nil && out.any {
		return &toldError{err}
	}
	return err
}

// told is standard output that knows whether something was printed.
type told struct {
	w    io.Writer
	any  bool
	last byte
}

func (t *told) Write(p []byte) (int, error) {
	if len(p) > 0 {
		t.any, t.last = true, p[len(p)-1]
	}
	return t.w.Write(p)
}

// isTerminal reports whether somebody looks.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// written is the reply to a write, as --json prints it.
type written struct {
	Coord  string `json:"coord"`
	Bytes  int64  `json:"bytes"`  // that were inserted, updated or removed
	Before int64  `json:"before"` // bytes of the scroll
	After  int64  `json:"after"`
}

// write carries out one operation and prints the reply to it.
func (c *clientCommand) write(ctx context.Context, t *target, op sq.Op, reply func(sq.Result) (line string, bytes int64)) error {
	results, err := t.Apply(ctx, t.name, sq.Batch{op})
	if err != nil {
		return err
	}
	r := results[0]
	line, bytes := reply(r)
	return c.say(t, op.Coordinate, line, written{Coord: op.Coordinate.String(), Bytes: bytes, Before: r.Before, After: r.After})
}
