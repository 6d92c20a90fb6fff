package mcp

import (
	"cmp"
	"context"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// mostSearched is after how many bytes of text a call ends, so that it takes no more
// than a second or so.
const mostSearched = 64 << 20

// mostCount is up to which number it is counted how often a scroll has the query.
const mostCount = 1000

var searchTool = tool{
	name: "sq_search", title: "Search a phext", limit: mostSearch,
	description: `Find the scrolls of a phext that have a text in them: the query as it stands, in upper or lower case unless case_sensitive is set; white space in it stands for any white space. The reply has the scrolls in the order of their coordinates, each with how often the query is in it, where it is first (for offset of sq_read) and what stands around. Go on with "next" as after for as long as there is one: a reply may have no match and be not the end. "under" searches a part, as 1.1.1/1.1.1/2.*.* does with chapter 2. ` + coordinateForm,
}

type searchArguments struct {
	Phext         string `json:"phext,omitempty" jsonschema:"the name of the phext"`
	Query         string `json:"query" jsonschema:"what to search for; no regular expression"`
	CaseSensitive bool   `json:"case_sensitive,omitempty" jsonschema:"tell upper from lower case"`
	Under         string `json:"under,omitempty" jsonschema:"a coordinate in which * stands for any number, such as 1.1.1/1.1.1/2.*.*; default all"`
	After         string `json:"after,omitempty" jsonschema:"go on behind this: next of the reply before"`
	Limit         int    `json:"limit,omitempty" jsonschema:"how many scrolls to find at the most; default 20"`
}

type searchReply struct {
	Phext   sq.PhextName `json:"phext"`
	Matches []match      `json:"matches"`
	Next    string       `json:"next,omitempty" jsonschema:"where the phext was not searched to its end: go on with this as after"`
}

// match is a scroll that has what is searched for.
type match struct {
	Coordinate string `json:"coordinate"`
	Bytes      int    `json:"bytes" jsonschema:"of the whole text"`
	Count      int    `json:"count" jsonschema:"how often the query is in it; 1000 stands for more too"`
	Offset     int    `json:"offset" jsonschema:"the byte of the text where it is first"`
	Excerpt    string `json:"excerpt"`
}

func (s *Server) search(ctx context.Context, in searchArguments) (out searchReply, err error) {
	name, err := s.phext(in.Phext)
	if err != nil {
		return out, err
	}
	find, err := newFinder(in.Query, in.CaseSensitive)
	if err != nil {
		return out, err
	}
	under, from, to, err := pattern(in.Under)
	if err != nil {
		return out, err
	}
	from, behind, err := beginning(from, in.After)
	if err != nil {
		return out, err
	}
	err = s.reading(ctx, name, func(snapshot sq.Snapshot) error {
		out = searchReply{Phext: name, Matches: []match{}}
		searched, last := 0, phext.Coordinate{}
		for scroll, err := range snapshot.Scan(from, to) {
			switch c := scroll.Coordinate; {
			case err != nil:
				return err
			case ctx.Err() != nil:
				return ctx.Err()
			case c == behind:
				continue
			case len(out.Matches) == cmp.Or(in.Limit, usualSearch) || searched > mostSearched:
				out.Next = last.String()
				return nil
			case under.Matches(c):
				out.take(find, scroll)
			}
			last = scroll.Coordinate
			searched += len(scroll.Text)
		}
		return nil
	})
	return out, err
}

// take adds a scroll where it has what is searched for.
func (out *searchReply) take(find *finder, scroll sq.Scroll) {
	from, to, count := find.find(scroll.Text, mostCount)
	if count > 0 {
		out.Matches = append(out.Matches, match{scroll.Coordinate.String(), len(scroll.Text), count, from, excerpt(scroll.Text, from, to)})
	}
}
