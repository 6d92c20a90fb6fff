package mcp

import (
	"cmp"
	"context"
	"unicode/utf8"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// How many bytes of a text a reply has, by default and at the most.
const usualText, mostText = 16 << 10, 64 << 10

var readTool = tool{
	name: "sq_read", title: "Read a scroll", limit: mostText,
	description: `Read the text of one scroll, with its checksum, which sq_write and sq_delete take as if_match. Where there is no scroll "exists" is false and the text empty, which is no error. A long text comes in pieces: go on with "next" as offset for as long as there is one. ` + coordinateForm,
}

type readArguments struct {
	Phext      string `json:"phext,omitempty" jsonschema:"the name of the phext"`
	Coordinate string `json:"coordinate" jsonschema:"the coordinate of the scroll, such as 1.1.1/1.1.1/2.1.3"`
	Offset     int    `json:"offset,omitempty" jsonschema:"the byte of the text to begin with; default 0"`
	Limit      int    `json:"limit,omitempty" jsonschema:"how many bytes of the text to answer at the most; default 16384"`
}

type readReply struct {
	Phext      sq.PhextName `json:"phext"`
	Coordinate string       `json:"coordinate"`
	Exists     bool         `json:"exists"`
	Bytes      int          `json:"bytes" jsonschema:"of the whole text"`
	Checksum   string       `json:"checksum,omitempty" jsonschema:"of the whole text, for if_match"`
	Text       string       `json:"text"`
	Next       int          `json:"next,omitempty" jsonschema:"the offset to go on with, where the text goes on"`
}

func (s *Server) read(ctx context.Context, in readArguments) (out readReply, err error) {
	name, at, err := s.place(in.Phext, in.Coordinate, phext.ParseStored)
	if err != nil {
		return out, err
	}
	out = readReply{Phext: name, Coordinate: at.String()}
	var text []byte
	err = s.reading(ctx, name, func(snapshot sq.Snapshot) (err error) {
		text, out.Exists, err = snapshot.Get(nil, at)
		return err
	})
	if err != nil {
		return out, err
	}
	if out.Bytes = len(text); out.Exists {
		out.Checksum = phext.Sum(text).String()
	}
	out.Text, out.Next, err = piece(text, in.Offset, cmp.Or(in.Limit, usualText))
	return out, err
}

// piece returns as much of a text as is asked for, whole characters, and where the
// next piece begins; 0 when there is none.
func piece(text []byte, offset, limit int) (got string, next int, err error) {
	if offset > len(text) {
		return "", 0, sq.Errorf(sq.Invalid, "offset %d is behind the end of the text, which has %d bytes; read it from offset 0", offset, len(text))
	}
	if offset < len(text) && !utf8.RuneStart(text[offset]) {
		return "", 0, sq.Errorf(sq.Invalid, "offset %d is inside a character, which begins at %d", offset, before(text, offset))
	}
	if len(text)-offset <= limit {
		return string(text[offset:]), 0, nil
	}
	next = before(text, offset+limit)
	if next == offset { // the limit is shorter than the character
		_, size := utf8.DecodeRune(text[offset:])
		next += size
	}
	if next == len(text) {
		return string(text[offset:]), 0, nil
	}
	return string(text[offset:next]), next, nil
}
