package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/phext"
)

const diffLong = `Compare the phext with another one, the file OTHER; "-" is standard input. A line
for each scroll that is not the same in both:

  + COORD: SUMMARY    only OTHER has it
  - COORD: SUMMARY    only the phext has it
  ~ COORD: SUMMARY    both have it, with another text; the summary is OTHER's

Nothing is printed when they are equal. The exit status is 0 in either case.

With --json an object a line: coord, change (added, removed, changed), bytes and
other_bytes.`

const diffExample = `  sq diff copy.phext
  sq diff --file notes.phext copy.phext --json
  sq get --server http://localhost:1337 --phext notes | sq diff --file notes.phext -`

func newDiff(out outside) *cobra.Command {
	return newClient(out, &clientCommand{
		Command: cobra.Command{Use: "diff OTHER", Short: "compare the phext with another", Long: diffLong, Example: diffExample},
		least:   1, most: 1, do: diff,
	})
}

// difference is what differs at a coordinate, as --json prints it.
type difference struct {
	Coord      string `json:"coord"`
	Change     string `json:"change"`
	Bytes      int    `json:"bytes"`
	OtherBytes int    `json:"other_bytes"`
	sign       byte
	summary    string
}

func diff(ctx context.Context, c *clientCommand, t *target, args []string) error {
	other, done, err := c.otherPhext(args[0])
	if err != nil {
		return err
	}
	defer done()
	return t.reading(ctx, func(s sq.Snapshot) error {
		return c.stream(func(w *bufio.Writer) error {
			for d, err := range differences(s.Scan(phext.Coordinate{}, phext.Last), other) {
				if err == nil && c.asJSON {
					err = encoder(w).Encode(d)
				} else if err == nil {
					_, err = fmt.Fprintf(w, "%c %s: %s\n", d.sign, d.Coord, d.summary)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// otherPhext returns the scrolls of a file that is a phext.
func (c *clientCommand) otherPhext(name string) (all iter.Seq2[sq.Scroll, error], done func(), err error) {
	if name == "-" {
		text, err := c.standardInput()
		return scrollsOf("standard input", text), func() {}, err
	}
	info, err := os.Stat(name)
	if err == nil && info.IsDir() {
		return nil, nil, hinted(fmt.Errorf("%q is a folder", name), "give the file of a phext")
	}
	if err == nil && !info.Mode().IsRegular() {
		text, err := os.ReadFile(name) // a pipe, or what a shell makes of <(command)
		return scrollsOf(name, text), func() {}, err
	}
	if path, err := filepath.EvalSymlinks(name); err == nil {
		name = path
	}
	s, err := disk.PeekFile(name)
	if err != nil {
		return nil, nil, err
	}
	return s.Scan(phext.Coordinate{}, phext.Last), s.Close, nil
}

// scrollsOf returns the scrolls of a phext in memory, which was read from somewhere.
func scrollsOf(from string, text []byte) iter.Seq2[sq.Scroll, error] {
	return func(yield func(sq.Scroll, error) bool) {
		s := phext.NewScanner(text)
		for s.Next() {
			if !yield(sq.Scroll{Coordinate: s.Coordinate(), Text: s.Text()}, nil) {
				return
			}
		}
		if s.Err() != nil {
			yield(sq.Scroll{}, fmt.Errorf("%s is no phext: %w", from, s.Err()))
		}
	}
}

// differences yields where two phexts differ, in order.
func differences(left, right iter.Seq2[sq.Scroll, error]) iter.Seq2[difference, error] {
	return func(yield func(difference, error) bool) {
		l, r := pulled(left), pulled(right)
		defer l.stop()
		defer r.stop()
		l.step()
		r.step()
		for l.err == nil && r.err == nil && (l.more || r.more) {
			d := l.against(r)
			if d.sign != '=' && !yield(d, nil) {
				return
			}
		}
		for _, err := range []error{l.err, r.err} {
			if err != nil {
				yield(difference{}, err)
				return
			}
		}
	}
}

// scrolls are those of a phext, one after the other.
type scrolls struct {
	next   func() (sq.Scroll, error, bool)
	stop   func()
	scroll sq.Scroll
	err    error
	more   bool
}

func pulled(all iter.Seq2[sq.Scroll, error]) *scrolls {
	next, stop := iter.Pull2(all)
	return &scrolls{next: next, stop: stop}
}

func (p *scrolls) step() { p.scroll, p.err, p.more = p.next() }

// against compares what comes first in either, and moves on.
func (l *scrolls) against(r *scrolls) (d difference) {
	order := 0
	switch {
	case !r.more:
		order = -1
	case !l.more:
		order = 1
	default:
		order = l.scroll.Coordinate.Compare(r.scroll.Coordinate)
	}
	shown := l.scroll
	switch {
	case order < 0:
		d = difference{Change: "removed", sign: '-', Bytes: len(l.scroll.Text)}
	case order > 0:
		d, shown = difference{Change: "added", sign: '+', OtherBytes: len(r.scroll.Text)}, r.scroll
	default:
		d, shown = difference{Change: "changed", sign: '~', Bytes: len(l.scroll.Text), OtherBytes: len(r.scroll.Text)}, r.scroll
		if bytes.Equal(l.scroll.Text, r.scroll.Text) {
			d.sign = '='
		}
	}
	d.Coord, d.summary = shown.Coordinate.String(), phext.Summary(shown.Text)
	if order <= 0 {
		l.step()
	}
	if order >= 0 {
		r.step()
	}
	return d
}
