package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go"
)

const manLong = `Write the manual pages of all commands into a folder, which is made where there is
none: sq.1, sq-select.1 and so on. They say what the help says. Pages of that name
are replaced.`

const manExample = `  sq man /usr/local/share/man/man1
  sq man man && man -l man/sq-slurp.1`

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "write the manual pages",
		Long:    manLong,
		Example: manExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("sq man /usr/local/share/man/man1", "one folder is wanted, and %d arguments were given", len(args))
			}
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return err
			}
			n, err := writeManuals(args[0], cmd.Root())
			if err == nil {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "Wrote %s to %s\n", count(n, "page"), args[0])
			}
			return err
		},
	}
}

// writeManuals writes the pages of a command and of those below it.
func writeManuals(dir string, cmd *cobra.Command) (n int, err error) {
	if cmd.Hidden {
		return 0, nil
	}
	page := manualName(cmd) + ".1"
	info, err := os.Stat(filepath.Join(dir, page))
	if err != nil {
		info = nil
	}
	_, err = replaceFile(filepath.Join(dir, page), info, func(w *bufio.Writer) error {
		manual{w}.page(cmd)
		return nil // w keeps its error
	})
	if err != nil {
		return 0, err
	}
	n = 1
	for _, sub := range cmd.Commands() {
		m, err := writeManuals(dir, sub)
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

func manualName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manual writes a page in the language of man(7).
type manual struct{ w *bufio.Writer }

func (m manual) page(cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag()
	name := manualName(cmd)
	fmt.Fprintf(m.w, ".TH %s 1 \"\" \"SQ %s\" \"SQ\"\n", roffQuote(strings.ToUpper(name)), sq.Version)
	m.section("NAME")
	fmt.Fprintf(m.w, "%s \\- %s\n", roff(name), roff(cmd.Short))
	if cmd.Runnable() {
		m.section("SYNOPSIS")
		m.verbatim(cmd.UseLine())
	}
	m.section("DESCRIPTION")
	m.text(cmd.Long)
	m.flags(cmd.Flags())
	if cmd.Example != "" {
		m.section("EXAMPLES")
		m.verbatim(cmd.Example)
	}
	m.seeAlso(cmd)
}

func (m manual) section(title string) { fmt.Fprintf(m.w, ".SH %s\n", title) }

// text writes paragraphs. Lines that are indented, such as tables, stay as they are.
func (m manual) text(text string) {
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		m.w.WriteString(".PP\n")
		var plain []string
		lines := strings.Split(paragraph, "\n")
		for i := 0; i < len(lines); i++ {
			if !strings.HasPrefix(lines[i], "  ") {
				plain = append(plain, roff(lines[i]))
				continue
			}
			m.lines(plain)
			plain = nil
			from := i
			for i+1 < len(lines) && strings.HasPrefix(lines[i+1], "  ") {
				i++
			}
			m.verbatim(strings.Join(lines[from:i+1], "\n"))
		}
		m.lines(plain)
	}
}

func (m manual) lines(lines []string) {
	for _, line := range lines {
		m.w.WriteString(line + "\n")
	}
}

// verbatim writes lines that are not to be filled.
func (m manual) verbatim(text string) {
	m.w.WriteString(".nf\n")
	for line := range strings.SplitSeq(text, "\n") {
		m.w.WriteString(roff(line) + "\n")
	}
	m.w.WriteString(".fi\n")
}

func (m manual) flags(flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	m.section("OPTIONS")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, text := pflag.UnquoteUsage(f)
		m.w.WriteString(".TP\n\\fB" + roff("--"+f.Name) + "\\fP")
		if value != "" {
			m.w.WriteString(" \\fI" + roff(value) + "\\fP")
		}
		m.w.WriteString("\n" + roff(text) + "\n")
	})
}

func (m manual) seeAlso(cmd *cobra.Command) {
	var others []string
	if cmd.HasParent() {
		others = append(others, manualName(cmd.Parent()))
	}
	for _, sub := range cmd.Commands() {
		if !sub.Hidden {
			others = append(others, manualName(sub))
		}
	}
	if len(others) == 0 {
		return
	}
	m.section("SEE ALSO")
	for i, name := range others {
		end := ",\n"
		if i == len(others)-1 {
			end = "\n"
		}
		m.w.WriteString("\\fB" + roff(name) + "\\fP(1)" + end)
	}
}

// roff returns a line of text in which nothing is taken for a command of roff.
func roff(line string) string {
	line = strings.NewReplacer(`\`, `\e`, "-", `\-`, "`", `\(ga`, "'", `\(aq`, "^", `\(ha`, "~", `\(ti`).Replace(line)
	if strings.HasPrefix(line, ".") {
		line = `\&` + line
	}
	var out strings.Builder
	for _, r := range line {
		if r < utf8.RuneSelf {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, `\[u%04X]`, r)
		}
	}
	return out.String()
}

func roffQuote(text string) string { return `"` + strings.ReplaceAll(text, `"`, "") + `"` }
