package mcp

import (
	"context"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

var (
	writeTool = tool{
		name: "sq_write", title: "Write a scroll", writes: true, destroys: true, repeatable: true,
		description: `Replace the whole text of one scroll, or make the scroll; the phext is made as well. Give if_match, the checksum that sq_read answered, when you change a text that you have read, or if_absent when you expect none: should somebody else have been faster nothing is written, and you are told. The text may have any characters but the nine delimiters of phext (bytes 01, 17 to 1A, 1C to 1F). ` + coordinateForm,
	}
	appendTool = tool{
		name: "sq_append", title: "Add text", writes: true,
		description: `Add text to the end of one scroll, which is made where there is none; nothing is put between, so begin with a line break where you want one. With new_scroll the text becomes a scroll of its own behind the last one of the section, and the reply says where: two callers never get the same place. Doing it twice adds twice. ` + coordinateForm,
	}
	deleteTool = tool{
		name: "sq_delete", title: "Delete a scroll", writes: true, destroys: true, repeatable: true,
		description: `Remove one scroll. Where there is none nothing happens, which is no error. Give if_match, the checksum that sq_read answered, to remove only the text that you have read. ` + coordinateForm,
	}
)

type writeArguments struct {
	Phext      string `json:"phext,omitempty" jsonschema:"the name of the phext"`
	Coordinate string `json:"coordinate" jsonschema:"the coordinate of the scroll, such as 1.1.1/1.1.1/2.1.3"`
	Text       string `json:"text" jsonschema:"the whole new text"`
	IfMatch    string `json:"if_match,omitempty" jsonschema:"write only where the scroll has this checksum"`
	IfAbsent   bool   `json:"if_absent,omitempty" jsonschema:"write only where there is no scroll"`
}

type appendArguments struct {
	Phext      string `json:"phext,omitempty" jsonschema:"the name of the phext"`
	Coordinate string `json:"coordinate" jsonschema:"the coordinate of the scroll, such as 1.1.1/1.1.1/2.1.3; with new_scroll any coordinate of the section"`
	Text       string `json:"text" jsonschema:"the text to add"`
	NewScroll  bool   `json:"new_scroll,omitempty" jsonschema:"put the text into a new scroll behind the last one of the section"`
}

type deleteArguments struct {
	Phext      string `json:"phext,omitempty" jsonschema:"the name of the phext"`
	Coordinate string `json:"coordinate" jsonschema:"the coordinate of the scroll, such as 1.1.1/1.1.1/2.1.3"`
	IfMatch    string `json:"if_match,omitempty" jsonschema:"delete only where the scroll has this checksum"`
}

// written is the reply to what writes.
type written struct {
	Phext      sq.PhextName `json:"phext"`
	Coordinate string       `json:"coordinate"`
	Before     int64        `json:"bytes_before" jsonschema:"of the text before; 0 where there was no scroll"`
	After      int64        `json:"bytes_after" jsonschema:"of the text now; 0 where there is no scroll"`
	Checksum   string       `json:"checksum,omitempty" jsonschema:"of the text that was written, for if_match"`
}

func (s *Server) write(ctx context.Context, in writeArguments) (written, error) {
	if in.Text == "" {
		return written{}, sq.Errorf(sq.Invalid, "the text is empty; sq_delete removes a scroll; nothing was written")
	}
	holds, err := condition(in.IfMatch, in.IfAbsent)
	if err != nil {
		return written{}, err
	}
	out, err := s.apply(ctx, in.Phext, in.Coordinate, sq.Op{Kind: sq.Put, Text: []byte(in.Text), If: holds})
	if err == nil {
		out.Checksum = phext.Sum([]byte(in.Text)).String()
	}
	return out, err
}

func (s *Server) append(ctx context.Context, in appendArguments) (written, error) {
	if in.Text == "" {
		return written{}, sq.Errorf(sq.Invalid, "the text is empty; nothing was written")
	}
	kind := sq.Append
	if in.NewScroll {
		kind = sq.AppendNext
	}
	return s.apply(ctx, in.Phext, in.Coordinate, sq.Op{Kind: kind, Text: []byte(in.Text)})
}

func (s *Server) delete(ctx context.Context, in deleteArguments) (written, error) {
	holds, err := condition(in.IfMatch, false)
	if err != nil {
		return written{}, err
	}
	return s.apply(ctx, in.Phext, in.Coordinate, sq.Op{Kind: sq.Delete, If: holds})
}

// apply carries out an operation at a coordinate.
func (s *Server) apply(ctx context.Context, phextName, coordinate string, op sq.Op) (out written, err error) {
	parse := phext.ParseCoordinate
	if op.Kind == sq.Delete {
		parse = phext.ParseStored // what a file has may be removed
	}
	name, at, err := s.place(phextName, coordinate, parse)
	if err != nil {
		return out, err
	}
	op.Coordinate = at
	if err := op.Check(); err != nil {
		return out, sq.Errorf(sq.Invalid, "%s; nothing was written", sq.ErrorMessage(err))
	}
	results, err := s.Store.Apply(ctx, name, sq.Batch{op})
	if sq.ErrorCode(err) == sq.Precondition {
		return out, s.overtaken(ctx, name, at)
	}
	if err != nil {
		return out, err
	}
	r := results[0]
	return written{Phext: name, Coordinate: r.Coordinate.String(), Before: r.Before, After: r.After}, nil
}

// overtaken says what stands where a condition did not hold.
func (s *Server) overtaken(ctx context.Context, name sq.PhextName, at phext.Coordinate) error {
	var text []byte
	var there bool
	err := s.reading(ctx, name, func(snapshot sq.Snapshot) (err error) {
		text, there, err = snapshot.Get(nil, at)
		return err
	})
	switch {
	case err == nil && there:
		return sq.Errorf(sq.Precondition, "the scroll at %v of %q is not as you expect: it has %d bytes now, with the checksum %v; nothing was written. "+
			"Read it with sq_read, put together what it says and what you want to say, and write that with its checksum as if_match", at, name, len(text), phext.Sum(text))
	case err == nil || sq.ErrorCode(err) == sq.NotFound:
		return sq.Errorf(sq.Precondition, "there is no scroll at %v of %q any more; nothing was written. To make it give if_absent in place of if_match", at, name)
	}
	return sq.Errorf(sq.Precondition, "the scroll at %v of %q is not as you expect; nothing was written. Read it again with sq_read", at, name)
}
