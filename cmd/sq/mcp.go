package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go/internal/mcp"
)

const mcpLong = `Serve phexts to an agent, a program that talks to a language model, by the Model
Context Protocol on standard input and output. The client of the agent starts this
command; most are told of it in a file of JSON:

  {"mcpServers": {"sq": {"command": "sq", "args": ["mcp", "--file", "/srv/notes.phext"]}}}

The tools: sq_read, sq_write, sq_append, sq_delete, sq_list, sq_navigate, sq_info and
sq_search. --read-only leaves out those that write. A tool may name another phext:
any of the server, or of the folder of the file. Where none is named it takes that of
--phext, or of the file.

A write says on request which text it expects (if_match), so that two agents do not
overwrite each other. What is answered is on the disk.

The phext is looked for anew at each call, and let go after it: nobody is kept from
the file in between, and a daemon may come or go.

A server has the same tools at POST /mcp, for the token of a tenant.

Standard output has the protocol alone, standard error the log. The command ends when
its input does, and at SIGTERM, SIGINT and SIGHUP; calls under way are finished first.

` + targetHelp + `

Exit status: 0 after the end of the input or a signal, 1 when it failed, 2 for wrong
usage.`

const mcpExample = `  sq mcp --file notes.phext                a file
  sq mcp --file notes.phext --read-only    for an agent that is to change nothing
  sq mcp                                   through the daemon of this folder
  SQ_TOKEN=$(cat key) sq mcp --server https://sq.example.org --phext notes`

// mcpCommand is sq mcp as its flags say.
type mcpCommand struct {
	targetFlags
	out      outside
	readOnly bool
}

func newMCP(out outside) *cobra.Command {
	m := mcpCommand{out: out}
	cmd := &cobra.Command{
		Use:     "mcp",
		Short:   "serve phexts to an agent (Model Context Protocol)",
		Long:    mcpLong,
		Example: mcpExample,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := m.settle(cmd.Flags(), out.lookup); err != nil {
				return err
			}
			return m.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	m.register(flags)
	flags.BoolVar(&m.readOnly, "read-only", false, "leave out the tools that write")
	_ = cmd.MarkFlagFilename("file", "phext") // there is such a flag
	return cmd
}

// run serves until the input ends or a signal comes.
func (m *mcpCommand) run(ctx context.Context) error {
	received, stop := m.out.signals()
	defer stop()
	log := newLogger(m.out.stderr, "text", "warn")
	first, err := m.targetFlags.open(ctx, m.out, false)
	if err != nil {
		return err
	}
	if err := first.Close(); err != nil {
		return err
	}
	server := mcp.New(mcp.Options{
		Store: &eachCall{flags: m.targetFlags, out: m.out, home: first.home, log: log},
		Phext: first.name, ReadOnly: m.readOnly, Logger: log,
	})
	return serveAgent(ctx, server, m.out.stdin, m.out.stdout, received)
}

func serveAgent(ctx context.Context, server *mcp.Server, in io.Reader, out io.Writer, received <-chan os.Signal) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, in, out) }()
	select {
	case err := <-ended:
		return hinted(err, "a message is a line of JSON, of the Model Context Protocol; sq help mcp tells how a client is told of this command")
	case <-received:
		end()
	}
	return windUp(received, "what was answered is on the disk", func(context.Context) error { return <-ended })
}
