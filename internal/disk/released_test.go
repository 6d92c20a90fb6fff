package disk

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// releasedDir holds data directories as versions of the program left them: see
// the README there.
const releasedDir = "testdata/released"

// contents is what a directory of a version must be opened with. It stands beside
// the directory, as NAME.json.
type contents struct {
	Phexts     map[sq.PhextName]map[string]string `json:"phexts"`               // the scrolls by their coordinates
	Unreadable []sq.PhextName                     `json:"unreadable,omitempty"` // files that are no phexts
	Folders    []string                           `json:"folders,omitempty"`    // git keeps none that is empty
	Files      map[string]string                  `json:"files"`                // the SHA-256 of each, as it was left
}

// TestReleased opens a copy of each directory that a version left: everything is
// there, can be written to, and is there again.
func TestReleased(t *testing.T) {
	lists, err := filepath.Glob(filepath.Join(releasedDir, "*", "*.json"))
	if err != nil || len(lists) < 3 {
		t.Fatalf("only %d lists, %v", len(lists), err)
	}
	for _, list := range lists {
		dir := strings.TrimSuffix(list, ".json")
		t.Run(filepath.ToSlash(dir), func(t *testing.T) { openReleased(t, dir) })
	}
}

func openReleased(t *testing.T, dir string) {
	t.Helper()
	text, err := os.ReadFile(dir + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var c contents
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	if got := sums(t, dir); !maps.Equal(got, c.Files) {
		t.Fatalf("the files are %v, and the list says %v: has git changed them?", got, c.Files)
	}
	c.open(t, copied(t, dir, c.Folders))
}

// sums returns the SHA-256 of each file under a directory.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	sums := map[string]string{}
	for name, text := range filesIn(t, dir) {
		sum := sha256.Sum256([]byte(text))
		sums[name] = hex.EncodeToString(sum[:])
	}
	return sums
}

// filesIn returns the files under a directory, by their paths with slashes.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// copied returns a copy of a directory, with the modes that git does not keep.
func copied(t *testing.T, dir string, folders []string) string {
	t.Helper()
	to := t.TempDir()
	for _, folder := range folders {
		if err := os.MkdirAll(filepath.Join(to, filepath.FromSlash(folder)), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range filesIn(t, dir) {
		if err := os.WriteFile(filepath.Join(to, filepath.FromSlash(name)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// open opens a directory and compares it, writes to every phext, closes it, and
// does it again.
func (c contents) open(t *testing.T, dir string) {
	t.Helper()
	left := filesIn(t, dir)
	e := New(Options{})
	c.compare(t, e.Store(dir), "")
	for name := range c.Phexts {
		batch := sq.Batch{{Kind: sq.Append, Coordinate: phext.At(9, 9, 9, 9, 9, 9, 9, 9, 9), Text: []byte("more")}}
		if _, err := e.Store(dir).Apply(background, name, batch); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := e.Close(background); err != nil {
		t.Fatal(err)
	}
	c.compareFiles(t, left, filesIn(t, dir))
	e = New(Options{})
	defer e.Close(background)
	c.compare(t, e.Store(dir), "more")
}

// compare compares what is served with the list, where every phext has got more.
func (c contents) compare(t *testing.T, s sq.Store, more string) {
	t.Helper()
	names, err := s.List(background)
	want := slices.Sorted(maps.Keys(c.Phexts))
	if all := slices.Sorted(slices.Values(append(want, c.Unreadable...))); err != nil || !slices.Equal(names, all) {
		t.Errorf("the phexts are %q, %v; want %q", names, err, all)
	}
	for _, name := range names {
		snapshot, err := s.Snapshot(background, name)
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		var text strings.Builder
		if _, err := snapshot.WriteTo(&text); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		err = snapshot.Err()
		snapshot.Close()
		if slices.Contains(c.Unreadable, name) {
			if sq.ErrorCode(err) != sq.Unreadable {
				t.Errorf("%q: %v, want unreadable", name, err)
			}
		} else if want := c.text(t, name, more); text.String() != want || err != nil {
			t.Errorf("%q is %q, %v; want %q", name, text.String(), err, want)
		}
	}
}

// text returns a phext of the list in normal form.
func (c contents) text(t *testing.T, name sq.PhextName, more string) string {
	t.Helper()
	scrolls := map[phext.Coordinate]string{phext.At(9, 9, 9, 9, 9, 9, 9, 9, 9): more}
	for at, text := range c.Phexts[name] {
		c, err := phext.ParseStored(at)
		if err != nil {
			t.Fatal(err)
		}
		scrolls[c] = text
	}
	return phext.Implode(scrolls)
}

// compareFiles looks at a directory that was closed: the files hold everything,
// nothing else of ours is left, and what was set aside, or is not ours, is as it
// was.
func (c contents) compareFiles(t *testing.T, before, after map[string]string) {
	t.Helper()
	for name := range c.Phexts {
		path := string(name) + suffix
		if want := c.text(t, name, "more"); after[path] != want {
			t.Errorf("%s is %q, want %q", path, after[path], want)
		}
	}
	for path, text := range after {
		switch {
		case strings.HasPrefix(path, journalDir) || strings.HasPrefix(path, tmpDir):
			t.Errorf("%s is left", path)
		case strings.HasPrefix(path, conflictsDir) && before[path] != text:
			t.Errorf("%s was taken for an edit: %q", path, text)
		}
	}
	for path, text := range before {
		name, isPhext := strings.CutSuffix(path, suffix)
		isOurs := isPhext && c.Phexts[sq.PhextName(name)] != nil || path == lockPath ||
			strings.HasPrefix(path, journalDir) || strings.HasPrefix(path, tmpDir)
		if got, ok := after[path]; !isOurs && (!ok || got != text) {
			t.Errorf("%s is %q, %v; it was %q", path, got, ok, text)
		}
	}
}
