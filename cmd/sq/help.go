package main

import "github.com/spf13/cobra"

// newHelp returns the command help. Cobra's own takes an unknown command for a
// success.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:     "help [command]",
		Short:   "explain a command",
		Long:    "Explain a command, its flags and its arguments. Without a command, list them all.",
		Example: "  sq help host",
		RunE:    help,
	}
}

func help(cmd *cobra.Command, args []string) error {
	about, rest, err := cmd.Root().Find(args)
	if err != nil {
		return err
	}
	if len(rest) > 0 && about == cmd.Root() {
		return noSuchCommand(about, rest)
	}
	if len(rest) > 0 {
		return usage("sq help lists the commands", "there is no command %q under %q", rest[0], about.CommandPath())
	}
	about.InitDefaultHelpFlag()
	return about.Help()
}
