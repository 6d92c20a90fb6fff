package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/internal/tenant"
)

const checkLong = `Read phexts and their journals to the end and say what is wrong, and where.

DIR is a data directory: all its phexts are checked. FILE is one phext, with
its journal where it lies in a data directory. Without either, the current
folder is checked; with --config, the directories of all tenants. A directory
that is served is refused: stop the server first. A backup is no phext: sq restore
--verify-only checks it.

A check changes nothing. With --repair what can be mended is: bytes that are
not UTF-8 become U+FFFD, and what can be used of a damaged journal goes into
its file. A copy of everything that is changed is kept first, under .sq in the
directory, and the output names it.

Exit status: 0 when all is sound, or was repaired; 1 when something is wrong, or
could not be read; 2 for wrong usage.`

const checkExample = `  sq check                             the phexts of this folder
  sq check /srv/sq/alice/notes.phext   one phext
  sq check --config tenants.json       all tenants
  sq check --repair /srv/sq/alice      mend it, and keep copies`

// checkFlags are what the command line of check says.
type checkFlags struct {
	config string
	repair bool
	json   bool
}

func newCheck() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:     "check [DIR | FILE]...",
		Short:   "verify phexts and journals, and repair them",
		Long:    checkLong,
		Example: checkExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			targets, err := f.targets(args)
			if err != nil {
				return err
			}
			return f.check(targets, cmd.OutOrStdout(), newProgress(cmd.ErrOrStderr()))
		},
	}
	cmd.Flags().StringVar(&f.config, "config", "", "check the directories of all tenants in this `file`")
	cmd.Flags().BoolVar(&f.repair, "repair", false, "mend what can be mended, and keep copies")
	cmd.Flags().BoolVar(&f.json, "json", false, "print a JSON object a line, one for each directory or file")
	return cmd
}

// targets returns the paths to check.
func (f *checkFlags) targets(args []string) ([]string, error) {
	if f.config == "" {
		if len(args) == 0 {
			args = []string{"."}
		}
		return args, nil
	}
	if len(args) > 0 {
		return nil, usage("", "with --config the directories are those of the tenants: leave out %q", args[0])
	}
	config, err := tenant.Load(f.config)
	if err != nil {
		return nil, err
	}
	for _, t := range tenant.New(config).Tenants() {
		args = append(args, t.DataDir)
	}
	return args, nil
}

// checkedTarget is the outcome for one path, as --json prints it.
type checkedTarget struct {
	Path     string         `json:"path"`
	Phexts   int            `json:"phexts"`
	Problems int            `json:"problems"`
	Repaired int            `json:"repaired"`
	Error    string         `json:"error,omitempty"` // why it could not be checked
	Findings []disk.Finding `json:"findings"`
}

func (f *checkFlags) check(targets []string, out io.Writer, bar *progress) error {
	phexts, problems, repaired, mendable := 0, 0, 0, 0
	for i, path := range targets {
		t := f.target(path, func(done, all int) {
			bar.show("checking %s (%d of %d): %d of %d phexts", path, i+1, len(targets), done, all)
		})
		bar.clear()
		if err := f.print(out, t); err != nil {
			return err
		}
		mendable += t.Problems
		if phexts, problems, repaired = phexts+t.Phexts, problems+t.Problems, repaired+t.Repaired; t.Error != "" {
			problems++
		}
	}
	if !f.json {
		fmt.Fprintf(out, "%s checked, %s", count(phexts, "phext"), count(problems, "problem"))
		if repaired > 0 {
			fmt.Fprintf(out, ", %d repaired", repaired)
		}
		fmt.Fprintln(out)
	}
	if problems > 0 {
		hint := ""
		if mendable > 0 && !f.repair {
			hint = "sq check --repair mends what can be mended, and keeps copies"
		}
		return hinted(fmt.Errorf("%s found", count(problems, "problem")), hint)
	}
	return nil
}

func (f *checkFlags) print(out io.Writer, t checkedTarget) error {
	if f.json {
		return json.NewEncoder(out).Encode(t)
	}
	if t.Error != "" {
		fmt.Fprintf(out, "%s: %s\n", t.Path, t.Error)
	}
	for _, finding := range t.Findings {
		kind := "note"
		switch {
		case finding.Problem:
			kind = "problem"
		case finding.Repaired:
			kind = "repaired"
		}
		fmt.Fprintf(out, "%s: %s: %s %s\n", kind, t.Path, printable(finding.File), printable(finding.Text))
	}
	return nil
}

// printable returns text, quoted where it has what a terminal would obey: a file
// may have any name.
func printable(text string) string {
	if strings.ContainsFunc(text, unicode.IsControl) || !utf8.ValidString(text) {
		return strconv.Quote(text)
	}
	return text
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// target checks a directory or a file.
func (f *checkFlags) target(path string, step func(done, all int)) checkedTarget {
	t := checkedTarget{Path: path, Findings: []disk.Finding{}}
	checked, err := f.open(path, step)
	if err != nil {
		t.Error = err.Error()
		return t
	}
	t.Phexts, t.Problems, t.Repaired = checked.Phexts, checked.Problems(), checked.Repaired
	t.Findings = append(t.Findings, checked.Findings...)
	return t
}

func (f *checkFlags) open(path string, step func(done, all int)) (disk.Checked, error) {
	info, err := os.Stat(path)
	if err != nil {
		return disk.Checked{}, errors.Unwrap(err)
	}
	o := disk.CheckOptions{Repair: f.repair, Progress: step}
	if info.IsDir() {
		return disk.Check(path, o)
	}
	folder, file := filepath.Split(filepath.Clean(path))
	stem, isPhext := strings.CutSuffix(file, ".phext")
	o.Only, err = sq.ParsePhextName(stem)
	if isPhext && err == nil {
		return disk.Check(filepath.Clean(folder), o)
	}
	if f.repair {
		return disk.Checked{}, fmt.Errorf("only a file NAME.phext can be repaired")
	}
	if kind, err := archiveKind(path); kind != "" || err != nil {
		return disk.Checked{}, cmp.Or(err, fmt.Errorf("is %s, and no phext; sq restore --verify-only checks a backup", kind))
	}
	checked, err := disk.CheckFile(path)
	if err == nil {
		checked.Findings = append(checked.Findings, disk.Finding{File: file, Text: "is read as a phext; a server serves only files that are named NAME.phext"})
	}
	return checked, err
}

// archiveKind tells what a file begins as that has text in it and is none; "" where
// it may be a phext.
func archiveKind(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head := make([]byte, 512)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return "", err
	}
	for _, kind := range []struct {
		name, magic string
		at          int
	}{{"a tar", "ustar", 257}, {"compressed with gzip", "\x1f\x8b", 0}, {"compressed with zstd", "\x28\xb5\x2f\xfd", 0}} {
		if end := kind.at + len(kind.magic); end <= n && string(head[kind.at:end]) == kind.magic {
			return kind.name, nil
		}
	}
	return "", nil
}
