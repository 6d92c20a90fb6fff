package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/load"
)

const benchLong = `Measure how many reads and writes a server answers, and how long each takes.

A phext of its own is filled with scrolls; then so many clients read and write
them at random, each its next one when it has the reply to the one before; at
the end the scrolls are deleted, also after an interrupt. The file stays, and is
empty. Every reply is held to what must stand there. A write is answered when it
is on the disk, so this measures the server's disk too, and the load shares the
machine with the server where both are on one.

A phext that has scrolls is refused, unless --phext names it and --force is
given: then scrolls from 1.1.1/1.1.1/1.1.1 on are overwritten, and deleted.

Environment: SQ_SERVER and SQ_TOKEN stand in for --server and --token, which
other users of the machine see with ps.

Exit status: 0 when all requests were answered well, 1 when some were not or it
could not be measured, 2 for wrong usage.`

const benchExample = `  sq bench --server http://localhost:1337               16 clients, half of the requests writes
  SQ_TOKEN=$(cat token) sq bench --server https://sq.example --clients 64 --reads 90
  sq bench --server http://localhost:1337 --reads 0 --size 100 --seconds 60 --json`

// benchFlags are what the command line of bench says.
type benchFlags struct {
	server, token  string
	clients        int
	seconds        float64
	reads          int // percent
	size, scrolls  int
	phext          string
	force          bool
	newConnections bool
	json           bool
}

func newBench(out outside) *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:     "bench",
		Short:   "measure the speed of a server",
		Long:    benchLong,
		Example: benchExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := f.complete(cmd.Flags(), args, out.lookup)
			if err != nil {
				return err
			}
			b.bar = newProgress(out.stderr)
			result, err := b.measure(cmd.Context(), out)
			if result != nil {
				err = errors.Join(b.print(out.stdout, result), err)
			}
			return err
		},
	}
	f.register(cmd.Flags())
	return cmd
}

func (f *benchFlags) register(flags *pflag.FlagSet) {
	flags.SortFlags = false
	flags.StringVar(&f.server, "server", "", "the `URL` of the server")
	flags.StringVar(&f.token, "token", "", "the `token` of a tenant; others see it with ps, so prefer SQ_TOKEN")
	flags.IntVar(&f.clients, "clients", 16, "how many clients work at once, up to 10000")
	flags.Float64Var(&f.seconds, "seconds", 10, "how long, in `seconds`")
	flags.IntVar(&f.reads, "reads", 50, "how many `percent` of the requests are reads")
	flags.IntVar(&f.size, "size", 1024, "the size of a scroll, in `bytes`, at least 16")
	flags.IntVar(&f.scrolls, "scrolls", 10_000, "how many scrolls there are")
	flags.StringVar(&f.phext, "phext", "", "the `name` of the phext (default one of its own)")
	flags.BoolVar(&f.force, "force", false, "overwrite scrolls of a phext that is there")
	flags.BoolVar(&f.newConnections, "new-connections", false, "have each request make a connection of its own")
	flags.BoolVar(&f.json, "json", false, "print a JSON object")
}

// complete checks what was given and returns the measurement that it asks for.
func (f *benchFlags) complete(flags *pflag.FlagSet, args []string, lookup func(string) (string, bool)) (*benchmark, error) {
	if len(args) > 0 {
		return nil, usage("sq help bench has examples", "no argument is wanted, and %q was given", args[0])
	}
	for name, value := range map[string]*string{"server": &f.server, "token": &f.token} {
		if text, ok := lookup("SQ_" + strings.ToUpper(name)); ok && !flags.Changed(name) {
			*value = text
		}
	}
	if err := f.checkNumbers(); err != nil {
		return nil, err
	}
	name, err := f.name()
	if err != nil {
		return nil, err
	}
	if f.server == "" {
		return nil, usage("sq bench --server http://localhost:1337, or set SQ_SERVER", "the server is missing")
	}
	server, err := load.ParseServer(f.server)
	if err != nil {
		return nil, usage("", "%w", err)
	}
	return &benchmark{benchFlags: f, name: name, server: server, work: &load.Work{
		Server: server, Tables: []load.Table{{Token: f.token, Phext: string(name)}}, Scrolls: f.scrolls, Texts: load.NewTexts(f.size),
		Reads: float64(f.reads) / 100, Writes: load.Update, Fresh: f.newConnections,
	}}, nil
}

func (f *benchFlags) checkNumbers() error {
	for _, n := range []struct {
		flag               string
		value, least, most int
	}{
		{"clients", f.clients, 1, 10_000},
		{"reads", f.reads, 0, 100},
		{"size", f.size, load.LeastSize, 64 << 20},
		{"scrolls", f.scrolls, 1, load.MostScrolls},
	} {
		if n.value < n.least || n.value > n.most {
			return usage("", "--%s is %d; %d to %d is wanted", n.flag, n.value, n.least, n.most)
		}
	}
	const most = 1_000_000
	if !(f.seconds > 0 && f.seconds <= most) {
		return usage("", "--seconds is %v; more than 0, and %d at the most, is wanted", f.seconds, most)
	}
	if strings.ContainsAny(f.token, "\r\n") {
		return usage("was it read from a file with more than one line?", "the token has a line break")
	}
	return nil
}

