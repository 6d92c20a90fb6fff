// Command bench measures how fast SQ is and what it needs, beside what the
// machine could do at the most and beside others. It is for those who work on SQ
// and is no part of the program.
//
// It builds sq, makes phexts, starts servers as processes of their own, and puts
// load on them in turn, in rounds. A machine is never twice the same, so what
// counts is the ratio of two that were measured in the same round, and of all
// rounds the median. The table goes to standard output, and, when it is whole, to
// doc/performance.md, which says what the rows are.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

// bareCommand is the argument that makes this program the server that SQ is
// compared with.
const bareCommand = "bare"

func main() {
	if len(os.Args) == 2 && os.Args[1] == bareCommand {
		exit(serveBare(os.Stdin, os.Stdout))
	}
	o, err := parse(os.Args[1:])
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		err = run(ctx, o)
	}
	exit(err)
}

func exit(err error) {
	if err != nil && err != flag.ErrHelp {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// options are what the command line says.
type options struct {
	only    *regexp.Regexp
	rounds  int
	seconds time.Duration // of one contender in one round
	scale   float64       // of the data; 1 is what the rows say
	dir     string
	program string // sq; empty: it is built
	list    bool
}

// leastRounds is how many rounds figures that are kept must have.
const leastRounds = 7

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "", "the rows to measure, a regular expression of their names")
	seconds := flags.Float64("seconds", 3, "how long one contender is measured in one round")
	flags.IntVar(&o.rounds, "rounds", leastRounds, "how many rounds there are")
	flags.Float64Var(&o.scale, "scale", 1, "the size of the data: less than 1 is for trying it out")
	flags.StringVar(&o.dir, "dir", "bin/bench", "the folder for data and logs, on the disk that is to be measured; its folder data is emptied")
	flags.StringVar(&o.program, "sq", "", "the sq to measure (default: it is built)")
	flags.BoolVar(&o.list, "list", false, "list the rows")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.rounds < 1 || *seconds <= 0 || o.scale <= 0 || o.scale > 1 {
		return o, fmt.Errorf("want -rounds from 1 on, -seconds above 0, -scale above 0 and up to 1, and nothing else")
	}
	o.seconds = time.Duration(*seconds * float64(time.Second))
	var err error
	o.only, err = regexp.Compile(*only)
	return o, err
}

// whole tells whether the figures are to be kept.
func (o *options) whole() bool {
	return o.rounds >= leastRounds && o.scale == 1 && o.only.String() == "" && o.program == ""
}

func run(ctx context.Context, o options) error {
	if o.list {
		for _, s := range suites {
			for _, r := range s.rows {
				fmt.Printf("%-20s %s\n", r.name, r.work)
			}
		}
		return nil
	}
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	t := &table{machine: describe(b)}
	fmt.Fprintf(os.Stderr, "%s\n", t.machine)
	for _, s := range suites {
		if err := b.measure(s, t); err != nil {
			return err
		}
	}
	if len(t.lines) == 0 {
		return fmt.Errorf("no row is named %q; -list lists them", o.only)
	}
	fmt.Printf("\n%s", t)
	if !o.whole() {
		fmt.Fprintf(os.Stderr, "\nnot kept: %s is for whole runs of %d rounds and more\n", page, leastRounds)
		return nil
	}
	return t.keep(page)
}
