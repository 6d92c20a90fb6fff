package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

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
overwritten: then nothing is written, unless with --force. What somebody else
changes there meanwhile is not overwritten either.

Files are written many at a time. After an interrupt the table has files that are
not there yet, marked (pending): do it again.

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
		told: slurped{Coord: at.String(), Dir: dir, Skipped: []skipped{}},
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
	if info, wrong := os.Stat(dir); wrong == nil && !info.IsDir() {
		return nil, hinted(fmt.Errorf("%q is no folder", dir), "sq push puts one file into a scroll")
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
	batch batcher

	// What was there before. Nothing is written where it is another by now.
	was  sq.Condition                        // of the table
	seen map[phext.Coordinate]phext.Checksum // of the scrolls where files go, or are
	old  map[phext.Coordinate]bool           // where those of an earlier slurp are
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
	return overtaken(s.putFiles(ctx), "the files are there in part")
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
	before, err := s.lookAtTable(in)
	if err != nil {
		return err
	}
	begun := map[phext.Coordinate]string{} // the paths of files that were perhaps not written
	s.seen, s.old = map[phext.Coordinate]phext.Checksum{}, map[phext.Coordinate]bool{}
	for _, f := range before {
		if f.Pending {
			begun[f.Coordinate] = f.Path
		} else {
			s.old[f.Coordinate] = true
		}
	}
	first, last := s.table.Range()
	from, to := slices.Concat(s.table, before).Range()
	for scroll, err := range in.Scan(from, to) {
		if err != nil {
			return err
		}
		at, sum := scroll.Coordinate, phext.Sum(scroll.Text)
		if path, ok := begun[at]; ok && s.isText(path, sum) {
			s.old[at] = true
		}
		isPlace := !at.Less(first) && !last.Less(at)
		if isPlace && !s.old[at] && !s.force {
			return hinted(fmt.Errorf("the scroll at %v is none of an earlier slurp, and would be overwritten; nothing was written", at), elsewhereOrForce)
		}
		if isPlace || s.old[at] {
			s.seen[at] = sum
		}
	}
	return nil
}

const elsewhereOrForce = "take another coordinate, or --force"

// lookAtTable reads the table of an earlier slurp, if there is one.
func (s *slurp) lookAtTable(in sq.Snapshot) (filetree.Table, error) {
	text, ok, err := in.Get(nil, s.at)
	if s.was = sq.IfAbsent; err != nil || !ok {
		return nil, err
	}
	s.was = sq.IfMatches(phext.Sum(text))
	table, err := filetree.ParseTable(text)
	switch {
	case err == nil:
		return table, nil
	case s.force:
		return nil, nil
	}
	return nil, hinted(fmt.Errorf("the scroll at %v is no table of contents of a folder, and would be overwritten; nothing was written", s.at), elsewhereOrForce)
}

// isText reports whether a text is that of a file: then a slurp that was
// interrupted has written it.
func (s *slurp) isText(path string, sum phext.Checksum) bool {
	_, text, err := filetree.Read(s.root, path, s.options())
	return err == nil && phext.Sum(text) == sum
}

// isOwn reports whether a scroll was there that an earlier slurp has written.
func (s *slurp) isOwn(at phext.Coordinate) bool {
	_, there := s.seen[at]
	return there && s.old[at]
}

// unchanged is the condition that a scroll is what it was.
func (s *slurp) unchanged(at phext.Coordinate) sq.Condition {
	if sum, there := s.seen[at]; there {
		return sq.IfMatches(sum)
	}
	return sq.IfAbsent
}

// putTable writes the table, and removes what only the last one had. Until a file is
// written its place is nobody's, which the table tells.
func (s *slurp) putTable(ctx context.Context) error {
	new := map[phext.Coordinate]bool{s.at: true}
	for i, f := range s.table {
		new[f.Coordinate] = true
		s.table[i].Pending = !f.Empty && !s.isOwn(f.Coordinate)
	}
	if err := s.batch.add(ctx, sq.Op{Kind: sq.Put, Coordinate: s.at, Text: []byte(s.table.String()), If: s.was}); err != nil {
		return err
	}
	for at := range s.old {
		if !new[at] {
			if err := s.remove(ctx, at); err != nil {
				return err
			}
		}
	}
	return overtaken(s.batch.flush(ctx), "nothing was written")
}

// overtaken explains that somebody else has written at the same time.
func overtaken(err error, so string) error {
	if sq.ErrorCode(err) != sq.Precondition {
		return err
	}
	return hinted(fmt.Errorf("somebody else has written there meanwhile; %s: %w", so, err), "slurp again")
}

// remove removes what an earlier slurp has written.
func (s *slurp) remove(ctx context.Context, at phext.Coordinate) error {
	if !s.isOwn(at) {
		return nil
	}
	return s.batch.add(ctx, sq.Op{Kind: sq.Delete, Coordinate: at, If: s.unchanged(at)})
}

// putFiles reads the files again and writes them, and then the table as it has
// become. One that is none any more, is taken from it.
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
			if err := s.remove(ctx, f.Coordinate); err != nil {
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
		if err := s.batch.add(ctx, sq.Op{Kind: sq.Put, Coordinate: s.at, Text: []byte(text), If: sq.IfMatches(phext.Sum([]byte(written)))}); err != nil {
			return err
		}
	}
	return s.batch.flush(ctx)
}

// putFile writes a file, unless its text is there.
func (s *slurp) putFile(ctx context.Context, f filetree.File, text []byte) error {
	s.told.Files++
	s.told.Bytes += int64(len(text))
	sum, there := s.seen[f.Coordinate]
	if there && sum == phext.Sum(text) || !there && len(text) == 0 {
		return nil
	}
	return s.batch.add(ctx, sq.Op{Kind: sq.Put, Coordinate: f.Coordinate, Text: text, If: s.unchanged(f.Coordinate)})
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
