package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestMain lets the test binary stand in for the bare server.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == bareCommand {
		exit(serveBare(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

// TestMeasures has all rows measured that nothing else is needed for, with little
// data and for a moment, and holds each to a figure.
func TestMeasures(t *testing.T) {
	t.Chdir("..")
	dir := t.TempDir()
	// A checkpoint of so little is over before anything can be asked while it runs.
	o, err := parse([]string{"-rounds", "1", "-seconds", "0.05", "-scale", "0.001", "-dir", dir, "-only", "^(select|update|insert|route|start|first|memory-l|get|toc|delta|json|written)"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBench(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	table := &table{}
	for _, s := range suites {
		if err := b.measure(s, table); err != nil {
			t.Fatal(err)
		}
	}
	rows := 0
	for _, s := range suites {
		rows += len(s.rows)
	}
	if len(table.lines) != rows-2 {
		t.Errorf("%d figures of %d rows", len(table.lines), rows)
	}
	for _, f := range table.lines {
		peer := regexp.MustCompile("redis|etcd").MatchString(f.name)
		if f.missing != "" && !(peer && strings.HasPrefix(f.missing, "no ")) || f.missing == "" && median(f.values) <= 0 && f.name != "memory-loaded" {
			t.Errorf("%+v", f)
		}
	}
	b.close()
	if _, err := os.Stat(b.data); err == nil {
		t.Error("the data is left behind")
	}
}

// TestKeepsWholeRunsOnly: figures of a run that tried something out are not kept.
func TestKeepsWholeRunsOnly(t *testing.T) {
	for args, want := range map[string]bool{
		"": true, "-rounds 9 -seconds 1": true, "-rounds 6": false, "-scale 0.5": false, "-only select": false, "-sq bin/sq": false,
	} {
		o, err := parse(strings.Fields(args))
		if err != nil || o.whole() != want {
			t.Errorf("%q: %v, %v", args, o.whole(), err)
		}
	}
	for _, args := range []string{"-rounds 0", "-seconds 0", "-scale 2", "-only (", "select", "-x"} {
		if _, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
