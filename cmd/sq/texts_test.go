package main

import (
	"slices"
	"strings"
	"testing"
)

// TestLiteralTexts: what stands in the place of a text is one, and flags are flags
// wherever they stand.
func TestLiteralTexts(t *testing.T) {
	for given, want := range map[string]string{
		"insert C -x":                      "insert -- C -x",
		"insert C --_text":                 "insert -- C --_text",
		"insert --file f C --text":         "insert --file f -- C --text",
		"insert C --text --file f":         "insert --file f -- C --text",
		"insert C --file=f --json -":       "insert --file=f --json -- C -",
		"insert C T --json":                "insert --json -- C T",
		"insert C T --token -x":            "insert --token -x -- C T",
		"insert -- C --json":               "insert -- C --json",
		"insert C -- --json":               "insert -- C --json",
		"insert --bogus C T":               "insert --bogus -- C T",
		"insert C T --help":                "insert --help -- C T",
		"insert -h":                        "insert -h --",
		"insert C T --file":                "insert --file -- C T",
		"insert":                           "insert --",
		"update C ---":                     "update -- C ---",
		"select C --json":                  "select C --json",
		"help insert":                      "help insert",
		"__complete insert C ":             "__complete insert C ",
		"push C -x":                        "push C -x",
		"":                                 "",
		"frobnicate --x":                   "frobnicate --x",
		"--version":                        "--version",
		"insert C T --file f --bogus tail": "insert --file f -- C T --bogus tail",
	} {
		got := literalTexts(newRoot(outside{}), strings.Split(given, " "))
		if !slices.Equal(got, strings.Split(want, " ")) {
			t.Errorf("%s: %q, want %q", given, got, want)
		}
	}
}
