package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		want   float64
		values []float64
	}{{0, nil}, {2, []float64{2}}, {2, []float64{3, 2, 1}}, {2.5, []float64{4, 1, 2, 3}}} {
		if got := median(test.values); got != test.want {
			t.Errorf("median of %v is %v", test.values, got)
		}
	}
}

func TestRatios(t *testing.T) {
	matches := []match{
		{row{"a", "work a", ratio, 0.5, 0.9}, "x", "y"},
		{row{"b", "work b", times, 3, 5}, "x", "z"},
	}
	figures := ratios(matches, scores{"x": {perSecond: []float64{1, 2, 3}, micros: []float64{7}}, "y": {perSecond: []float64{2, 2, 12}}}, map[string]string{"z": "no z"})
	if f := figures[0]; f.value() != "0.50" || f.spread() != "0.25–1" || f.verdict() != "gate" || f.note != "2/s at 7 µs of CPU, y 2/s" {
		t.Errorf("%v", f)
	}
	if f := figures[1]; f.value() != "–" || f.verdict() != "no z" || f.spread() != "" {
		t.Errorf("%v", f)
	}
}

func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		unit  unit
		value float64
		want  string
	}{
		{ratio, 0.8, "gate"}, {ratio, 0.9, "goal"}, {ratio, 0.79, "**below**"},
		{millis, 100, "gate"}, {millis, 50, "goal"}, {millis, 101, "**below**"},
	} {
		f := figure{row: row{unit: test.unit, gate: 0.8, goal: 0.9}, values: []float64{test.value}}
		if test.unit.least {
			f.gate, f.goal = 100, 50
		}
		if got := f.verdict(); got != test.want {
			t.Errorf("%v is %q, want %q", test.value, got, test.want)
		}
	}
}

// TestKeep: the table takes the place of the one before, and the page around it
// stays.
func TestKeep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	page := "before\n" + pageBegin + "old\n" + pageEnd + "after\n"
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	table := &table{machine: "a machine", lines: []figure{{row: row{name: "a", work: "wörk", unit: ratio}, values: []float64{1}}}}
	for range 2 {
		if err := table.keep(path); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	want := "before\n" + pageBegin + "\na machine\n\n" +
		"| row | work | measured | spread | gate | goal | meets | beside it |\n" +
		"|-----|------|----------|--------|------|------|-------|-----------|\n" +
		"| a   | wörk | 1.00     |        |      |      |       |           |\n" + "\n" + pageEnd + "after\n"
	if err != nil || string(text) != want {
		t.Errorf("%v\n%s", err, text)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(page, pageEnd, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := table.keep(path); err == nil {
		t.Error("a page without a place for the table is written to")
	}
}

// TestThePageHasAPlace: doc/performance.md can take a table, and says what each
// mark is for.
func TestThePageHasAPlace(t *testing.T) {
	text, err := os.ReadFile("../" + page)
	if err != nil || strings.Count(string(text), pageBegin) != 1 || strings.Count(string(text), pageEnd) != 1 {
		t.Errorf("%v: %s", err, page)
	}
}

// TestRowsHaveNames: -only can tell them from each other.
func TestRowsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range suites {
		for _, r := range s.rows {
			if seen[r.name] || r.work == "" || r.unit.format == "" {
				t.Errorf("%+v", r)
			}
			seen[r.name] = true
		}
	}
}
