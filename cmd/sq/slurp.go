package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/filetree"
	"github.com/wbic16/sq-go/phext"
)

const slurpLong = `Read the text files of a folder, and of those below it, into scrolls. The scroll at
COORD becomes their table of contents, with a line COORD PATH for each; the files
follow in the scrolls behind it, after scroll 999 in the next section. sq export
makes the folder again.

Text is UTF-8 without the delimiters of phext. Other files are skipped, each with
a line on standard error that says why, and so are hidden ones, whose names begin
with a dot, symbolic links, and files of more than 32 MiB. With --hidden those are taken
too, but never .git and .sq. Empty files are in the table alone.

Slurping the same folder again replaces what the last time has made there, and
removes the scrolls of files that are gone. Scrolls that are no part of it are not
overwritten: then nothing is written, unless with --force.

Files are written many at a time. After an interrupt the table has files that are
not there yet: do it again.

With --json an object: coord, dir, files, bytes, skipped (path, reason).`

const slurpExample = `  sq slurp 1.1.1/1.1.1/1.1.1 letters
  sq slurp --file notes.phext 2.1.1/1.1.1/1.1.1 ~/notes --hidden`

// mostFile is how many bytes a file may have that is slurped.
const mostFile = 32 << 20

// slurpFlags are what only slurp is told.
type slurpFlags struct{ hidden, force bool }

func newSlurp(out outside) *cobra.Command {
	var f slurpFlags
	cmd := newClient(out, &clientCommand{
		Command: cobra.Command{Use: "slurp COORD DIR", Short: "read a folder of text files", Long: slurpLong, Example: slurpExample},
		least:   2, most: 2, coordinate: true,
		do: func(ctx context.Context, c *clientCommand, t *target, args []string) error {
			at, err := coordinateArgument(args[0], phext.ParseCoordinate)
			if err != nil {
				return err
			}
			return f.slurp(ctx, c, t, at, args[1])
		},
	})
	cmd.Flags().BoolVar(&f.hidden, "hidden", false, "take hidden files too, but not .git and .sq")
	cmd.Flags().BoolVar(&f.force, "force", false, "overwrite scrolls that are no part of an earlier slurp")
	return cmd
}

// slurped is the reply, as --json prints it.
type slurped struct {
	Coord   string    `json:"coord"`
	Dir     string    `json:"dir"`
	Files   int       `json:"files"`
	Bytes   int64     `json:"bytes"`
	Skipped []skipped `json:"skipped"`
}

// skipped is a file that was left out.
type skipped struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

func (f *slurpFlags) slurp(ctx context.Context, c *clientCommand, t *target, at phext.Coordinate, dir string) error {
	root, err := openFolder(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	ctx, done := interruptible(ctx, c.out)
	defer done()
	s := &slurp{
		slurpFlags: *f, c: c, t: t, at: at, root: root, bar: newProgress(c.out.stderr),
		told: slurped{Coord: at.String(), Dir: dir, Skipped: []skipped{}}, old: map[phext.Coordinate]bool{},
	}
	err = s.work(ctx)
	s.bar.clear()
	if err != nil {
		return err
	}
	line := fmt.Sprintf("Slurped %s, %d bytes, from %s", count(s.told.Files, "file"), s.told.Bytes, dir)
	if n := len(s.told.Skipped); n > 0 {
		line += fmt.Sprintf("; %d skipped", n)
	}
	return c.say(t, at, line, s.told)
}

// openFolder opens a folder of the command line.
func openFolder(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no folder %q", dir)
	}
	return root, err
}

// slurp is a folder on its way into a phext.
type slurp struct {
	slurpFlags
	c     *clientCommand
	t     *target
	at    phext.Coordinate // of the table
	root  *os.Root
	bar   *progress
	told  slurped
	table filetree.Table
	old   map[phext.Coordinate]bool // where the files of an earlier slurp are
	batch batcher
}

// work finds the files, looks whether there is room for them, and writes first the
// table and then the files: who is interrupted finds them all in the table, and may do
// it again.
func (s *slurp) work(ctx context.Context) (err error) {
	if s.table, err = filetree.Walk(ctx, s.root, s.options()); err != nil {
		return err
	}
	if len(s.table) == 0 {
		return hinted(fmt.Errorf("there are no text files in %q, and nothing was written", s.told.Dir), "--hidden takes those whose names begin with a dot")
	}
	if err := s.place(); err != nil {
		return err
	}
	if err := s.t.toWrite(ctx, s.look); err != nil {
		return err
	}
	s.batch = batcher{t: s.t}
	if err := s.putTable(ctx); err != nil {
		return err
	}
	return s.putFiles(ctx)
}

func (s *slurp) options() filetree.Options {
	return filetree.Options{
		Hidden: s.hidden, MostBytes: mostFile, Except: s.itself, Skipped: s.skip,
		Found: func(files int) { s.bar.show("slurping %s: found %s", s.told.Dir, count(files, "file")) },
	}
}

