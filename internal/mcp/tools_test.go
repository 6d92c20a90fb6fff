package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/mcp"
	"github.com/wbic16/sq-go/internal/storetest"
	"github.com/wbic16/sq-go/phext"
)

// tools returns what a client is told of the tools.
func (a *agent) tools() map[string]*sdk.Tool {
	a.t.Helper()
	list, err := a.session.ListTools(context.Background(), nil)
	if err != nil {
		a.t.Fatal(err)
	}
	tools := map[string]*sdk.Tool{}
	for _, tool := range list.Tools {
		tools[tool.Name] = tool
	}
	return tools
}

// property is what a schema says of one argument.
type property struct {
	Description      string
	Minimum, Maximum float64
}

func properties(t *testing.T, tool *sdk.Tool) (found map[string]property, required []string) {
	t.Helper()
	var schema struct {
		Properties map[string]property
		Required   []string
	}
	text, err := json.Marshal(tool.InputSchema)
	if err == nil {
		err = json.Unmarshal(text, &schema)
	}
	if err != nil {
		t.Fatal(err)
	}
	return schema.Properties, schema.Required
}

// TestTools: what a model is told of each tool.
func TestTools(t *testing.T) {
	const reads, adds, destroys = "reads", "adds", "destroys"
	want := map[string]string{
		"sq_read": reads, "sq_list": reads, "sq_navigate": reads, "sq_info": reads, "sq_search": reads,
		"sq_append": adds, "sq_write": destroys, "sq_delete": destroys,
	}
	tools := served(t, mcp.Options{Store: storetest.NewModel(), Phext: "notes"}).tools()
	if len(tools) != len(want) {
		t.Errorf("%d tools, want %d", len(tools), len(want))
	}
	for name, kind := range want {
		tool := tools[name]
		if tool == nil {
			t.Errorf("there is no %s", name)
			continue
		}
		h := tool.Annotations
		if h.ReadOnlyHint != (kind == reads) || *h.DestructiveHint != (kind == destroys) || h.IdempotentHint != (kind == destroys) || *h.OpenWorldHint {
			t.Errorf("%s: %+v, destroys %v", name, h, *h.DestructiveHint)
		}
		of, required := properties(t, tool)
		if !strings.Contains(of["phext"].Description, "phext") || slices.Contains(required, "phext") {
			t.Errorf("%s: phext is %+v, required %v", name, of["phext"], required)
		}
		for argument, p := range of {
			if p.Description == "" {
				t.Errorf("%s: nothing is told of %s", name, argument)
			}
		}
		if name != "sq_info" && !strings.Contains(tool.Description, "library.shelf.series/collection.volume.book/chapter.section.scroll") || tool.Title == "" {
			t.Errorf("%s %q: what a coordinate is stands not in %q", name, tool.Title, tool.Description)
		}
	}
	if of, _ := properties(t, tools["sq_read"]); of["limit"].Minimum != 1 || of["limit"].Maximum != 65536 || !strings.HasSuffix(of["phext"].Description, `default "notes"`) {
		t.Errorf("sq_read: %+v", of)
	}
}

// TestReadOnly: there are no tools that write, and none can be called.
func TestReadOnly(t *testing.T) {
	store := filled(t, "1.1.1/1.1.1/1.1.1 kept")
	a := served(t, mcp.Options{Store: store, Phext: "notes", ReadOnly: true})
	for name := range a.tools() {
		if slices.Contains([]string{"sq_write", "sq_append", "sq_delete"}, name) {
			t.Errorf("there is %s", name)
		}
	}
	for _, name := range []string{"sq_write", "sq_append", "sq_delete"} {
		if _, err := a.session.CallTool(t.Context(), &sdk.CallToolParams{Name: name, Arguments: args{"coordinate": "1.1.1/1.1.1/1.1.1", "text": "x"}}); err == nil {
			t.Errorf("%s can be called", name)
		}
	}
	a.want("sq_info", nil, `{"version":"0.5.5","read_only":true,"phexts":1,"phext":{"name":"notes","exists":true,"bytes":4,"scrolls":1,"checksum":"`+phext.Sum([]byte("kept")).String()+`"}}`)
	if strings.Contains(a.session.InitializeResult().Instructions, "if_match") {
		t.Error("who cannot write is told how to")
	}
}