// name returns the name of the phext: the one that was given, or a new one.
func (f *benchFlags) name() (sq.PhextName, error) {
	switch {
	case f.phext != "":
		name, err := sq.ParsePhextName(f.phext)
		if err != nil {
			err = usage("", "--phext: %w", err)
		}
		return name, err
	case f.force:
		return "", usage("", "--force is for a phext that --phext names")
	}
	return sq.PhextName("bench-" + strings.ToLower(rand.Text()[:8])), nil
}

// benchmark is one measurement.
type benchmark struct {
	*benchFlags
	name   sq.PhextName
	server *load.Server
	work   *load.Work
	bar    *progress
}

// measure fills the phext, has the clients work, and deletes the scrolls. A result
// comes with an error too, when some of it failed or was interrupted.
func (b *benchmark) measure(ctx context.Context, out outside) (*load.Result, error) {
	ctx, hurry, stop := benchSignals(ctx, out)
	defer stop()
	if err := b.vacant(ctx); err != nil {
		return nil, err
	}
	result, err := b.underLoad(ctx)
	var refused *load.StatusError
	if result == nil && errors.As(err, &refused) && refused.Status == 403 {
		return nil, err // nothing was written
	}
	return result, errors.Join(err, b.clear(hurry))
}

// errInterrupted is the cause of the end after a signal.
var errInterrupted = errors.New("interrupted")

// benchSignals returns a context that the first signal ends, and one that the
// second ends.
func benchSignals(ctx context.Context, out outside) (first, second context.Context, stop func()) {
	received, unregister := out.signals()
	second, endSecond := context.WithCancelCause(context.WithoutCancel(ctx))
	first, endFirst := context.WithCancelCause(ctx)
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for _, end := range []context.CancelCauseFunc{endFirst, endSecond} {
			select {
			case <-received:
				end(errInterrupted)
			case <-done:
				return
			}
		}
	}()
	return first, second, func() {
		close(done)
		<-ended
		unregister()
		endFirst(nil)
		endSecond(nil)
	}
}

// vacant returns an error when there are scrolls that may not be overwritten.
func (b *benchmark) vacant(ctx context.Context) error {
	text, err := load.Call(ctx, b.server, b.token, "GET", "status?p="+url.QueryEscape(string(b.name)))
	if err != nil {
		return b.explain(err)
	}
	_, number, _ := strings.Cut(text, "\nScrolls: ")
	scrolls, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil {
		return hinted(fmt.Errorf("%s answers what no SQ answers: %.60q", b.benchFlags.server, text), "is the URL right?")
	}
	if scrolls > 0 && !b.force {
		return hinted(fmt.Errorf("the phext %q has %s", b.name, count(scrolls, "scroll")), "--force overwrites and deletes them; without --phext there is one of its own")
	}
	return nil
}

// explain adds to an error what to do about it.
func (b *benchmark) explain(err error) error {
	if errors.Is(err, errInterrupted) {
		return err
	}
	var status *load.StatusError
	err = fmt.Errorf("%s: %w", b.benchFlags.server, err)
	switch {
	case !errors.As(err, &status):
		return hinted(err, "does a server run there? sq host 1337 starts one")
	case status.Status == 401:
		return hinted(err, "give the token of a tenant in SQ_TOKEN")
	case status.Status == 403:
		return hinted(err, "a token is needed that may write")
	}
	return err
}

// underLoad fills the phext and has the clients work.
func (b *benchmark) underLoad(ctx context.Context) (*load.Result, error) {
	defer b.bar.clear()
	err := b.work.Fill(ctx, b.clients, func(done int64) {
		b.bar.show("writing scrolls: %d of %d", done, b.scrolls)
	})
	if err != nil {
		return nil, b.explain(err)
	}
	workers := b.work.Workers(b.clients, uint64(time.Now().UnixNano()))
	defer func() {
		for _, w := range workers {
			w.Close()
		}
	}()
	result := load.Run(ctx, load.Options{
		For: time.Duration(b.seconds * float64(time.Second)),
		Progress: func(done int64, elapsed time.Duration) {
			b.bar.show("%.0f of %v s: %.0f requests a second", elapsed.Seconds(), b.seconds, float64(done)/elapsed.Seconds())
		},
	}, workers)
	if ctx.Err() != nil {
		return result, context.Cause(ctx)
	}
	if n := result.Failed(); n > 0 {
		return result, fmt.Errorf("%s failed, such as: %w", count(int(n), "request"), result.First)
	}
	return result, nil
}

// clear deletes the scrolls.
func (b *benchmark) clear(ctx context.Context) error {
	defer b.bar.clear()
	err := b.work.Clear(ctx, b.clients, func(done int64) {
		b.bar.show("deleting scrolls: %d of %d", done, b.scrolls)
	})
	if err != nil {
		return fmt.Errorf("scrolls of %q are left: %w", b.name, err)
	}
	return nil
}
