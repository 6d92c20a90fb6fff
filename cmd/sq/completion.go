package main

import "github.com/spf13/cobra"

const completionLong = `Print a script that has a shell complete sq: commands, flags, files, the names of
the phexts that there are, and the coordinates of the scrolls in one. What a slow
server would have to be asked for is left out after a second.`

const completionExample = `  source <(sq completion bash)
  sq completion fish | source`

// shells are those that there is a script for: what else it needs, and how it is
// put to use, now and for good.
var shells = map[string]struct{ needs, example string }{
	"bash": {"It needs the package bash-completion.", `  source <(sq completion bash)                      in this shell
  sq completion bash >/etc/bash_completion.d/sq     in all that come, as the administrator`},
	"zsh": {"Completion has to be on: autoload -U compinit; compinit.", `  source <(sq completion zsh)                       in this shell
  sq completion zsh >"${fpath[1]}/_sq"              in all that come`},
	"fish": {"", `  sq completion fish | source                       in this shell
  sq completion fish >~/.config/fish/completions/sq.fish`},
	"powershell": {"Lines in the profile are for all shells that come.", `  sq completion powershell | Out-String | Invoke-Expression
  sq completion powershell >>$PROFILE`},
}

// addCompletion adds the command that cobra makes, in our words.
func addCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		if cmd.Name() != "completion" {
			continue
		}
		cmd.Short, cmd.Long, cmd.Example = "print a script that has a shell complete sq", completionLong, completionExample
		for _, sub := range cmd.Commands() {
			shell := shells[sub.Name()]
			sub.Short = "print the script for " + sub.Name()
			sub.Long = "Print the script that has " + sub.Name() + " complete sq. " + shell.needs
			sub.Example = shell.example
			if f := sub.Flags().Lookup("no-descriptions"); f != nil {
				f.Usage = "complete without saying what each one is"
			}
		}
	}
}
