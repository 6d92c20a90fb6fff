// Command sq is SQ: a server whose tables are plain text files, and the tools
// around it. This package introduces the other packages to each other. Each
// command has a file of its name.
//
// Replies go to standard output. Errors and logs go to standard error. The exit
// status is 0 when it went well, 1 after a failure, and 2 for wrong usage.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], process()))
}

// outside is what the program sees of the world around it. Tests give another.
type outside struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	// lookup returns a variable of the environment.
	lookup func(name string) (string, bool)
	// signals has SIGHUP, SIGINT and SIGTERM go to the channel that it returns,
	// instead of ending the program, until stop is called. A standard output that
	// nobody reads does not end the program either from then on.
	signals func() (received <-chan os.Signal, stop func())
}

// process is the outside of a program that the system started.
func process() outside {
	return outside{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, lookup: os.LookupEnv, signals: processSignals}
}

func processSignals() (<-chan os.Signal, func()) {
	// A signal that arrives while another is handled waits; there are not many.
	received := make(chan os.Signal, 8)
	signal.Ignore(syscall.SIGPIPE)
	signal.Notify(received, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	return received, func() { signal.Stop(received) }
}

// run carries out one command line and returns the exit status. It ends when
// the command is done or, for a server, when ctx is.
func run(ctx context.Context, args []string, out outside) int {
	root := newRoot(out)
	root.SetArgs(literalTexts(root, args))
	root.SetIn(out.stdin)
	root.SetOut(out.stdout)
	root.SetErr(out.stderr)
	return report(out.stderr, root.ExecuteContext(ctx))
}
