// Package filetree is folders of text files as scrolls, and back.
//
// The files of a folder stand in a phext behind their table of contents. That is
// a scroll too, with a line for each file:
//
//	1.1.1/1.1.1/1.1.2 letters/2026/may.txt
//	1.1.1/1.1.1/1.1.3 bin/build (executable)
//	1.1.1/1.1.1/1.1.4 notes/empty.txt (empty)
//	1.1.1/1.1.1/1.1.5 "two\nlines"
//
// A line has the coordinate, the path from the folder on with slashes, and what
// else is known: an empty file has no scroll, since there are no empty ones, and
// only the table knows it; a file is (pending) while it may not have been written
// yet, so that what stands in its place may be somebody else's. A path is quoted as in Go where it could be mistaken: when it has a
// control character or bytes that are not UTF-8, begins with a quote or a space, or
// ends with a space or a parenthesis. Folders have no lines: one without files is
// not kept.
//
// Walk finds the files, Read reads one, a Table is the table of contents and
// writes the files again. Nothing leads out of the folder, whatever the names and links in
// it or in the table: all goes through os.Root.
package filetree

import (
	"bytes"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// File is a file of a tree and its place in a phext.
type File struct {
	Coordinate phext.Coordinate
	Path       string // with slashes, from the folder on
	Empty      bool   // there is no scroll
	Executable bool   // its owner may run it
	Pending    bool   // its scroll is still to be written
}

// Table is a table of contents: the files in any order.
type Table []File

// The notes of a line.
const (
	noteEmpty      = "empty"
	noteExecutable = "executable"
	notePending    = "pending"
)

// String returns the text of the table, with a line break behind each line.
func (t Table) String() string {
	var out []byte
	for _, f := range t {
		out = f.append(out)
	}
	return string(out)
}

func (f File) append(dst []byte) []byte {
	dst, _ = f.Coordinate.AppendText(dst)
	dst = append(dst, ' ')
	if isPlain(f.Path) {
		dst = append(dst, f.Path...)
	} else {
		dst = strconv.AppendQuote(dst, f.Path)
	}
	if notes := f.notes(); len(notes) > 0 {
		dst = append(dst, " ("+strings.Join(notes, ", ")+")"...)
	}
	return append(dst, '\n')
}

func (f File) notes() (notes []string) {
	if f.Empty {
		notes = append(notes, noteEmpty)
	}
	if f.Executable {
		notes = append(notes, noteExecutable)
	}
	if f.Pending {
		notes = append(notes, notePending)
	}
	return notes
}

// isPlain reports whether a path stands in a line as it is.
func isPlain(p string) bool {
	return p != "" && utf8.ValidString(p) && !strings.ContainsFunc(p, unicode.IsControl) &&
		!strings.ContainsAny(p[:1], `" `) && !strings.ContainsAny(p[len(p)-1:], ") ")
}

// ParseTable reads the text of a table. Invalid: it is none, or one that cannot be
// a folder: a path stands twice, leads out of it, is that of a file and of a
// folder, or reaches into a folder of git's or SQ's own. The message names the line.
func ParseTable(text []byte) (Table, error) {
	var t Table
	n := 0
	for line := range bytes.Lines(text) {
		n++
		f, err := parseLine(strings.TrimSuffix(string(line), "\n"))
		if err != nil {
			return nil, sq.Errorf(sq.Invalid, "table of contents: line %d: %v", n, err)
		}
		t = append(t, f)
	}
	if len(t) == 0 {
		return nil, sq.Errorf(sq.Invalid, "table of contents: is empty")
	}
	return t, t.check()
}

func parseLine(line string) (f File, err error) {
	at, rest, ok := strings.Cut(line, " ")
	if !ok {
		return f, fmt.Errorf("want COORD PATH")
	}
	if f.Coordinate, err = phext.ParseCoordinate(at); err != nil {
		return f, err
	}
	name, notes := rest, ""
	if strings.HasPrefix(rest, `"`) {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return f, fmt.Errorf("the quote of the path does not end")
		}
		notes, ok = strings.CutPrefix(rest[len(quoted):], " ")
		if name, err = strconv.Unquote(quoted); err != nil || !ok && len(quoted) < len(rest) {
			return f, fmt.Errorf("the quoted path is none")
		}
	} else if strings.HasSuffix(rest, ")") {
		i := strings.LastIndex(rest, " (")
		if i < 0 {
			return f, fmt.Errorf("a path that ends with a parenthesis has to be quoted")
		}
		name, notes = rest[:i], rest[i+1:]
	}
	f.Path = name
	if err := f.note(notes); err != nil {
		return f, err
	}
	return f, checkPath(name)
}

// note reads what a line says beside the path.
func (f *File) note(notes string) error {
	if notes == "" {
		return nil
	}
	for note := range strings.SplitSeq(strings.TrimSuffix(strings.TrimPrefix(notes, "("), ")"), ", ") {
		switch note {
		case noteEmpty:
			f.Empty = true
		case noteExecutable:
			f.Executable = true
		case notePending:
			f.Pending = true
		default:
			return fmt.Errorf("%q is not (%s), (%s) or (%s)", notes, noteEmpty, noteExecutable, notePending)
		}
	}
	return nil
}

// checkPath refuses a path that does not stay in its folder.
func checkPath(p string) error {
	if p == "." || path.Clean(p) != p || !filepath.IsLocal(filepath.FromSlash(p)) || strings.Contains(p, "\x00") {
		return fmt.Errorf("the path %q does not stay in its folder", p)
	}
	for element := range strings.SplitSeq(p, "/") {
		if isOwn(element) {
			return fmt.Errorf("the path %q reaches into %s", p, element)
		}
	}
	return nil
}

// isOwn reports whether a folder is git's or SQ's: what is in it makes programs do
// things, and is no part of a tree.
func isOwn(element string) bool {
	return slices.ContainsFunc(own, func(name string) bool { return strings.EqualFold(name, element) })
}

var own = []string{".git", ".sq"}

// check refuses what cannot be a folder.
func (t Table) check() error {
	files, places := map[string]bool{}, map[phext.Coordinate]bool{}
	for _, f := range t {
		switch {
		case files[f.Path]:
			return sq.Errorf(sq.Invalid, "table of contents: the path %q stands twice", f.Path)
		case places[f.Coordinate]:
			return sq.Errorf(sq.Invalid, "table of contents: the coordinate %v stands twice", f.Coordinate)
		}
		files[f.Path], places[f.Coordinate] = true, true
	}
	for _, f := range t {
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			if files[dir] {
				return sq.Errorf(sq.Invalid, "table of contents: %q is a file and a folder", dir)
			}
		}
	}
	return nil
}

// Next returns the place behind a coordinate where the next file goes: the next
// scroll, after scroll 999 the first one of the next section, and so on; false
// behind the last of all.
func Next(c phext.Coordinate) (phext.Coordinate, bool) {
	for i := phext.Dimensions - 1; i >= 0; i-- {
		if n := c.Component(i); n < phext.MaxComponent {
			return c.With(i, n+1), true
		}
		c = c.With(i, 1)
	}
	return c, false
}
