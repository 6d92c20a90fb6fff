package api

import (
	"net/url"
	"strings"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// query is the parameters of a request, decoded. Those of other names are
// ignored.
type query struct {
	phext, coordinate, text, algo, limit, from, before param
}

// param is a parameter; one that was given may be empty.
type param struct {
	value string
	given bool
}

// parseQuery reads a raw query once, strictly: a broken escape, a parameter given
// twice and one without a value are errors. Only '&' separates, so that a
// coordinate may be written with ';'. What needs no decoding is not copied.
func parseQuery(raw string) (q query, err error) {
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		if err := q.add(pair); err != nil {
			return query{}, err
		}
	}
	return q, nil
}

// add reads one NAME=VALUE.
func (q *query) add(pair string) error {
	rawName, rawValue, assigned := strings.Cut(pair, "=")
	name, err1 := url.QueryUnescape(rawName)
	value, err2 := url.QueryUnescape(rawValue)
	if err1 != nil || err2 != nil {
		return sq.Errorf(sq.Invalid, "query: a '%%' is not followed by two hex digits; write %%25 for the sign itself")
	}
	p := q.param(name)
	switch {
	case p == nil:
		return nil
	case p.given:
		return sq.Errorf(sq.Invalid, "query: the parameter %s is given twice", name)
	case !assigned:
		return sq.Errorf(sq.Invalid, "query: the parameter %s has no value; write %s= for the empty one", name, name)
	}
	*p = param{value, true}
	return nil
}

// param returns where a parameter belongs, nil when it is none of ours.
func (q *query) param(name string) *param {
	switch name {
	case "p":
		return &q.phext
	case "c":
		return &q.coordinate
	case "s":
		return &q.text
	case "algo":
		return &q.algo
	case "limit":
		return &q.limit
	case "from":
		return &q.from
	case "before":
		return &q.before
	}
	return nil
}

// parsed returns a coordinate that parse made of the parameter.
func (p param) parsed(parse func(string) (phext.Coordinate, error)) (phext.Coordinate, error) {
	if !p.given {
		return phext.Coordinate{}, sq.Errorf(sq.Invalid, "coordinate: is missing, give one as c=1.1.1/1.1.1/1.1.1")
	}
	c, err := parse(p.value)
	if err != nil {
		return c, sq.Errorf(sq.Invalid, "%v", err)
	}
	return c, nil
}
