package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// literalTexts returns a command line in which what stands in the place of a text
// is one, even if it begins with a dash: sq insert COORD "-- text". Flags of the
// command may stand before and behind it as ever; "--" ends them.
func literalTexts(root *cobra.Command, args []string) []string {
	if len(args) == 0 {
		return args
	}
	cmd, _, err := root.Find(args[:1])
	if err != nil || cmd == root || !strings.HasSuffix(cmd.Use, " TEXT") {
		return args
	}
	cmd.InitDefaultHelpFlag()
	var flags, rest []string
	for i := 1; i < len(args); i++ {
		arg := args[i]
		f, hasValue := flagIn(cmd.Flags(), arg)
		switch {
		case arg == "--":
			rest = append(rest, args[i+1:]...)
			i = len(args)
		case f == nil && (len(rest) > 0 || !strings.HasPrefix(arg, "-") || arg == "-"):
			rest = append(rest, arg)
		case f != nil && f.NoOptDefVal == "" && !hasValue && i+1 < len(args):
			flags = append(flags, arg, args[i+1])
			i++
		default: // a flag, or one that there is not, which is told then
			flags = append(flags, arg)
		}
	}
	return slices.Concat(args[:1], flags, []string{"--"}, rest)
}

// flagIn returns the flag that an argument is, nil when it is none of those there
// are, and whether its value stands in the same argument.
func flagIn(flags *pflag.FlagSet, arg string) (f *pflag.Flag, hasValue bool) {
	if arg == "-h" {
		return flags.Lookup("help"), false
	}
	name, ok := strings.CutPrefix(arg, "--")
	if !ok {
		return nil, false
	}
	name, _, hasValue = strings.Cut(name, "=")
	return flags.Lookup(name), hasValue
}
