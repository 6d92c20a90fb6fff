package mcp

import (
	"context"
	"strconv"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

var navigateTool = tool{
	name: "sq_navigate", title: "Look around a coordinate",
	description: `Tell what is around a coordinate, whether something stands there or not. "previous" and "next" are the nearest scrolls with a text before and behind it. "parents" are the beginnings of the divisions around it, the nearest first: of 1.1.1/1.1.1/2.3.4 its section 1.1.1/1.1.1/2.3.1, its chapter 1.1.1/1.1.1/2.1.1, and the phext 1.1.1/1.1.1/1.1.1. "children" are the divisions that begin under it and have text: of 1.1.1/1.1.1/2.1.1 the other sections of the chapter, and the other scrolls of its first section; 100 at the most. ` + coordinateForm,
}

type navigateArguments struct {
	Phext      string `json:"phext,omitempty" jsonschema:"the name of the phext"`
	Coordinate string `json:"coordinate" jsonschema:"the coordinate to look around, such as 1.1.1/1.1.1/2.1.1"`
}

type navigateReply struct {
	Phext      sq.PhextName `json:"phext"`
	Coordinate string       `json:"coordinate"`
	Here       *listed      `json:"here,omitempty" jsonschema:"the scroll at the coordinate, where there is one"`
	Previous   *listed      `json:"previous,omitempty" jsonschema:"the nearest scroll before, where there is one"`
	Next       *listed      `json:"next,omitempty" jsonschema:"the nearest scroll behind, where there is one"`
	Parents    []division   `json:"parents" jsonschema:"the beginnings of the divisions around, the nearest first"`
	Children   []division   `json:"children" jsonschema:"the divisions with text that begin under the coordinate"`
	More       string       `json:"more,omitempty" jsonschema:"where there are more children: how to see them"`
}

// division is a place where a division of a phext begins.
type division struct {
	Division   string `json:"division" jsonschema:"what begins there, such as chapter"`
	Coordinate string `json:"coordinate"`
	Scrolls    int    `json:"scrolls,omitempty" jsonschema:"of a child: how many scrolls it has"`
	FirstLine  string `json:"first_line,omitempty" jsonschema:"of a parent: of the scroll at its coordinate; of a child: of its first scroll"`
}

// divisions are the names of what the components count.
var divisions = [phext.Dimensions]string{"library", "shelf", "series", "collection", "volume", "book", "chapter", "section", "scroll"}

// depth returns the number of leading components down to the last that is not 1:
// what begins at c. It is 0 where the phext begins.
func depth(c phext.Coordinate) int {
	d := phext.Dimensions
	for d > 0 && c.Component(d-1) == 1 {
		d--
	}
	return d
}

// divisionAt names what begins at c.
func divisionAt(c phext.Coordinate) string {
	if d := depth(c); d > 0 {
		return divisions[d-1]
	}
	return "phext"
}

// parent returns the beginning of the division that c is directly under.
func parent(c phext.Coordinate) phext.Coordinate { return c.With(depth(c)-1, 1) }

// child returns which child of c the coordinate x is in, or is; false when it is in
// none.
func child(c, x phext.Coordinate) (phext.Coordinate, bool) {
	d := depth(c)
	for i := range phext.Dimensions {
		n := x.Component(i)
		switch {
		case i < d && n != c.Component(i):
			return c, false
		case i >= d && n != 1:
			return c.With(i, n), true
		}
	}
	return c, false
}

// navigate reads the phext up to the first scroll behind what is under the coordinate.
func (s *Server) navigate(ctx context.Context, in navigateArguments) (out navigateReply, err error) {
	name, at, err := s.place(in.Phext, in.Coordinate, phext.ParseStored)
	if err != nil {
		return out, err
	}
	err = s.reading(ctx, name, func(snapshot sq.Snapshot) error {
		out = navigateReply{Phext: name, Coordinate: at.String(), Children: []division{}}
		out.Parents = parents(at)
		for scroll, err := range snapshot.Scan(phext.First, phext.Last) {
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if !out.meet(at, scroll) {
				break
			}
		}
		return nil
	})
	return out, err
}

// parents returns the parents of a coordinate, before anything is known of them.
func parents(c phext.Coordinate) []division {
	list := []division{}
	for depth(c) > 0 {
		c = parent(c)
		list = append(list, division{Division: divisionAt(c), Coordinate: c.String()})
	}
	return list
}

// meet takes in the next scroll of the phext; false when it is the last that matters.
func (out *navigateReply) meet(at phext.Coordinate, scroll sq.Scroll) (goOn bool) {
	l := newListed(scroll)
	switch c := scroll.Coordinate; {
	case c.Less(at):
		for i := range out.Parents {
			if out.Parents[i].Coordinate == l.Coordinate {
				out.Parents[i].FirstLine = l.FirstLine
			}
		}
		out.Previous = &l
		return true
	case c == at:
		out.Here = &l
		return true
	}
	if out.Next == nil {
		out.Next = &l
	}
	in, ok := child(at, scroll.Coordinate)
	if !ok {
		return false
	}
	return out.under(at, in, l)
}

// under counts a scroll to the child that it is in.
func (out *navigateReply) under(at, in phext.Coordinate, l listed) (goOn bool) {
	n := len(out.Children)
	if n > 0 && out.Children[n-1].Coordinate == in.String() {
		out.Children[n-1].Scrolls++
		return true
	}
	if n == mostChildren {
		out.More = "sq_list with under " + under(at) + " and after " + out.Children[n-1].Coordinate
		return false
	}
	out.Children = append(out.Children, division{divisionAt(in), in.String(), 1, l.FirstLine})
	return true
}

// under returns the pattern of all that is under a coordinate.
func under(c phext.Coordinate) string {
	var text []byte
	for i, d := 0, depth(c); i < phext.Dimensions; i++ {
		switch {
		case i == 0:
		case i%3 == 0:
			text = append(text, '/')
		default:
			text = append(text, '.')
		}
		if i < d {
			text = strconv.AppendInt(text, int64(c.Component(i)), 10)
		} else {
			text = append(text, '*')
		}
	}
	return string(text)
}
