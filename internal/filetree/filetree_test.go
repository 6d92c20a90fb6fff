package filetree

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// odd are files whose names or texts are unusual, as far as systems allow.
var odd = map[string]string{
	"plain.txt": "text\n", "no newline": "text", "empty": "", "sub/empty (empty)": "", "sub/sub/x": "1",
	" leading": "a", "trailing ": "b", "(executable)": "c", "x (empty)": "d", "\"quoted\"": "e", "ümläut 🔆": "f", "e\u0301": "g",
	"-rf": "h", "$(id)": "i", "a'b": "k", "name.phext": "one scroll", "1.1.1/1.1.1/1.1.1 x": "l", "\u2028": "m", "...": "n",
}

// odder are names that only some systems have.
var odder = map[string]string{"new\nline": "o", "tab\t": "p", "\x17\x01": "q", "not\xffutf8": "r", "back\\slash": "s", "\x1b[2J": "t"}

func plant(t *testing.T, files map[string]string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return open(t, dir)
}

func open(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func all() map[string]string {
	files := maps.Clone(odd)
	if os.PathSeparator == '/' {
		maps.Copy(files, odder)
	}
	return files
}

// scrollsOf walks a folder and returns its table, with coordinates, and its scrolls.
func scrollsOf(t *testing.T, root *os.Root, o Options) (Table, []sq.Scroll) {
	t.Helper()
	table, err := Walk(context.Background(), root, o)
	if err != nil {
		t.Fatal(err)
	}
	var scrolls []sq.Scroll
	at := phext.First
	for i := range table {
		at, _ = Next(at)
		table[i].Coordinate = at
		f, text, err := Read(root, table[i].Path, o)
		if err != nil || f.Empty != (len(text) == 0) {
			t.Fatalf("%q: %+v, %v", table[i].Path, f, err)
		}
		if len(text) > 0 {
			scrolls = append(scrolls, sq.Scroll{Coordinate: at, Text: text})
		}
	}
	return table, scrolls
}

func each(scrolls []sq.Scroll) iter.Seq2[sq.Scroll, error] {
	return func(yield func(sq.Scroll, error) bool) {
		for _, s := range scrolls {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// contents returns the regular files below a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestRoundTrip: a folder of odd files comes back as it was, through the text of
// its table.
func TestRoundTrip(t *testing.T) {
	root := plant(t, all())
	table, scrolls := scrollsOf(t, root, Options{Hidden: true})
	text := table.String()
	if err := phext.CheckText([]byte(text)); err != nil {
		t.Fatalf("the table cannot be a scroll: %v", err)
	}
	read, err := ParseTable([]byte(text))
	if err != nil || !slices.Equal(read, table) {
		t.Fatalf("%v\n%v, want\n%v", err, read, table)
	}
	dir := t.TempDir()
	done, err := read.Write(context.Background(), open(t, dir), each(scrolls), WriteOptions{})
	if err != nil || done.Files != len(all()) || done.Missing != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	if got := contents(t, dir); !maps.Equal(got, all()) {
		t.Errorf("%q\nwant %q", got, all())
	}
}

// TestModes: what could be run can be run afterwards.
func TestModes(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Log("there are no modes here")
		return
	}
	root := plant(t, map[string]string{"run": "x", "read": "y"})
	if err := root.Chmod("run", 0o700); err != nil {
		t.Fatal(err)
	}
	table, scrolls := scrollsOf(t, root, Options{})
	for _, force := range []bool{false, true} {
		dir := open(t, t.TempDir())
		if force {
			if err := dir.WriteFile("run", []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := table.Write(context.Background(), dir, each(scrolls), WriteOptions{Force: force}); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]fs.FileMode{"run": 0o100, "read": 0} {
			if info, err := dir.Stat(name); err != nil || info.Mode()&0o100 != want {
				t.Errorf("%s: %v, %v", name, info.Mode(), err)
			}
		}
	}
}

// TestSkipped: what is no text, no file, hidden, too long or excepted is told with
// the reason, and not taken.
func TestSkipped(t *testing.T) {
	root := plant(t, map[string]string{
		"text": "t", "binary": "a\xffb", "phext": "a\x17b", "long": "123456789", ".hidden": "h", ".folder/x": "h", ".git/x": "g", "sub/.SQ/lock": "s", "excepted": "e", "sub/text": "t",
	})
	for link, to := range map[string]string{"link": "text", "linked": "sub", "out": os.TempDir(), "dangling": "nowhere"} {
		if err := root.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	why := map[string]string{}
	table, err := Walk(context.Background(), root, Options{
		MostBytes: 8, Skipped: func(path, reason string) { why[path] = reason },
		Except: func(info fs.FileInfo) string {
			if info.Name() == "excepted" {
				return "is excepted"
			}
			return ""
		},
	})
	if err != nil || len(table) != 2 || table[0].Path != "sub/text" || table[1].Path != "text" {
		t.Errorf("%v, %v", table, err)
	}
	want := map[string]string{
		"binary": "is no text (not UTF-8 at offset 1)", "phext": "has a delimiter of phext (byte 0x17 at offset 1)", "long": "has 9 bytes, more than 8",
		".hidden": "is hidden", ".folder": "is hidden", ".git": "is a folder of git's or SQ's own", "sub/.SQ": "is a folder of git's or SQ's own", "excepted": "is excepted",
		"link": "is a symbolic link", "linked": "is a symbolic link", "out": "is a symbolic link", "dangling": "is a symbolic link",
	}
	if !maps.Equal(why, want) {
		t.Errorf("%q", why)
	}
}

// TestTablesThatAreNone are refused, and say which line.
func TestTablesThatAreNone(t *testing.T) {
	const at = "1.1.1/1.1.1/1.1.2 "
	for text, want := range map[string]string{
		"": "is empty", "hello": "line 1: want COORD PATH", "\n": "line 1: want COORD PATH", at + "a\n\n": "line 2: want COORD PATH", "1.1 a": "line 1: coordinate",
		at: "does not stay", at + "../a": "does not stay", at + "a/../b": "does not stay", at + "/etc/passwd": "does not stay", at + "a//b": "does not stay", at + ".": "does not stay",
		at + "a/": "does not stay", at + `"a\x00b"`: "does not stay", at + `"../a"`: "does not stay", at + "..": "does not stay",
		at + ".git/config": "reaches into .git", at + "a/.GIT/hooks/x": "reaches into .GIT", at + ".sq/lock": "reaches into .sq",
		at + `"a`: "does not end", at + `"a"b`: "is none", at + `"a" (full)`: "is not (empty)", at + "a (full)": "is not (empty)", at + "a)": "has to be quoted", at + "a (empty, empty, x)": "is not (empty)",
		at + "a\n" + "1.1.1/1.1.1/1.1.3 a\n": `the path "a" stands twice`, at + "a\n" + at + "b\n": "the coordinate 1.1.1/1.1.1/1.1.2 stands twice",
		at + "a\n1.1.1/1.1.1/1.1.3 a/b\n": `"a" is a file and a folder`,
	} {
		table, err := ParseTable([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || sq.ErrorCode(err) != sq.Invalid {
			t.Errorf("%q: %v, %v; want %q", text, table, err, want)
		}
	}
}

// TestWriteStaysInside: links in the folder lead nowhere, and what is there stays.
func TestWriteStaysInside(t *testing.T) {
	outside := t.TempDir()
	dir := open(t, t.TempDir())
	if err := dir.Symlink(outside, "way"); err != nil {
		t.Fatal(err)
	}
	scrolls := []sq.Scroll{{Coordinate: phext.First, Text: []byte("evil")}}
	for _, path := range []string{"way/out", "way"} {
		for _, force := range []bool{false, true} {
			_, err := Table{{Coordinate: phext.First, Path: path}}.Write(context.Background(), dir, each(scrolls), WriteOptions{Force: force})
			if (err == nil) != (path == "way" && force) {
				t.Errorf("%s, force %v: %v", path, force, err)
			}
		}
		if len(contents(t, outside)) > 0 {
			t.Fatalf("%s: something was written outside", path)
		}
	}
}

// TestWriteChangesNothing where a file is in the way.
func TestWriteChangesNothing(t *testing.T) {
	dir := t.TempDir()
	root := open(t, dir)
	if err := root.WriteFile("b", []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	table := Table{{Coordinate: phext.First, Path: "a"}, {Coordinate: phext.First.With(8, 2), Path: "b"}}
	scrolls := []sq.Scroll{{Coordinate: phext.First, Text: []byte("1")}, {Coordinate: phext.First.With(8, 2), Text: []byte("2")}}
	_, err := table.Write(context.Background(), root, each(scrolls), WriteOptions{})
	if sq.ErrorCode(err) != sq.Conflict {
		t.Errorf("%v", err)
	}
	if got := contents(t, dir); len(got) != 1 || got["b"] != "mine" {
		t.Errorf("%q", got)
	}
	done, err := table.Write(context.Background(), root, each(scrolls[:1]), WriteOptions{Force: true})
	if got := contents(t, dir); err != nil || done.Missing != 1 || got["a"] != "1" || got["b"] != "mine" || len(got) != 2 {
		t.Errorf("%+v, %v, %q", done, err, got)
	}
}

// TestWriteBesideLeftovers: what an export that was killed has left is in nobody's
// way, and stays.
func TestWriteBesideLeftovers(t *testing.T) {
	dir := t.TempDir()
	root := open(t, dir)
	left := fmt.Sprintf(".%d.sq-part", os.Getpid())
	for name, text := range map[string]string{"a": "mine", left: "half"} {
		if err := root.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	table := Table{{Coordinate: phext.First, Path: "a"}}
	_, err := table.Write(context.Background(), root, each([]sq.Scroll{{Coordinate: phext.First, Text: []byte("1")}}), WriteOptions{Force: true})
	if got := contents(t, dir); err != nil || !maps.Equal(got, map[string]string{"a": "1", left: "half"}) {
		t.Errorf("%v, %q", err, got)
	}
}

// TestInterrupt: who is interrupted stops between two files.
func TestInterrupt(t *testing.T) {
	why := fmt.Errorf("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	root := plant(t, map[string]string{"a": "1", "b": "2", "c": "3"})
	_, err := Walk(ctx, root, Options{Found: func(int) { cancel(why) }})
	if err != why {
		t.Errorf("%v", err)
	}
	ctx, cancel = context.WithCancelCause(context.Background())
	table, scrolls := scrollsOf(t, root, Options{})
	done, err := table.Write(ctx, open(t, t.TempDir()), each(scrolls), WriteOptions{Written: func(int) { cancel(why) }})
	if err != why || done.Files != 1 {
		t.Errorf("%+v, %v", done, err)
	}
}

// TestNext counts on after 999.
func TestNext(t *testing.T) {
	for from, want := range map[string]string{
		"1.1.1/1.1.1/1.1.1": "1.1.1/1.1.1/1.1.2", "1.1.1/1.1.1/1.1.999": "1.1.1/1.1.1/1.2.1", "1.1.1/1.1.1/7.999.999": "1.1.1/1.1.1/8.1.1",
		"1.999.999/999.999.999/999.999.999": "2.1.1/1.1.1/1.1.1",
	} {
		c, err := phext.ParseCoordinate(from)
		if err != nil {
			t.Fatal(err)
		}
		if next, ok := Next(c); !ok || next.String() != want {
			t.Errorf("%s: %v, %v", from, next, ok)
		}
	}
	last := phext.At(999, 999, 999, 999, 999, 999, 999, 999, 999)
	if c, ok := Next(last); ok {
		t.Errorf("there is %v behind the last", c)
	}
}

// FuzzParseTable: a table that was read is the same after it was written.
func FuzzParseTable(f *testing.F) {
	f.Add("1.1.1/1.1.1/1.1.2 a\n1.1.1/1.1.1/1.1.3 b/c (empty)\n")
	f.Add("1.1.1/1.1.1/1.1.2 \"a\\nb\" (empty, executable)")
	f.Add("1.1.1/1.1.1/1.1.2 a (pending)\n1.1.1/1.1.1/1.1.3 b (executable, pending)\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := ParseTable([]byte(text))
		if err != nil {
			return
		}
		again, err := ParseTable([]byte(table.String()))
		if err != nil || !slices.Equal(table, again) {
			t.Errorf("%q: %v, %v, %v", text, table, again, err)
		}
		for _, file := range table {
			if !filepath.IsLocal(file.Path) {
				t.Errorf("%q leads out", file.Path)
			}
		}
	})
}
