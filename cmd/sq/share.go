package main

import "github.com/spf13/cobra"

const shareLong = `Serve a phext to the programs of this folder.

FILE is NAME.phext, in this folder or another. While the command runs, the other
commands reach the phext from this folder, without a port and without a token:
through the socket .sq/daemon.sock, which only its user may open. What one of
them writes the others see at once, and it is in the file when the daemon has
ended. The other phexts beside FILE are served too, under their names. A FILE
that is not there yet is made by the first write.

The command stays in the foreground. The shell puts it in the background with
a & behind it; nohup sq share FILE & goes on when the terminal is closed, and a
unit of systemd, with Type=notify, starts it at login. sq shutdown ends it, and
so do SIGTERM, SIGINT and SIGHUP: it finishes the requests under way and folds
what the journal holds into the file. A second signal ends it at once, and the
next start folds. One that was killed leaves nothing that is in the way of the
next. It ends by itself, with all in the file, when somebody removes .sq.

A folder has one daemon at most. Nobody else, such as sq host, can serve the
folder of FILE meanwhile.

Exit status: 0 after a shutdown or a signal, 1 when it could not start or
failed, 2 for wrong usage.`

const shareExample = `  sq share notes.phext                 in the foreground
  sq share notes.phext &               in the background
  sq share /srv/notes.phext            a file elsewhere, for the commands of this folder`

func newShare(out outside) *cobra.Command {
	var level string
	cmd := &cobra.Command{
		Use:     "share FILE",
		Short:   "serve a phext to the programs of this folder",
		Long:    shareLong,
		Example: shareExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("sq share notes.phext", "one file is wanted, and %d arguments were given", len(args))
			}
			d, err := newDaemon(args[0])
			if err != nil {
				return err
			}
			return d.start(cmd.Context(), level, out)
		},
	}
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"phext"}, cobra.ShellCompDirectiveFilterFileExt
	}
	registerDaemonLog(cmd.Flags(), &level)
	return cmd
}
