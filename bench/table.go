package main

import (
	"fmt"
	"os"
	"strings"
)

// page is where whole tables are kept, between two marks.
const (
	page      = "doc/performance.md"
	pageBegin = "<!-- table -->\n"
	pageEnd   = "<!-- /table -->\n"
)

// table is what a run came to.
type table struct {
	machine string
	lines   []figure
}

var columns = []string{"row", "work", "measured", "spread", "gate", "goal", "meets", "beside it"}

// String returns the table in Markdown, which is to be read as text too.
func (t *table) String() string {
	cells := [][]string{columns}
	for _, f := range t.lines {
		cells = append(cells, []string{f.name, f.work, f.value(), f.spread(), f.unit.bound(f.gate), f.unit.bound(f.goal), f.verdict(), f.note})
	}
	widths := make([]int, len(columns))
	for _, line := range cells {
		for i, cell := range line {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	b.WriteString(t.machine + "\n\n")
	for n, line := range cells {
		writeLine(&b, line, widths, " ")
		if n == 0 {
			writeLine(&b, make([]string, len(columns)), widths, "-")
		}
	}
	return b.String()
}

func writeLine(b *strings.Builder, cells []string, widths []int, fill string) {
	for i, cell := range cells {
		b.WriteString("|" + fill + cell + strings.Repeat(fill, widths[i]-len([]rune(cell))+1))
	}
	b.WriteString("|\n")
}

// keep puts the table in its place on a page.
func (t *table) keep(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), pageBegin)
	_, after, closed := strings.Cut(rest, pageEnd)
	if !ok || !closed {
		return fmt.Errorf("%s has no place for the table, between %q and %q", path, pageBegin, pageEnd)
	}
	return os.WriteFile(path, []byte(before+pageBegin+"\n"+t.String()+"\n"+pageEnd+after), 0o644)
}
