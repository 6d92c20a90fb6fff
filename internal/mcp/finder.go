package mcp

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wbic16/sq-go"
)

// mostQuery is how long what is searched for may be, in bytes.
const mostQuery = 1000

// finder finds a query in texts, at about the speed at which they can be read.
type finder struct {
	query []rune // folded; a space stands for any white space
	exact bool   // upper case is told from lower case
	first [256]bool
}

// newFinder returns what finds a query. White space around the query is left out.
func newFinder(query string, exact bool) (*finder, error) {
	words := strings.Fields(query)
	switch {
	case len(words) == 0:
		return nil, sq.Errorf(sq.Invalid, "query: there is nothing to search for; sq_list lists all scrolls")
	case len(query) > mostQuery:
		return nil, sq.Errorf(sq.Invalid, "query: has %d bytes, at most %d are searched for; take a part of it", len(query), mostQuery)
	}
	f := &finder{exact: exact}
	for _, r := range strings.Join(words, " ") {
		f.query = append(f.query, f.fold(r))
	}
	// What may be the first byte of a match.
	for r := f.query[0]; ; {
		f.first[utf8.AppendRune(nil, r)[0]] = true
		if r = unicode.SimpleFold(r); exact || r == f.query[0] {
			return f, nil
		}
	}
}

// fold returns the same for all spellings of a letter that are taken for one.
func (f *finder) fold(r rune) rune {
	if f.exact {
		return r
	}
	if r < utf8.RuneSelf {
		return unicode.ToUpper(r)
	}
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	return least
}

// find returns where the query is first, and how often it is there, as far as most.
func (f *finder) find(text []byte, most int) (from, to, count int) {
	for i := 0; i < len(text) && count < most; i++ {
		if !f.first[text[i]] {
			continue
		}
		end, ok := f.match(text, i)
		if !ok {
			continue
		}
		if count++; count == 1 {
			from, to = i, end
		}
		i = end - 1
	}
	return from, to, count
}

// match returns where a match ends that begins at i.
func (f *finder) match(text []byte, i int) (end int, ok bool) {
	for _, want := range f.query {
		if want != ' ' {
			r, size := utf8.DecodeRune(text[i:])
			if size == 0 || f.fold(r) != want {
				return 0, false
			}
			i += size
			continue
		}
		before := i
		for r, size := utf8.DecodeRune(text[i:]); size > 0 && unicode.IsSpace(r); r, size = utf8.DecodeRune(text[i:]) {
			i += size
		}
		if i == before {
			return 0, false
		}
	}
	return i, true
}
