package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/google/jsonschema-go/jsonschema"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/wbic16/sq-go"
)

// tool is what a client is told of a tool, beside the types of its arguments and
// replies.
type tool struct {
	name, title, description string
	// limit is the largest number that the argument limit may be; 0: there is none.
	limit int

	writes, destroys, repeatable bool
}

// limits of what the tools find, by default and at the most.
const (
	usualList, mostList     = 100, 500
	usualSearch, mostSearch = 20, 100
	mostChildren            = 100
)

// add adds a tool. Its failures become replies.
func add[In, Out any](s *Server, t tool, do func(*Server, context.Context, In) (Out, error)) {
	no := false
	sdk.AddTool(s.sdk, &sdk.Tool{
		Name: t.name, Title: t.title, Description: t.description, InputSchema: schema[In](s.Options, t),
		Annotations: &sdk.ToolAnnotations{Title: t.title, ReadOnlyHint: !t.writes, DestructiveHint: &t.destroys, IdempotentHint: t.repeatable, OpenWorldHint: &no},
	}, func(ctx context.Context, request *sdk.CallToolRequest, in In) (*sdk.CallToolResult, Out, error) {
		var out Out
		err := checkVerbatim(request.Params.Arguments)
		if err == nil {
			out, err = do(s, ctx, in)
		}
		if err != nil {
			return nil, out, s.failure(t.name, err)
		}
		text, err := plain(out)
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: text}}}, out, err
	})
}

// plain is the JSON of a reply, in which a model can read "<" as it stands.
func plain(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), err
}

// What was found out of types, which takes milliseconds, is kept: servers over HTTP are
// made for a call each.
var (
	ofTypes = sdk.NewSchemaCache()
	schemas sync.Map // of *jsonschema.Schema, by schemaKey: a few
)

type schemaKey struct {
	tool  string
	phext sq.PhextName // that is the default
}

// schema describes the arguments of a tool. Nobody changes it.
func schema[In any](o Options, t tool) *jsonschema.Schema {
	key := schemaKey{t.name, o.Phext}
	s, ok := schemas.Load(key)
	if !ok {
		s, _ = schemas.LoadOrStore(key, newSchema[In](o, t))
	}
	return s.(*jsonschema.Schema)
}

// newSchema makes a schema. What the types do not say stands here: bounds of numbers,
// and which phext is meant.
func newSchema[In any](o Options, t tool) *jsonschema.Schema {
	s, err := jsonschema.For[In](nil)
	if err != nil {
		panic(fmt.Sprintf("mcp: %s: %v", t.name, err)) // the types are ours
	}
	if limit := s.Properties["limit"]; limit != nil {
		limit.Minimum, limit.Maximum = jsonschema.Ptr(1.0), jsonschema.Ptr(float64(t.limit))
	}
	if offset := s.Properties["offset"]; offset != nil {
		offset.Minimum = jsonschema.Ptr(0.0)
	}
	p := s.Properties["phext"]
	p.MinLength, p.MaxLength = jsonschema.Ptr(1), jsonschema.Ptr(sq.MaxPhextName)
	switch {
	case t.name == listTool.name: // says itself what it does without
	case o.Phext != "":
		p.Description += fmt.Sprintf("; default %q", o.Phext)
	case t.name != infoTool.name:
		s.Required = append(s.Required, "phext")
	}
	return s
}