// TestPhextIsMeant: a tool without a phext takes the default, or asks which.
func TestPhextIsMeant(t *testing.T) {
	store := filled(t, "1.1.1/1.1.1/1.1.1 text")
	a := served(t, mcp.Options{Store: store})
	if _, required := properties(t, a.tools()["sq_read"]); !slices.Contains(required, "phext") {
		t.Errorf("phext may be left out: %v", required)
	}
	a.fails("sq_read", args{"coordinate": "1.1.1/1.1.1/1.1.1"}, "phext")
	a.fails("sq_read", args{"coordinate": "1.1.1/1.1.1/1.1.1", "phext": "note"}, `there is no phext "note"`, "sq_list without arguments")
	a.fails("sq_read", args{"coordinate": "1.1.1/1.1.1/1.1.1", "phext": "../notes"}, "Forbidden")
	a.fails("sq_write", args{"coordinate": "1.1.1/1.1.1/1.1.1", "phext": ".notes", "text": "x"}, "begins with a dot")
	a.want("sq_info", nil, `{"version":"0.5.5","read_only":false,"phexts":1}`)
	a.want("sq_info", args{"phext": "note"}, `{"version":"0.5.5","read_only":false,"phexts":1,"phext":{"name":"note","exists":false,"bytes":0,"scrolls":0}}`)
	a.want("sq_list", nil, `{"phexts":["notes"],"total":1}`)
}

// TestReadAndWrite: what is written is read, byte for byte.
func TestReadAndWrite(t *testing.T) {
	a := served(t, mcp.Options{Store: storetest.NewModel(), Phext: "notes"})
	const text = "<a href=\"x\"> & \u2028 \x00 \U0001f506 \\ufffd \ufffd\n"
	sum := phext.Sum([]byte(text)).String()
	a.want("sq_write", args{"coordinate": "1.1.1;1.1.1;2.1.3", "text": text},
		fmt.Sprintf(`{"phext":"notes","coordinate":"1.1.1/1.1.1/2.1.3","bytes_before":0,"bytes_after":%d,"checksum":"%s"}`, len(text), sum))
	var got struct{ Text, Checksum string }
	a.get("sq_read", args{"coordinate": "1.1.1/1.1.1/2.1.3"}, &got)
	if got.Text != text || got.Checksum != sum {
		t.Errorf("read %q %s, written %q %s", got.Text, got.Checksum, text, sum)
	}
	a.want("sq_read", args{"coordinate": "1.1.1/1.1.1/2.1.4"}, `{"phext":"notes","coordinate":"1.1.1/1.1.1/2.1.4","exists":false,"bytes":0,"text":""}`)
	a.want("sq_append", args{"coordinate": "1.1.1/1.1.1/1.1.1", "text": "one"}, `{"phext":"notes","coordinate":"1.1.1/1.1.1/1.1.1","bytes_before":0,"bytes_after":3}`)
	a.want("sq_append", args{"coordinate": "1.1.1/1.1.1/1.1.1", "text": "<two"}, `{"phext":"notes","coordinate":"1.1.1/1.1.1/1.1.1","bytes_before":3,"bytes_after":7}`)
	a.want("sq_read", args{"coordinate": "1.1.1/1.1.1/1.1.1"}, `{"phext":"notes","coordinate":"1.1.1/1.1.1/1.1.1","exists":true,"bytes":7,"checksum":"`+phext.Sum([]byte("one<two")).String()+`","text":"one<two"}`)
	a.want("sq_append", args{"coordinate": "1.1.1/1.1.1/1.1.9", "text": "three", "new_scroll": true}, `{"phext":"notes","coordinate":"1.1.1/1.1.1/1.1.2","bytes_before":0,"bytes_after":5}`)
	a.want("sq_delete", args{"coordinate": "1.1.1/1.1.1/1.1.2"}, `{"phext":"notes","coordinate":"1.1.1/1.1.1/1.1.2","bytes_before":5,"bytes_after":0}`)
	a.want("sq_delete", args{"coordinate": "1.1.1/1.1.1/1.1.2"}, `{"phext":"notes","coordinate":"1.1.1/1.1.1/1.1.2","bytes_before":0,"bytes_after":0}`)
}