// itself leaves out the phext that is written to.
func (s *slurp) itself(info fs.FileInfo) (why string) {
	if s.t.file == "" {
		return ""
	}
	if own, err := os.Stat(s.t.file); err == nil && os.SameFile(info, own) {
		return "is the phext itself"
	}
	return ""
}

func (s *slurp) skip(path, why string) {
	s.bar.clear()
	fmt.Fprintf(s.c.out.stderr, "sq: skipped %s: %s\n", printable(path), why)
	s.told.Skipped = append(s.told.Skipped, skipped{path, why})
}

// place gives each file its coordinate.
func (s *slurp) place() error {
	at, ok := s.at, true
	for i := range s.table {
		if at, ok = filetree.Next(at); !ok {
			return fmt.Errorf("there is no room behind %v for %s", s.at, count(len(s.table), "file"))
		}
		s.table[i].Coordinate = at
	}
	return nil
}

// look finds out what an earlier slurp has left, and whether other scrolls stand
// where files would go.
func (s *slurp) look(in sq.Snapshot) error {
	const hint = "take another coordinate, or --force"
	text, ok, err := in.Get(nil, s.at)
	if err != nil {
		return err
	}
	if ok {
		table, err := filetree.ParseTable(text)
		if err != nil && !s.force {
			return hinted(fmt.Errorf("the scroll at %v is no table of contents of a folder, and would be overwritten; nothing was written", s.at), hint)
		}
		for _, f := range table {
			s.old[f.Coordinate] = true
		}
	}
	if s.force {
		return nil
	}
	first, last := s.table.Range()
	for scroll, err := range in.Scan(first, last) {
		if err != nil {
			return err
		}
		if !s.old[scroll.Coordinate] {
			return hinted(fmt.Errorf("the scroll at %v is none of an earlier slurp, and would be overwritten; nothing was written", scroll.Coordinate), hint)
		}
	}
	return nil
}

// putTable writes the table, and removes what only the last one had.
func (s *slurp) putTable(ctx context.Context) error {
	if err := s.batch.add(ctx, sq.Op{Kind: sq.Put, Coordinate: s.at, Text: []byte(s.table.String())}); err != nil {
		return err
	}
	new := map[phext.Coordinate]bool{s.at: true}
	for _, f := range s.table {
		new[f.Coordinate] = true
	}
	for at := range s.old {
		if !new[at] {
			if err := s.batch.add(ctx, sq.Op{Kind: sq.Delete, Coordinate: at}); err != nil {
				return err
			}
		}
	}
	return s.batch.flush(ctx)
}

// putFiles reads the files again and writes them. One that is none any more, is
// taken from the table.
func (s *slurp) putFiles(ctx context.Context) error {
	written, options := s.table.String(), s.options()
	kept := s.table[:0:0]
	for i, f := range s.table {
		if ctx.Err() != nil {
			return hinted(context.Cause(ctx), "the files are there in part: slurp again")
		}
		now, text, err := filetree.Read(s.root, f.Path, options)
		if err != nil {
			s.skip(f.Path, "changed meanwhile: "+err.Error())
			if err := s.batch.add(ctx, sq.Op{Kind: sq.Delete, Coordinate: f.Coordinate}); err != nil {
				return err
			}
			continue
		}
		now.Coordinate = f.Coordinate
		kept = append(kept, now)
		if err := s.putFile(ctx, now, text); err != nil {
			return err
		}
		s.bar.show("slurping %s: %d of %s", s.told.Dir, i+1, count(len(s.table), "file"))
	}
	if text := kept.String(); text != written {
		if err := s.batch.add(ctx, sq.Op{Kind: sq.Put, Coordinate: s.at, Text: []byte(text)}); err != nil {
			return err
		}
	}
	return s.batch.flush(ctx)
}

func (s *slurp) putFile(ctx context.Context, f filetree.File, text []byte) error {
	s.told.Files++
	s.told.Bytes += int64(len(text))
	op := sq.Op{Kind: sq.Put, Coordinate: f.Coordinate, Text: text}
	if !s.force && !s.old[f.Coordinate] {
		op.If = sq.IfAbsent
	}
	return s.batch.add(ctx, op)
}

// batcher carries out many operations in batches of a bounded size.
type batcher struct {
	t     *target
	batch sq.Batch
	bytes int
}

// The size of a batch: one is a record in a journal, or the body of a request.
const (
	batchOps   = 4096
	batchBytes = 4 << 20
)

// add takes an operation, whose text must not be changed any more.
func (b *batcher) add(ctx context.Context, op sq.Op) error {
	if len(b.batch) == batchOps || len(b.batch) > 0 && b.bytes+len(op.Text) > batchBytes {
		if err := b.flush(ctx); err != nil {
			return err
		}
	}
	b.batch, b.bytes = append(b.batch, op), b.bytes+len(op.Text)
	return nil
}

// flush carries out what was taken.
func (b *batcher) flush(ctx context.Context) error {
	if len(b.batch) == 0 {
		return nil
	}
	_, err := b.t.Apply(ctx, b.t.name, b.batch)
	b.batch, b.bytes = nil, 0
	return err
}
