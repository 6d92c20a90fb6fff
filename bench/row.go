package main

import (
	"fmt"
	"slices"
)

// row is one figure that is measured.
type row struct {
	name string // what -only matches
	work string
	unit unit
	gate float64 // what it has to be; 0: it is told and not judged
	goal float64 // what it is to become
}

// unit is what a figure counts.
type unit struct {
	format string
	least  bool // less is better
}

// The units.
var (
	ratio     = unit{format: "%.2f"}
	times     = unit{format: "%.1f times"}
	timesMost = unit{format: "%.1f times", least: true}
	megabytes = unit{format: "%.0f MB", least: true}
	millis    = unit{format: "%.0f ms", least: true}
	seconds   = unit{format: "%.2f s", least: true}
	perSecond = unit{format: "%.2f GB/s"}
)

// figure is what was measured for a row.
type figure struct {
	row
	values  []float64 // of the rounds
	note    string
	missing string // why there are none
}

// median returns the value in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 0:
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[n/2]
}

func (f *figure) value() string {
	if f.missing != "" {
		return "–"
	}
	return fmt.Sprintf(f.unit.format, median(f.values))
}

// spread is the least and the largest value.
func (f *figure) spread() string {
	if len(f.values) < 2 {
		return ""
	}
	return fmt.Sprintf("%.3g–%.3g", slices.Min(f.values), slices.Max(f.values))
}

// bound returns what a figure has to be, as the table says it.
func (u unit) bound(v float64) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf(u.format, v)
}

// verdict says where the figure stands.
func (f *figure) verdict() string {
	switch {
	case f.missing != "":
		return f.missing
	case f.gate == 0:
		return ""
	case f.meets(f.goal):
		return "goal"
	case f.meets(f.gate):
		return "gate"
	}
	return "**below**"
}

func (f *figure) meets(bound float64) bool {
	if f.unit.least {
		return median(f.values) <= bound
	}
	return median(f.values) >= bound
}
