package mcp

import (
	"cmp"
	"context"
	"slices"

	"github.com/wbic16/sq-go"
)

var listTool = tool{
	name: "sq_list", title: "List phexts or scrolls", limit: mostList,
	description: `Without phext: list the names of the phexts there are. With phext: list its scrolls in the order of their coordinates, each with its size in bytes and its first line; "under" chooses a part, as 1.1.1/1.1.1/2.*.* does with chapter 2. Where there are more, go on with "next" as after. ` + coordinateForm,
}

type listArguments struct {
	Phext string `json:"phext,omitempty" jsonschema:"the name of the phext whose scrolls to list; without it the phexts are listed"`
	Under string `json:"under,omitempty" jsonschema:"a coordinate in which * stands for any number, such as 1.1.1/1.1.1/2.*.*; default all"`
	After string `json:"after,omitempty" jsonschema:"go on behind this: next of the reply before"`
	Limit int    `json:"limit,omitempty" jsonschema:"how many to list at the most; default 100"`
}

type listReply struct {
	Phexts  []sq.PhextName `json:"phexts,omitzero" jsonschema:"the phexts, where no phext was given"`
	Default sq.PhextName   `json:"default,omitempty" jsonschema:"the phext that other tools take where they are given none"`
	Phext   sq.PhextName   `json:"phext,omitempty"`
	Scrolls []listed       `json:"scrolls,omitzero" jsonschema:"the scrolls of the phext that was given"`
	Total   int            `json:"total" jsonschema:"how many phexts there are, or scrolls in the phext, under chosen or not"`
	Next    string         `json:"next,omitempty" jsonschema:"where there are more: go on with this as after"`
}

// listed is a scroll in a list.
type listed struct {
	Coordinate string `json:"coordinate"`
	Bytes      int    `json:"bytes"`
	FirstLine  string `json:"first_line" jsonschema:"of the text, 80 bytes at the most; it ends in … where the text goes on"`
}

func newListed(scroll sq.Scroll) listed {
	return listed{scroll.Coordinate.String(), len(scroll.Text), firstLine(scroll.Text)}
}

func (s *Server) list(ctx context.Context, in listArguments) (listReply, error) {
	limit := cmp.Or(in.Limit, usualList)
	if in.Phext != "" {
		return s.listScrolls(ctx, in, limit)
	}
	if in.Under != "" {
		return listReply{}, sq.Errorf(sq.Invalid, "under chooses scrolls, and no phext was given; give its name as phext")
	}
	names, err := s.Store.List(ctx)
	if err != nil {
		return listReply{}, err
	}
	out := listReply{Phexts: []sq.PhextName{}, Default: s.Phext, Total: len(names)}
	rest := slices.DeleteFunc(names, func(n sq.PhextName) bool { return string(n) <= in.After })
	out.Phexts = append(out.Phexts, rest[:min(limit, len(rest))]...)
	if len(rest) > limit {
		out.Next = string(rest[limit-1])
	}
	return out, nil
}

// listScrolls lists the scrolls of a phext. It reads the phext as far as it lists.
func (s *Server) listScrolls(ctx context.Context, in listArguments, limit int) (out listReply, err error) {
	name, err := s.phext(in.Phext)
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
		out = listReply{Phext: name, Scrolls: []listed{}, Total: snapshot.Scrolls()}
		for scroll, err := range snapshot.Scan(from, to) {
			switch {
			case err != nil:
				return err
			case ctx.Err() != nil:
				return ctx.Err()
			case scroll.Coordinate == behind || !under.Matches(scroll.Coordinate):
				continue
			case len(out.Scrolls) == limit:
				out.Next = out.Scrolls[limit-1].Coordinate
				return nil
			}
			out.Scrolls = append(out.Scrolls, newListed(scroll))
		}
		return nil
	})
	return out, err
}