// TestMistakes: a call that makes no sense says why, and changes nothing.
func TestMistakes(t *testing.T) {
	store := filled(t, "1.1.1/1.1.1/1.1.1 kept", "1.1.1/1.1.1/1.1.1000 far")
	a := served(t, mcp.Options{Store: store, Phext: "notes"})
	const first = "1.1.1/1.1.1/1.1.1"
	for _, c := range []struct {
		tool string
		args any
		want string
	}{
		{"sq_read", args{}, `missing properties: ["coordinate"]`},
		{"sq_read", args{"coordinate": "1.1.1"}, "want nine numbers like 1.1.1/1.1.1/3.1.20"},
		{"sq_read", args{"coordinate": first, "offset": 5}, "offset 5 is behind the end of the text, which has 4 bytes"},
		{"sq_read", args{"coordinate": first, "limit": 65537}, "65536"},
		{"sq_read", args{"coordinate": first, "limit": 0}, "minimum"},
		{"sq_read", args{"coordinate": first, "ofset": 1}, `unexpected additional properties ["ofset"]`},
		{"sq_write", args{"coordinate": first}, `missing properties: ["text"]`},
		{"sq_write", args{"coordinate": first, "text": ""}, "sq_delete removes a scroll; nothing was written"},
		{"sq_write", args{"coordinate": first, "text": 5}, "string"},
		{"sq_write", args{"coordinate": first, "text": "a\x17b"}, "; nothing was written"},
		{"sq_write", args{"coordinate": "1.1.1/1.1.1/1.1.1000", "text": "x"}, "the scroll is 1000, outside 1 to 999"},
		{"sq_write", args{"coordinate": "1.1.1/1.1.1/1.1.0", "text": "x"}, "the scroll is 0, outside 1 to 999"},
		{"sq_write", args{"coordinate": first, "text": "x", "if_match": "abc"}, "if_match: checksum: has 3 characters, want 32 hex digits"},
		{"sq_write", args{"coordinate": first, "text": "x", "if_match": phext.Sum(nil).String(), "if_absent": true}, "exclude each other"},
		{"sq_write", json.RawMessage(`{"coordinate":"` + first + `","text":"half \ud83d"}`), `\ud83d, half of a character`},
		{"sq_write", json.RawMessage(`{"coordinate":"` + first + `","text":"half \\\udd06 \ud83d\udd06"}`), `\udd06, half of a character`},
		{"sq_write", json.RawMessage(`{"coordinate":"` + first + `","text":"half \ud83d\u0041"}`), `\ud83d, half of a character`},
		{"sq_append", args{"coordinate": first, "text": ""}, "the text is empty; nothing was written"},
		{"sq_delete", args{"coordinate": first, "if_match": "x"}, "if_match"},
		{"sq_list", args{"under": "1.1.1/1.1.1/*.*.*"}, "no phext was given"},
		{"sq_list", args{"phext": "notes", "under": "1.1.1"}, "under: "},
		{"sq_list", args{"phext": "notes", "after": "here"}, "after: "},
		{"sq_list", args{"phext": "notes", "limit": 501}, "500"},
		{"sq_search", args{"query": " \n"}, "there is nothing to search for"},
		{"sq_search", args{"query": strings.Repeat("q", 1001)}, "has 1001 bytes, at most 1000"},
		{"sq_search", args{"query": "q", "limit": 101}, "100"},
		{"sq_navigate", args{"coordinate": "1.1.1/1.1.1/1.1.*"}, "no number for the scroll"},
	} {
		a.fails(c.tool, c.args, c.want)
	}
	want := storetest.State{phext.First: "kept", phext.First.With(8, 1000): "far"}
	if got := storetest.Read(t, store, "notes"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the phext is %v", got)
	}
	a.want("sq_delete", args{"coordinate": "1.1.1/1.1.1/1.1.1000"}, `{"phext":"notes","coordinate":"1.1.1/1.1.1/1.1.1000","bytes_before":3,"bytes_after":0}`)
	a.want("sq_write", json.RawMessage(`{"coordinate":"`+first+`","text":"\ud83d\udd06\\ud83d"}`),
		`{"phext":"notes","coordinate":"`+first+`","bytes_before":4,"bytes_after":10,"checksum":"`+phext.Sum([]byte(`🔆\ud83d`)).String()+`"}`)
}

