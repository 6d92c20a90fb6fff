package api

import "testing"

func TestWantsJSON(t *testing.T) {
	for accept, want := range map[string]bool{
		"":       false,
		"*/*":    false,
		"text/*": false,
		"text/html,application/xhtml+xml,*/*;q=0.8": false,
		"application/json":                          true,
		"APPLICATION/JSON ; charset=utf-8":          true,
		"application/problem+json":                  true,
		"application/*":                             true,
		"application/json, text/plain, */*":         true,
		"text/plain, application/json;q=0.9":        false,
		"text/plain;q=0.5, application/json; Q=0.9": true,
		"application/json;q=0, */*":                 false,
		"application/json;q=abc":                    false,
		"application/json;q=0.001":                  true,
		"application/*;q=0.1, */*":                  false,
		"application/json;q=2":                      false,
		",;,application/json":                       true,
	} {
		if got := wantsProblem([]string{accept}); got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
	if wantsProblem(nil) || !wantsProblem([]string{"text/plain;q=0.1", "application/json"}) {
		t.Error("no header, or two")
	}
}
