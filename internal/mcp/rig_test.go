package mcp_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"github.com/wbic16/sq-go/internal/mcp"
	"github.com/wbic16/sq-go/internal/storetest"
	"github.com/wbic16/sq-go/phext"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// agent is a client of the SDK that calls tools.
type agent struct {
	t       testing.TB
	session *sdk.ClientSession
}

// args are the arguments of a call.
type args map[string]any

// served connects an agent to a server over memory, until the test ends.
func served(t testing.TB, o mcp.Options) *agent {
	t.Helper()
	return connect(t, mcp.New(o))
}

func connect(t testing.TB, server *mcp.Server) *agent {
	t.Helper()
	here, there := sdk.NewInMemoryTransports()
	ended := make(chan error, 1)
	go func() { ended <- server.Run(context.Background(), there) }()
	session, err := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil).Connect(context.Background(), here, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		session.Close()
		if err := <-ended; err != nil {
			t.Errorf("the server ended: %v", err)
		}
	})
	return &agent{t, session}
}

// call calls a tool, and returns the text of its reply, and whether that is a failure.
func (a *agent) call(tool string, arguments any) (text string, failed bool) {
	a.t.Helper()
	reply, err := a.session.CallTool(context.Background(), &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		a.t.Fatalf("%s %v: %v", tool, arguments, err)
	}
	content, ok := reply.Content[0].(*sdk.TextContent)
	if len(reply.Content) != 1 || !ok {
		a.t.Fatalf("%s %v: %v", tool, arguments, reply.Content)
	}
	if !reply.IsError {
		a.same(content.Text, reply.StructuredContent)
	}
	return content.Text, reply.IsError
}

// same fails when what a model reads is not what a program gets.
func (a *agent) same(text string, structured any) {
	a.t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		a.t.Fatalf("%s: %v", text, err)
	}
	got, _ := json.Marshal(v)
	if want, _ := json.Marshal(structured); string(got) != string(want) {
		a.t.Errorf("the text is %s, the object %s", got, want)
	}
}

// want calls a tool whose reply has to be this JSON.
func (a *agent) want(tool string, arguments any, want string) {
	a.t.Helper()
	if got, failed := a.call(tool, arguments); failed || got != want {
		a.t.Errorf("%s %v\n%s\nand not\n%s", tool, arguments, got, want)
	}
}

// fails calls a tool that has to fail and to say all of these.
func (a *agent) fails(tool string, arguments any, wants ...string) {
	a.t.Helper()
	got, failed := a.call(tool, arguments)
	for _, want := range wants {
		if !failed || !strings.Contains(got, want) {
			a.t.Errorf("%s %v: failed %v, %q; want %q", tool, arguments, failed, got, want)
		}
	}
}

// get calls a tool that has to work, and reads its reply.
func (a *agent) get(tool string, arguments, reply any) {
	a.t.Helper()
	text, failed := a.call(tool, arguments)
	if failed {
		a.t.Fatalf("%s %v: %s", tool, arguments, text)
	}
	if err := json.Unmarshal([]byte(text), reply); err != nil {
		a.t.Fatal(err)
	}
}

// filled is a store in which the phext "notes" has these scrolls, as COORD TEXT.
func filled(t testing.TB, scrolls ...string) *storetest.Model {
	t.Helper()
	m, state := storetest.NewModel(), map[phext.Coordinate]string{}
	for _, s := range scrolls {
		at, text, _ := strings.Cut(s, " ")
		c, err := phext.ParseStored(at)
		if err != nil {
			t.Fatal(err)
		}
		state[c] = text
	}
	if err := m.Replace(context.Background(), "notes", strings.NewReader(phext.Implode(state))); err != nil {
		t.Fatal(err)
	}
	return m
}
