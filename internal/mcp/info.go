package mcp

import (
	"context"

	"github.com/wbic16/sq-go"
)

var infoTool = tool{
	name: "sq_info", title: "About SQ and a phext",
	description: `Tell the version of SQ, whether it can be written to, how many phexts there are, and of one phext its size in bytes, its number of scrolls and its checksum, which changes whenever a text does. A phext that does not exist has "exists" false, which is no error.`,
}

type infoArguments struct {
	Phext string `json:"phext,omitempty" jsonschema:"the name of the phext"`
}

type infoReply struct {
	Version  string     `json:"version" jsonschema:"of SQ"`
	ReadOnly bool       `json:"read_only" jsonschema:"there are no tools that write"`
	Phexts   int        `json:"phexts" jsonschema:"how many there are; sq_list lists them"`
	Phext    *aboutText `json:"phext,omitempty" jsonschema:"the phext, where one was meant"`
}

type aboutText struct {
	Name     sq.PhextName `json:"name"`
	Exists   bool         `json:"exists"`
	Bytes    int64        `json:"bytes"`
	Scrolls  int          `json:"scrolls"`
	Checksum string       `json:"checksum,omitempty"`
}

func (s *Server) info(ctx context.Context, in infoArguments) (infoReply, error) {
	out := infoReply{Version: sq.Version, ReadOnly: s.ReadOnly}
	names, err := s.Store.List(ctx)
	if err != nil {
		return out, err
	}
	out.Phexts = len(names)
	if in.Phext == "" && s.Phext == "" {
		return out, nil
	}
	name, err := s.phext(in.Phext)
	if err != nil {
		return out, err
	}
	out.Phext = &aboutText{Name: name}
	err = s.reading(ctx, name, func(snapshot sq.Snapshot) error {
		sum, err := snapshot.Checksum()
		*out.Phext = aboutText{name, true, snapshot.Size(), snapshot.Scrolls(), sum.String()}
		return err
	})
	if sq.ErrorCode(err) == sq.NotFound {
		err = nil
	}
	return out, err
}
