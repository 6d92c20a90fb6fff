package main

import (
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go"
)

const rootLong = `SQ keeps text that is addressed by coordinates. A table is a phext: a plain
text file, NAME.phext, that other tools read and write as well. Its parts, the
scrolls, stand at coordinates of nine numbers, such as 1.1.1/1.1.1/3.1.20.

The commands on a phext work on a file, through the daemon of a folder, or on a
server, and lose no write that they have answered. sq help where says how they
find it, sq help coordinates what a coordinate is, sq help COMMAND all about one.

Replies go to standard output, as JSON with --json. Errors and logs go to standard
error. Where a TEXT or a FILE is asked for, "-" is standard input or output.

Exit status:
  0  it went well
  1  it failed; standard error says why
  2  wrong usage: a command, flag or argument that makes no sense`

const rootExample = `  sq insert --file notes.phext 1.1.1/1.1.1/1.1.1 "Hello"
  sq select --file notes.phext 1.1.1/1.1.1/1.1.1
  sq share notes.phext &                   from now on without --file, in this folder
  sq toc
  sq host 1337 --data-dir notes            serve the folder notes to this machine
  sq host 1337 --config tenants.json       serve many tenants`

// newRoot returns the command line as a tree of commands.
func newRoot(out outside) *cobra.Command {
	root := &cobra.Command{
		Use:     "sq",
		Short:   "a database whose tables are plain text files",
		Long:    rootLong,
		Example: rootExample,
		Version: sq.Version,
		// Errors are reported in one place, by run, and without the whole help.
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate(versionLine)
	root.SetFlagErrorFunc(noSuchFlag)
	root.SetHelpCommand(newHelp())
	root.AddCommand(newHost(out), newRoute(out), newHealth(out), newTenants(out), newConfig(), newBackup(out), newRestore(out),
		newCheck(), newBench(out), newVersion())
	root.AddCommand(newShare(out), newBasic(out), newShutdown(), newMCP(out))
	root.AddCommand(clientCommands(out)...)
	root.AddCommand(newTopics()...)
	root.AddCommand(newMan())
	root.AddCommand(newMesh(out), newSync(out))
	addCompletion(root)
	group(root)
	for _, cmd := range append(root.Commands(), root) {
		if cmd.HasSubCommands() {
			cmd.Args, cmd.RunE = noSuchCommand, nothingAsked
			cmd.DisableFlagsInUseLine = true
		}
	}
	return root
}

// nothingAsked is a command that has others, without one of them. A script that
// means one and gives none is to notice.
func nothingAsked(cmd *cobra.Command, _ []string) error {
	cmd.SetOut(cmd.ErrOrStderr())
	if err := cmd.Help(); err != nil {
		return err
	}
	return usage("", "no command was given")
}

func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(meant(cmd, cmd.CommandPath()+" ", args[0], helpOn(cmd)+" lists the commands"), "there is no command %q", args[0])
}

// noSuchFlag explains what the flags of a command line have wrong.
func noSuchFlag(cmd *cobra.Command, err error) error {
	see := helpOn(cmd) + " lists the flags"
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usage(see, "%w", err)
	}
	given := "--" + unknown.GetSpecifiedName()
	if short := unknown.GetSpecifiedShortnames(); short != "" {
		given = "-" + short
	}
	if _, err := os.Lstat(given); err == nil {
		return usage("the file of that name is ./"+given, "%w", unknown)
	}
	flags := &cobra.Command{SuggestionsMinimumDistance: 2}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		flags.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
	})
	return usage(meant(flags, "--", unknown.GetSpecifiedName(), see), "%w", err)
}

// helpOn returns the command line that explains cmd.
func helpOn(cmd *cobra.Command) string {
	return strings.Replace(cmd.CommandPath(), "sq", "sq help", 1)
}

// meant asks whether the nearest of a command's commands was meant, or says
// where to look when none is near.
func meant(cmd *cobra.Command, prefix, given, otherwise string) string {
	if cmd.SuggestionsMinimumDistance == 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	near := cmd.SuggestionsFor(given)
	if len(near) == 0 {
		return otherwise
	}
	return "did you mean " + prefix + strings.Join(near, " or "+prefix) + "?"
}
