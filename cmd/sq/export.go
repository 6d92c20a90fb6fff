package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/filetree"
	"github.com/wbic16/sq-go/phext"
)

const exportLong = `Make the folder again that sq slurp has read: the files that the table of contents
at COORD lists, 1.1.1/1.1.1/1.1.1 where none is given. DIR is made where there is
none. Files are what they were, byte for byte, with what was written to their scrolls
since, and those that could be run can be run.

A file that is there is not overwritten: then nothing is written, unless with
--force. A table whose paths lead out of DIR, or into .git or .sq, is refused,
and so is one that would write over the phext, or among those that a daemon or a
server has. A file whose scroll is gone is named, the others are written, and the
exit status is 1.

With --json an object: coord, dir, files, bytes, missing.`

const exportExample = `  sq export letters
  sq export --file notes.phext 2.1.1/1.1.1/1.1.1 copy --force`

func newExport(out outside) *cobra.Command {
	var force bool
	cmd := newClient(out, &clientCommand{
		Command: cobra.Command{Use: "export [COORD] DIR", Short: "write a folder that was slurped", Long: exportLong, Example: exportExample},
		least:   1, most: 2, coordinate: true,
		do: func(ctx context.Context, c *clientCommand, t *target, args []string) (err error) {
			at := phext.First
			if len(args) == 2 {
				if at, err = coordinateArgument(args[0], phext.ParseCoordinate); err != nil {
					return err
				}
			}
			return export(ctx, c, t, at, args[len(args)-1], force)
		},
	})
	cmd.Flags().BoolVar(&force, "force", false, "replace files that are there")
	return cmd
}

// exportedFolder is the reply, as --json prints it.
type exportedFolder struct {
	Coord   string   `json:"coord"`
	Dir     string   `json:"dir"`
	Files   int      `json:"files"`
	Bytes   int64    `json:"bytes"`
	Missing []string `json:"missing"` // paths
}

func export(ctx context.Context, c *clientCommand, t *target, at phext.Coordinate, dir string, force bool) error {
	ctx, done := interruptible(ctx, c.out)
	defer done()
	s, err := t.snapshot(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	table, err := tableAt(s, at)
	if err != nil {
		return err
	}
	if err := t.spares(phextsIn(dir, table)...); err != nil {
		return err
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return hinted(fmt.Errorf("%q is no folder", dir), "sq pull writes one scroll to a file")
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	told := exportedFolder{Coord: at.String(), Dir: dir, Missing: []string{}}
	bar := newProgress(c.out.stderr)
	written, err := table.Write(ctx, root, s.Scan(table.Range()), filetree.WriteOptions{
		Force:   force,
		Missing: func(f filetree.File) { told.Missing = append(told.Missing, f.Path) },
		Written: func(files int) { bar.show("exporting to %s: %d of %s", dir, files, count(len(table), "file")) },
	})
	bar.clear()
	if err != nil {
		return notExported(err)
	}
	told.Files, told.Bytes = written.Files, written.Bytes
	line := fmt.Sprintf("Exported %s, %d bytes, to %s", count(told.Files, "file"), told.Bytes, dir)
	return errors.Join(c.say(t, at, line, told), missingFiles(told.Missing))
}

// phextsIn returns the files of a table that would be phexts in a folder.
func phextsIn(dir string, table filetree.Table) (files []string) {
	for _, f := range table {
		if strings.HasSuffix(f.Path, ".phext") {
			files = append(files, filepath.Join(dir, filepath.FromSlash(f.Path)))
		}
	}
	return files
}

// tableAt reads the table of contents at a coordinate.
func tableAt(s sq.Snapshot, at phext.Coordinate) (filetree.Table, error) {
	const hint = "sq slurp writes one, and sq toc shows where scrolls are"
	text, ok, err := s.Get(nil, at)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, hinted(fmt.Errorf("there is no table of contents at %v", at), hint)
	}
	table, err := filetree.ParseTable(text)
	if err != nil {
		return nil, hinted(fmt.Errorf("the scroll at %v: %w", at, err), hint)
	}
	return table, nil
}

func notExported(err error) error {
	if sq.ErrorCode(err) == sq.Conflict {
		return hinted(err, "give another folder, or --force")
	}
	return err
}

// missingFiles names the files whose scrolls are gone.
func missingFiles(paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	return hinted(fmt.Errorf("%s of the table of contents without a scroll: %s", count(len(paths), "file"), printable(paths[0])),
		"--json lists them; the others were written")
}
