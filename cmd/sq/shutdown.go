package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
)

const shutdownLong = `End the daemon of this folder, which sq share or sq basic has started.

The daemon finishes the requests under way and folds what the journal holds
into the file. The command returns when it has ended.

With --json an object, once it has ended well: pid, phext, file.

Exit status: 0 when the daemon has ended and all is in the file; 1 when there is
none, or it did not end well; 2 for wrong usage.`

func newShutdown() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "shutdown",
		Short:   "end the daemon of this folder",
		Long:    shutdownLong,
		Example: "  sq shutdown\n  sq shutdown --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := findDaemon(cmd.Context(), here)
			if err == nil && found == nil {
				err = hinted(fmt.Errorf("this folder has no daemon"), "sq share FILE starts one; it is ended from the folder in which it was started")
			}
			if err != nil {
				return err
			}
			if !asJSON {
				return found.shutdown(cmd.Context(), cmd.OutOrStdout())
			}
			if err := found.shutdown(cmd.Context(), io.Discard); err != nil {
				return err
			}
			return encoder(cmd.OutOrStdout()).Encode(ended{found.Process, found.Phext, found.File})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON for programs")
	return cmd
}

// ended is the reply of shutdown, as --json prints it.
type ended struct {
	Process int          `json:"pid"`
	Phext   sq.PhextName `json:"phext"`
	File    string       `json:"file"`
}

// shutdown ends a daemon, and returns when it has let its folder go.
func (f *daemonFound) shutdown(ctx context.Context, out io.Writer) error {
	reply, err := requestDaemon(ctx, f.Socket, http.MethodPost, shutdownPath)
	if err != nil {
		return fmt.Errorf("ask the daemon to end: %w", err)
	}
	defer reply.Body.Close()
	const unheard = "the daemon (process %d) ended without a word; nothing that was answered is lost, and the next start folds the journal"
	last := fmt.Sprintf(unheard, f.Process)
	lines := bufio.NewScanner(reply.Body)
	if lines.Scan() {
		fmt.Fprintln(out, lines.Text())
	}
	for lines.Scan() {
		last = lines.Text()
	}
	if last != shutdownDone {
		return fmt.Errorf("%s", last)
	}
	return nil
}
