package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wbic16/sq-go"
)

const batchPath = "/api/v2/batch?p=notes"

// lines joins operations to a body.
func lines(ops ...string) string { return strings.Join(ops, "\n") }

func TestBatch(t *testing.T) {
	r := newRig(t, twoTenants, Options{Limits: Limits{BodyBytes: 1000}})
	one, two := `"c":"1.1.1/1.1.1/1.1.1"`, `"c":"1.1.1/1.1.1/1.1.2"`
	r.run([]row{
		{"all of it", post(batchPath, lines(
			`{"op":"put",`+one+`,"text":"a\"\\\/\u00e9\ud83d\ude00\n"}`, "", ` { "op" : "append" , `+one+` , "text" : "+" } `+"\r",
			`{"op":"append-next",`+one+`,"text":"next"}`, `{`+two+`,"op":"delete"}`)), 200,
			lines(`{"c":"1.1.1/1.1.1/1.1.1","before":0,"after":11}`, `{"c":"1.1.1/1.1.1/1.1.1","before":11,"after":12}`,
				`{"c":"1.1.1/1.1.1/1.1.2","before":0,"after":4}`, `{"c":"1.1.1/1.1.1/1.1.2","before":4,"after":0}`, ""),
			[]string{"Content-Type: application/x-ndjson", "Cache-Control: no-store"}, nil},
		{"is there", get("/api/v2/get?p=notes"), 200, "a\"\\/é😀\n+", nil, nil},
		{"conditions that hold", post(batchPath, lines(`{"op":"put",`+one+`,"text":"b","if_match":"`+checksum("a\"\\/é😀\n+")+`"}`,
			`{"op":"append",`+one+`,"text":"c","if_match":"*"}`, `{"op":"put",`+two+`,"text":"d","if_none_match":"*"}`)), 200, "", nil, nil},
		{"the empty text removes", post(batchPath, `{"op":"put",`+two+`,"text":""}`), 200, `{"c":"1.1.1/1.1.1/1.1.2","before":1,"after":0}` + "\n", nil, nil},
		{"deletes where nothing can be written", post(batchPath, `{"op":"delete","c":"1.1.1/1.1.1/1.1.16383"}`), 200, `{"c":"1.1.1/1.1.1/1.1.16383","before":0,"after":0}` + "\n", nil, nil},
		{"a coordinate as in URLs", post(batchPath, `{"op":"delete","c":"1.1.1;1.1.1;1.1.9"}`), 200, "", nil, nil},
	})
	const was = "bc"
	bad := func(what, body string, status int, text string) row {
		return row{what, with(post(batchPath, body), "X: "+what), status, text, nil, nil}
	}
	good := `{"op":"put",` + two + `,"text":"not to be seen"}`
	rows := []row{
		bad("a condition that does not hold", lines(good, "", `{"op":"delete",`+one+`,"if_match":"`+checksum("x")+`"}`), 412, "~line 3: "),
		bad("the only one does not hold", lines("", `{"op":"put",`+one+`,"text":"x","if_none_match":"*"}`), 412, "~line 2: "),
		bad("no place left", lines(good, `{"op":"put","c":"1.1.1/1.1.1/1.999.999","text":"x"}`, `{"op":"append-next","c":"1.1.1/1.1.1/1.999.1","text":"x"}`), 409, "~line 3: "),
		bad("a delimiter", lines(good, `{"op":"put",`+one+`,"text":"a\u0017b"}`), 400, "~line 2: "),
		bad("broken UTF-8", lines(good, `{"op":"put",`+one+`,"text":"a`+"\xff"+`b"}`), 400, "~line 2: "),
		bad("half a character", `{"op":"put",`+one+`,"text":"\ud83d"}`, 400, "~line 1: byte 45: "),
		bad("the wrong half", `{"op":"put",`+one+`,"text":"\ude00\ud83d"}`, 400, "~no escape"),
		bad("a field that there is none of", lines(good, `{"op":"put",`+one+`,"text":"a","iff":"x"}`), 400, `~line 2: byte 53: there is no field "iff"`),
		bad("a field twice", `{"op":"put",`+one+`,"text":"a","text":"b"}`, 400, `~the field "text" stands twice`),
		bad("a number", `{"op":"put",`+one+`,"text":1}`, 400, `~want a string for "text"`),
		bad("null", `{"op":"put",`+one+`,"text":null}`, 400, `~want a string for "text"`),
		bad("an array", `[`+good+`]`, 400, "~line 1: byte 1: want an object"),
		bad("two on a line", good+good, 400, "~something behind the object"),
		bad("half an object", `{"op":"put",`+one+`,"text":"a"`, 400, "~want ',' or '}'"),
		bad("half a string", `{"op":"put",`+one+`,"text":"a`, 400, "~has no end"),
		bad("a comma too many", `{"op":"delete",`+one+`,}`, 400, "~want the name of a field"),
		bad("a control character", "{\"op\":\"put\","+one+",\"text\":\"a\tb\"}", 400, "~control character"),
		bad("no text", `{"op":"put",`+one+`}`, 400, "~line 1: text: is missing"),
		bad("a text to delete", `{"op":"delete",`+one+`,"text":""}`, 400, "~a delete has none"),
		bad("nothing to append", `{"op":"append-next",`+one+`,"text":""}`, 400, "~the text is empty"),
		bad("no op", `{`+one+`,"text":"a"}`, 400, "~op: is missing"),
		bad("another op", `{"op":"Put",`+one+`,"text":"a"}`, 400, `~op: is "Put", want put, append, delete or append-next`),
		bad("no coordinate", `{"op":"delete"}`, 400, "~c: is missing"),
		bad("a coordinate that is none", `{"op":"put","c":"1.1.1","text":"a"}`, 400, "~line 1: c: "),
		bad("too far to write", `{"op":"put","c":"1.1.1/1.1.1/1.1.1000","text":"a"}`, 400, "~line 1: c: "),
		bad("both conditions", `{"op":"delete",`+one+`,"if_match":"*","if_none_match":"*"}`, 400, "~only one of them"),
		bad("a tag in quotes", `{"op":"delete",`+one+`,"if_match":"\"`+checksum("x")+`\""}`, 400, "~if_match: "),
		bad("absent, but how", `{"op":"delete",`+one+`,"if_none_match":"`+checksum("x")+`"}`, 400, "~can only be *"),
		bad("nothing", "", 400, "~has no operation"),
		bad("empty lines", "\n \n", 400, "~has no operation"),
		bad("too long", lines(good, `{"op":"put",`+one+`,"text":"`+strings.Repeat("x", 1000)+`"}`), 413, "~1000 bytes"),
		{"a condition on all", with(post(batchPath, good), "If-Match: *"), 400, "~conditions on a scroll", nil, nil},
		{"to read", with(post(batchPath, good), "Authorization: alice's to read"), 403, "", nil, nil},
		{"by GET", request{path: batchPath}, 405, "", []string{"Allow: POST"}, nil},
		{"which phext", post("/api/v2/batch", good), 400, "~p=NAME", nil, nil},
		{"none of it was done", get("/api/v2/get?p=notes"), 200, was, nil, nil},
	}
	r.run(rows)
	reply, text := r.send(with(post(batchPath, lines(good, `{"op":"delete"}`)), "Accept: application/json"))
	var p problem
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Line != 2 || p.Code != sq.Invalid || reply.StatusCode != 400 {
		t.Errorf("%s, %v", text, err)
	}
}

