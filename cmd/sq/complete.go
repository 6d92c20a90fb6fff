package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// What a shell completes comes soon, or not at all, and is not too much to read.
const (
	completionPatience = time.Second
	mostCompletions    = 100
)

// completeFlags has shells complete the flags that say where the phext is, and a
// coordinate as the first argument, where there is one.
func (c *clientCommand) completeFlags() {
	// An error says that there is no such flag, or that it was done already.
	_ = c.MarkFlagFilename("file", "phext")
	_ = c.RegisterFlagCompletionFunc("phext", c.completeNames)
	for _, name := range []string{"server", "token"} {
		_ = c.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	c.ValidArgsFunction = func(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		switch {
		case c.coordinate && len(args) == 0:
			return c.completeCoordinates(begun)
		case len(args) < c.most && !strings.HasSuffix(c.Use, " TEXT"):
			return nil, cobra.ShellCompDirectiveDefault // a file
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// completing calls do with what the flags name. What fails completes nothing.
func (c *clientCommand) completing(needsName bool, do func(context.Context, *target) []string) []string {
	ctx, cancel := context.WithTimeout(context.Background(), completionPatience)
	defer cancel()
	if c.settle(c.Flags(), c.out.lookup) != nil {
		return nil
	}
	t, err := c.targetFlags.open(ctx, c.out, needsName)
	if err != nil {
		return nil
	}
	defer t.Close()
	return do(ctx, t)
}

func (c *clientCommand) completeNames(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	names := c.completing(false, func(ctx context.Context, t *target) (found []string) {
		names, _ := t.List(ctx)
		for _, name := range names {
			if strings.HasPrefix(string(name), begun) && len(found) < mostCompletions {
				found = append(found, string(name))
			}
		}
		return found
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeCoordinates completes a coordinate with those of the scrolls that there
// are, each with the beginning of its text.
func (c *clientCommand) completeCoordinates(begun string) ([]string, cobra.ShellCompDirective) {
	found := c.completing(true, func(ctx context.Context, t *target) []string {
		s, err := t.snapshot(ctx)
		if err != nil {
			return nil
		}
		defer s.Close()
		return coordinatesFrom(s, begun)
	})
	return found, cobra.ShellCompDirectiveNoFileComp
}

func coordinatesFrom(s sq.Snapshot, begun string) (found []string) {
	from, to := underPrefix(begun)
	for scroll, err := range s.Scan(from, to) {
		if err != nil || len(found) == mostCompletions {
			break
		}
		if at := scroll.Coordinate.String(); strings.HasPrefix(at, begun) {
			found = append(found, at+"\t"+printable(phext.Summary(scroll.Text)))
		}
	}
	return found
}

// underPrefix returns between which coordinates those are that begin with a text:
// its numbers that are ended by a separator are theirs too.
func underPrefix(begun string) (from, to phext.Coordinate) {
	pattern := strings.Split("*.*.*/*.*.*/*.*.*", "*")
	rest, text := begun, ""
	for i := range phext.Dimensions {
		number := "*"
		if end := strings.IndexAny(rest, "./;"); end >= 0 {
			number, rest = rest[:end], rest[end+1:]
		} else {
			rest = ""
		}
		text += pattern[i] + number
	}
	p, err := phext.ParsePattern(text)
	if err != nil {
		return phext.Coordinate{}, phext.Last
	}
	return p.Range()
}