// TestPieces: a long text comes in pieces of whole characters, which are all of it.
func TestPieces(t *testing.T) {
	text := strings.Repeat("añ🔆", 12_345)
	store := filled(t, "1.1.1/1.1.1/1.1.1 "+text, "1.1.1/1.1.1/1.1.2 "+strings.Repeat("x", 70_000))
	a := served(t, mcp.Options{Store: store, Phext: "notes"})
	for _, limit := range []int{0, 5000, 65536} {
		var got strings.Builder
		for offset, n := 0, 0; ; n++ {
			in := args{"coordinate": "1.1.1/1.1.1/1.1.1", "offset": offset}
			if limit > 0 {
				in["limit"] = limit
			}
			var piece struct {
				Text        string
				Bytes, Next int
				Checksum    phext.Checksum
			}
			a.get("sq_read", in, &piece)
			if len(piece.Text) > max(limit, 16384) && limit != 65536 || len(piece.Text) > 65536 || piece.Bytes != len(text) || piece.Checksum != phext.Sum([]byte(text)) {
				t.Fatalf("limit %d: a piece of %d bytes of %d", limit, len(piece.Text), piece.Bytes)
			}
			got.WriteString(piece.Text)
			if offset = piece.Next; offset == 0 || n > 100 {
				break
			}
		}
		if got.String() != text {
			t.Errorf("limit %d: the pieces are not the text", limit)
		}
	}
	a.fails("sq_read", args{"coordinate": "1.1.1/1.1.1/1.1.1", "offset": 2}, "offset 2 is inside a character, which begins at 1")
	a.want("sq_read", args{"coordinate": "1.1.1/1.1.1/1.1.1", "offset": 3, "limit": 1}, // a character is not halved
		fmt.Sprintf(`{"phext":"notes","coordinate":"1.1.1/1.1.1/1.1.1","exists":true,"bytes":%d,"checksum":"%v","text":"🔆","next":7}`, len(text), phext.Sum([]byte(text))))
}

// TestTwoAgents: of two that change the text that both have read, one is told, and
// what the other has written is not lost.
func TestTwoAgents(t *testing.T) {
	server := mcp.New(mcp.Options{Store: filled(t, "1.1.1/1.1.1/1.1.1 plan"), Phext: "notes"})
	one, two := connect(t, server), connect(t, server)
	const at = "1.1.1/1.1.1/1.1.1"
	var read struct{ Text, Checksum string }
	two.get("sq_read", args{"coordinate": at}, &read)
	var wrote struct{ Checksum string }
	one.get("sq_write", args{"coordinate": at, "text": "plan, by one", "if_match": read.Checksum}, &wrote)
	two.fails("sq_write", args{"coordinate": at, "text": "plan, by two", "if_match": read.Checksum},
		`the scroll at 1.1.1/1.1.1/1.1.1 of "notes" is not as you expect`, "checksum "+wrote.Checksum, "nothing was written", "sq_read")
	two.fails("sq_delete", args{"coordinate": at, "if_match": read.Checksum}, "checksum "+wrote.Checksum)
	two.fails("sq_write", args{"coordinate": at, "text": "x", "if_absent": true}, "checksum "+wrote.Checksum)
	two.get("sq_read", args{"coordinate": at}, &read)
	two.get("sq_write", args{"coordinate": at, "text": read.Text + ", by two", "if_match": read.Checksum}, &wrote)
	one.get("sq_read", args{"coordinate": at}, &read)
	if read.Text != "plan, by one, by two" || read.Checksum != wrote.Checksum {
		t.Errorf("%+v", read)
	}
	one.get("sq_delete", args{"coordinate": at, "if_match": read.Checksum}, &wrote)
	two.fails("sq_write", args{"coordinate": at, "text": "late", "if_match": read.Checksum}, "there is no scroll at 1.1.1/1.1.1/1.1.1", "if_absent")
	two.want("sq_write", args{"coordinate": at, "text": "new", "if_absent": true}, `{"phext":"notes","coordinate":"1.1.1/1.1.1/1.1.1","bytes_before":0,"bytes_after":3,"checksum":"`+phext.Sum([]byte("new")).String()+`"}`)
}

