package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// askDaemonMain is the program askd of scripts: askd METHOD WHAT [TEXT] makes a
// request to the daemon of the current folder, as a program that knows no sq would,
// and prints the answer.
func askDaemonMain() {
	if err := askDaemonFor(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "askd:", err)
		os.Exit(1)
	}
}

func askDaemonFor(args []string) error {
	client := http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return net.Dial("unix", daemonSocket)
	}}}
	request, err := http.NewRequest(args[0], "http://localhost/api/v2/"+args[1], strings.NewReader(strings.Join(args[2:], " ")))
	if err != nil {
		return err
	}
	reply, err := client.Do(request)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err == nil && reply.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", reply.Status, text)
	}
	fmt.Println(string(text))
	return err
}

// scriptDaemons are the programs that a script has started, by name.
type scriptDaemons map[string]*scriptDaemon

type scriptDaemon struct {
	*exec.Cmd
	out, err *screen
	ended    chan struct{}
}

// daemonsKey finds the scriptDaemons of a script.
type daemonsKey struct{}

var serves = regexp.MustCompile(`(?m)^Serving \d+ scrolls\.$`)

// starts is a command of scripts: starts NAME PROGRAM ARGUMENT... starts a daemon and
// waits until it serves. The script's end sends it.
func starts(ts *testscript.TestScript, _ bool, args []string) {
	path, err := exec.LookPath(args[1])
	ts.Check(err)
	d := &scriptDaemon{Cmd: exec.Command(path, args[2:]...), out: newScreen(), err: newScreen(), ended: make(chan struct{})}
	d.Dir, d.Env = ts.MkAbs("."), append(os.Environ(), "PWD="+ts.MkAbs("."))
	d.Stdout, d.Stderr = d.out, d.err
	// Where the tests run under nohup, their programs do not.
	received := make(chan os.Signal, 1)
	signal.Notify(received, syscall.SIGHUP)
	ts.Check(d.Start())
	signal.Stop(received)
	go func() { defer close(d.ended); d.Wait() }()
	ts.Defer(func() { d.Process.Kill(); <-d.ended })
	ts.Value(daemonsKey{}).(scriptDaemons)[args[0]] = d
	for limit := time.After(patience); ; {
		text, changed := d.out.look()
		if serves.MatchString(text) {
			return
		}
		select {
		case <-changed:
		case <-d.ended:
			ts.Fatalf("%v ended:\n%s%s", args, d.out, d.err)
		case <-limit:
			ts.Fatalf("%v does not serve:\n%s%s", args, d.out, d.err)
		}
	}
}

// sends is a command of scripts: sends NAME SIGNAL sends a signal, by its number, to
// what starts has started.
func sends(ts *testscript.TestScript, _ bool, args []string) {
	number, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(ts.Value(daemonsKey{}).(scriptDaemons)[args[0]].Process.Signal(syscall.Signal(number)))
}

// ends is a command of scripts: ends NAME STATUS waits for the end of what starts has
// started. The status is -1 where a signal killed it. What it said stands in the
// files NAME.out and NAME.err.
func ends(ts *testscript.TestScript, _ bool, args []string) {
	d := ts.Value(daemonsKey{}).(scriptDaemons)[args[0]]
	select {
	case <-d.ended:
	case <-time.After(patience):
		ts.Fatalf("%s does not end:\n%s%s", args[0], d.out, d.err)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".out"), []byte(d.out.String()), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".err"), []byte(d.err.String()), 0o600))
	if want, got := args[1], strconv.Itoa(d.ProcessState.ExitCode()); got != want {
		ts.Fatalf("%s ended with status %s, want %s:\n%s%s", args[0], got, want, d.out, d.err)
	}
}
