package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// The exit statuses.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// failure is an error for a person at a terminal: with a hint what to do, and
// an exit status. Any other error is a failure without a hint.
type failure struct {
	err  error
	hint string // what to do next; may be empty
	exit int
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usage returns the failure of a command line that makes no sense.
func usage(hint, format string, args ...any) error {
	return &failure{err: fmt.Errorf(format, args...), hint: hint, exit: exitUsage}
}

// hinted returns err with a hint, or nil for nil.
func hinted(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &failure{err: err, hint: hint, exit: exitFailure}
}

// report tells a person about err, and returns the exit status.
func report(w io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(w, "sq: "+strings.ReplaceAll(err.Error(), "\n", "\nsq: "))
	var f *failure
	if !errors.As(err, &f) {
		return exitFailure
	}
	if f.hint != "" {
		fmt.Fprintf(w, "sq: hint: %s\n", f.hint)
	}
	return f.exit
}
