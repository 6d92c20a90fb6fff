package api

import (
	"strconv"
	"strings"
)

// wantsJSON reports whether the client would rather have JSON than text: it
// names JSON and weighs it no lower than text (RFC 9110, section 12.5.1), or it
// takes nothing but JSON. "*/*" alone is content with text.
func wantsJSON(accept []string) bool { return prefers(accept, "application/json") }

// wantsProblem reports the same of an error, of which there is also a form that is
// named by itself. Who takes that beside text has replies as text.
func wantsProblem(accept []string) bool {
	return prefers(accept, "application/json", "application/problem+json")
}

func prefers(accept []string, names ...string) bool {
	json, text := weight{}, weight{}
	for _, header := range accept {
		for part := range strings.SplitSeq(header, ",") {
			kind, q := acceptPart(part)
			for _, name := range names {
				json.take(kind, q, name, "application/*")
			}
			text.take(kind, q, "text/plain", "text/*")
		}
	}
	return json.q > text.q || json.q > 0 && json.q == text.q && json.exact == named
}

// weight is how much a client wants a kind, by the range that fits it closest.
type weight struct {
	q     float64
	exact int
}

const (
	unnamed  = iota
	anything // */*
	family   // application/*
	named    // application/json
)

func (w *weight) take(kind string, q float64, name, group string) {
	exact := unnamed
	switch kind {
	case name:
		exact = named
	case group:
		exact = family
	case "*/*":
		exact = anything
	}
	if exact > w.exact || exact != unnamed && exact == w.exact && q > w.q {
		*w = weight{q, exact}
	}
}

// acceptPart reads one part of an Accept header. A weight that is none counts as
// 0.
func acceptPart(part string) (kind string, q float64) {
	kind, params, _ := strings.Cut(part, ";")
	q = 1
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if q = n; err != nil || !(n >= 0 && n <= 1) {
			q = 0
		}
	}
	return strings.ToLower(strings.TrimSpace(kind)), q
}