// TestBatchIsBounded: what many short lines cost is.
func TestBatchIsBounded(t *testing.T) {
	r := newRig(t, twoTenants, Options{})
	body := strings.Repeat(`{"op":"delete","c":"1.1.1/1.1.1/1.1.1"}`+"\n", mostOps+1)
	if reply, text := r.send(post(batchPath, body)); reply.StatusCode != 413 || !strings.Contains(text, fmt.Sprint(mostOps)) {
		t.Errorf("%d %q", reply.StatusCode, text)
	}
}

// FuzzOp holds the parser of operations to encoding/json: what it takes is the same
// there, and what it refuses is not JSON, or is one of the few things that it is more
// strict about. What it took is an operation that makes sense.
func FuzzOp(f *testing.F) {
	for _, line := range []string{
		`{"op":"put","c":"1.1.1/1.1.1/1.1.1","text":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`, `{"op":"delete","c":"1.1.1/1.1.1/1.1.16383","if_match":"*"}`,
		`{"op":"append-next","c":"1.1.1/1.1.1/1.1.1","text":"x","if_none_match":"*"}`, ` { } `, `{"op":"put","op":"put"}`, `{"text":"\ud83d\u0041"}`,
		`{"op":"append","c":"1.1.1;1.1.1;1.1.1","text":"` + "\xff" + `"}`, `{"\u006fp":"put"}`, `{"op":"put",}`, `{"a":1}`, `{"op":"\u0000\uFFFD"}`, `[]`, `{"OP":"put"}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if op, err := parseOp(line); err == nil && op.Check() != nil || err != nil && sq.ErrorCode(err) != sq.Invalid {
			t.Fatalf("%q: %v, %v", line, op, err)
		}
		ours, theirs := map[string]string{}, map[string]any{}
		values := map[string]*[]byte{}
		err := readObject(line, func(name []byte) *[]byte {
			if values[string(name)] == nil {
				values[string(name)] = new([]byte)
			}
			return values[string(name)]
		})
		err2 := json.Unmarshal(line, &theirs)
		strict := !utf8.Valid(line) || bytes.Contains(line, []byte(`\u`)) || len(theirs) < bytes.Count(line, []byte(`":`))
		for name, value := range values {
			ours[name] = string(*value)
		}
		switch {
		case err == nil && (err2 != nil || utf8.Valid(line) && !reflect.DeepEqual(asAny(ours), theirs)):
			t.Errorf("%q is %q to us, and %q, %v to encoding/json", line, ours, theirs, err2)
		case err != nil && err2 == nil && !strict && theirs != nil && allStrings(theirs):
			t.Errorf("%q: %v, and is %q to encoding/json", line, err, theirs)
		}
	})
}

func asAny(m map[string]string) map[string]any {
	all := map[string]any{}
	for k, v := range m {
		all[k] = v
	}
	return all
}

func allStrings(m map[string]any) bool {
	for _, v := range m {
		if _, ok := v.(string); !ok {
			return false
		}
	}
	return true
}
