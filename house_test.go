package sq_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is what import paths of the house begin with. Packages are named by
// their folders here, and the package in the root is ".".
const module = "github.com/wbic16/sq-go"

// The arrows of the house: who may import whom. A new arrow is a decision, and
// it is made in this table. Everything but the words themselves may import the
// words. Siblings do not import each other, and nobody imports a program.
var (
	words  = []string{".", "phext"}
	arrows = map[string][]string{
		".":                    {"phext"},
		"phext":                {},
		"internal/vfs":         {},
		"internal/journal":     {},
		"internal/measure":     {},
		"internal/disk":        {"internal/journal", "internal/measure", "internal/vfs"},
		"internal/storetest":   {},
		"internal/sweep":       {},
		"internal/configfile":  {},
		"internal/tenant":      {"internal/configfile", "internal/vfs"},
		"internal/api":         {},
		"internal/client":      {},
		"internal/admin":       {"internal/tenant", "internal/vfs"},
		"internal/backup":      {},
		"internal/certificate": {},
		"internal/pages":       {},
		"internal/founding":    {"internal/pages", "internal/vfs"},
		"internal/web":         {"internal/pages"},
		"internal/mcp":         {},
		"internal/metrics":     {"internal/api", "internal/disk", "internal/measure", "internal/tenant"},
		"internal/filetree":    {},
		"internal/load":        {},
		"internal/route":       {"internal/configfile", "internal/tenant"},
		"internal/mesh":        {"internal/vfs"},
		"cmd/sq": {"internal/admin", "internal/api", "internal/backup", "internal/certificate", "internal/client", "internal/disk", "internal/filetree",
			"internal/founding", "internal/load", "internal/mcp", "internal/mesh", "internal/metrics", "internal/route", "internal/tenant", "internal/vfs",
			"internal/web"},
		"bench":   {"internal/load"},
		"scripts": {},
	}
	// forTests is what any test may import beside that.
	forTests = []string{"internal/storetest", "internal/sweep", "internal/vfs"}
	// ofTests are arrows of tests alone: what they put together.
	ofTests = map[string][]string{"internal/client": {"internal/api", "internal/disk"}}
)

// mostLines is how long a file may be that is no test: it has one idea.
const mostLines = 500

// source is a file of the house, as far as the rules ask.
type source struct {
	path  string // with slashes
	lines int
	*ast.File
}

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// imports returns the import paths of the source.
func (s source) imports() []string {
	var paths []string
	for _, i := range s.Imports {
		p, _ := strconv.Unquote(i.Path.Value) // it was parsed
		paths = append(paths, p)
	}
	return paths
}

// inHouse returns the folder of a package of ours.
func inHouse(importPath string) (folder string, ok bool) {
	if importPath == module {
		return ".", true
	}
	return strings.CutPrefix(importPath, module+"/")
}

// sources reads the imports of all files, those for other systems included.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		s, err := readSource(name)
		all = append(all, s)
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("%d files, %v", len(all), err)
	}
	return all
}

func readSource(name string) (source, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return source{}, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly|parser.ParseComments)
	return source{filepath.ToSlash(name), bytes.Count(text, []byte("\n")), file}, err
}

func TestArrows(t *testing.T) {
	for _, s := range sources(t) {
		from := path.Dir(s.path)
		if _, ok := arrows[from]; !ok {
			t.Errorf("%s: the package %q is not in the table of arrows", s.path, from)
			continue
		}
		for _, p := range s.imports() {
			if to, ok := inHouse(p); ok && !mayImport(s, to) {
				t.Errorf("%s: imports %q, which is no arrow of the house", s.path, to)
			}
		}
	}
}

func mayImport(s source, to string) bool {
	from := path.Dir(s.path)
	switch {
	case slices.Contains(arrows[from], to):
		return true
	case slices.Contains(words, to):
		return s.isTest() || !slices.Contains(words, from)
	}
	return s.isTest() && (to == from || slices.Contains(forTests, to) || slices.Contains(ofTests[from], to))
}

// TestPackagesExist: the table has no rooms that are not in the house.
func TestPackagesExist(t *testing.T) {
	found := map[string]bool{}
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if !s.isTest() {
			found[path.Dir(s.path)] = true
			documented[path.Dir(s.path)] = documented[path.Dir(s.path)] || s.Doc != nil
		}
	}
	for folder := range arrows {
		if !found[folder] {
			t.Errorf("there is no package %q", folder)
		} else if !documented[folder] {
			t.Errorf("the package %q has no comment that says what it is for", folder)
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	for _, s := range sources(t) {
		if !s.isTest() && s.lines > mostLines {
			t.Errorf("%s has %d lines; find its ideas and give each a file of at most %d", s.path, s.lines, mostLines)
		}
	}
}

// TestNothingIsSkippedUnseen: a test that may be skipped asks for the variable CI
// and fails where that is set, since nobody reads there what was skipped.
func TestNothingIsSkippedUnseen(t *testing.T) {
	skip := regexp.MustCompile(`\.Skip(f|Now)?\(`)
	for _, s := range sources(t) {
		text, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		if s.isTest() && s.path != "house_test.go" && skip.Match(text) && !bytes.Contains(text, []byte(`os.Getenv("CI")`)) {
			t.Errorf("%s: skips a test without a look at the variable CI", s.path)
		}
	}
}

// TestDependenciesAreExplained: each module that is imported stands in
// doc/dependencies.md with its reason, and none stands there that is gone.
func TestDependenciesAreExplained(t *testing.T) {
	explained := explainedModules(t)
	for _, s := range sources(t) {
		for _, p := range s.imports() {
			_, ours := inHouse(p)
			standard := !strings.Contains(strings.Split(p, "/")[0], ".")
			if !ours && !standard && !slices.ContainsFunc(explained, func(m string) bool { return p == m || strings.HasPrefix(p, m+"/") }) {
				t.Errorf("%s: imports %s, which doc/dependencies.md does not explain", s.path, p)
			}
		}
	}
	modules, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range explained {
		if !strings.Contains(string(modules), m+" ") {
			t.Errorf("doc/dependencies.md explains %s, which is not in go.mod", m)
		}
	}
}

// explainedModules returns the headings of doc/dependencies.md.
func explainedModules(t *testing.T) (modules []string) {
	text, err := os.ReadFile("doc/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "## "); ok {
			modules = append(modules, strings.TrimSpace(name))
		}
	}
	return modules
}