// TestManyAgents: agents at once that each add their line to one text, by if_match,
// lose none; nor do those that append.
func TestManyAgents(t *testing.T) {
	const agents, lines = 4, 10
	store := filled(t, "1.1.1/1.1.1/1.1.1 begin\n")
	server := mcp.New(mcp.Options{Store: store, Phext: "notes"})
	done := make(chan bool)
	for n := range agents {
		a := connect(t, server)
		go func() {
			defer func() { done <- true }()
			for line := range lines {
				a.addByMatch(fmt.Sprintf("agent %d line %d\n", n, line))
				a.call("sq_append", args{"coordinate": "1.1.1/1.1.1/2.1.1", "text": fmt.Sprintf("agent %d line %d\n", n, line), "new_scroll": true})
			}
		}()
	}
	for range agents {
		<-done
	}
	state := storetest.Read(t, store, "notes")
	if got := strings.Count(state[phext.First], "\n"); got != agents*lines+1 {
		t.Errorf("%d lines, want %d", got, agents*lines+1)
	}
	if got := len(state) - 1; got != agents*lines {
		t.Errorf("%d scrolls were added, want %d", got, agents*lines)
	}
}

// addByMatch adds a line as somebody does who replaces what was read.
func (a *agent) addByMatch(line string) {
	for {
		var read struct{ Text, Checksum string }
		a.get("sq_read", args{"coordinate": "1.1.1/1.1.1/1.1.1"}, &read)
		text, failed := a.call("sq_write", args{"coordinate": "1.1.1/1.1.1/1.1.1", "text": read.Text + line, "if_match": read.Checksum})
		if !failed {
			return
		}
		if !strings.Contains(text, "not as you expect") {
			a.t.Error(text)
			return
		}
	}
}

// failing is a store that fails in one way.
type failing struct {
	*storetest.Model
	err error
}

func (f *failing) Apply(context.Context, sq.PhextName, sq.Batch) ([]sq.Result, error) {
	return nil, f.err
}
func (f *failing) Snapshot(context.Context, sq.PhextName) (sq.Snapshot, error) { return nil, f.err }

// TestFailures: a failure is a reply that says what next, and tells nothing of what is
// inside.
func TestFailures(t *testing.T) {
	store := &failing{Model: storetest.NewModel()}
	a := served(t, mcp.Options{Store: store, Phext: "notes"})
	for want, err := range map[string]error{
		"internal error; ":                     fmt.Errorf("open /srv/secret: input/output error"),
		"disk is full; there is room again":    sq.Wrap(fmt.Errorf("secret"), sq.Full, "disk is full"),
		"busy; try again":                      sq.Errorf(sq.Busy, "busy"),
		"disk failed; it may have happened":    sq.Errorf(sq.Uncertain, "disk failed"),
		"notes is no phext; nothing was":       sq.Errorf(sq.Unreadable, "notes is no phext"),
		"Unauthorized; whoever runs":           sq.Errorf(sq.Unauthorized, "Unauthorized"),
		"the call was ended before it was don": context.DeadlineExceeded,
	} {
		store.err = err
		for _, tool := range []string{"sq_read", "sq_append"} {
			in := args{"coordinate": "1.1.1/1.1.1/1.1.1"}
			if tool == "sq_append" {
				in["text"] = "x"
			}
			a.fails(tool, in, want)
			if text, _ := a.call(tool, in); strings.Contains(text, "secret") {
				t.Errorf("%s tells %q", tool, text)
			}
		}
	}
}
