package journal

import (
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/wbic16/sq-go/phext"
)

// example is the segment that doc/format.md explains: a batch, the mark of a
// checkpoint, and the reset after someone edited the file before that was put in
// its place.
func example() []byte {
	h := Header{Name: "notes", ID: 0x1122334455667788, Before: 6, Base: Mark{Sequence: 6, File: Absent}}
	e := NewEncoder(h)
	b := AppendHeader(nil, h)
	b = e.Append(b, Record{Sequence: 7, Ops: []Op{
		{Kind: Put, Coordinate: phext.First, Text: []byte("hello")},
		{Kind: Append, Coordinate: phext.First, Text: []byte("!")},
	}})
	e.Synced(e.Offset())
	b = e.Append(b, Record{Sequence: 8, Mark: markOf(7, "hello!")})
	e.Synced(e.Offset())
	return e.Append(b, Record{Sequence: 9, Mark: markOf(8, "edited"), Reset: true, Ops: []Op{
		{Kind: Put, Coordinate: phext.First, Text: []byte("hello!")},
	}})
}

func markOf(sequence uint64, file string) *Mark {
	return &Mark{Sequence: sequence, File: Identity{Size: int64(len(file)), Sum: phext.Sum([]byte(file))}}
}

// TestDocument holds doc/format.md to the bytes: its hex dump is the example.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile("../../doc/format.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "```hex\n")
	dump, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("doc/format.md has no block of hex")
	}
	var got strings.Builder
	for line := range strings.Lines(dump) {
		bytes, _, _ := strings.Cut(line, "|") // what follows explains
		offset, bytes, _ := strings.Cut(bytes, ":")
		if n, err := strconv.Atoi(strings.TrimSpace(offset)); err != nil || n != got.Len()/2 {
			t.Errorf("%q: want the offset %d", line, got.Len()/2)
		}
		got.WriteString(strings.Join(strings.Fields(bytes), ""))
	}
	if want := hex.EncodeToString(example()); got.String() != want {
		t.Errorf("doc/format.md has\n%s\nwant\n%s", got.String(), want)
	}
	r := segmentReader(t, example())
	for _, reset := range []bool{false, false, true} {
		if record, ok := r.Next(); !ok || record.Reset != reset {
			t.Errorf("%+v, %v; want reset %v", record, r.Err(), reset)
		}
	}
	if _, ok := r.Next(); ok || r.Err() != nil {
		t.Errorf("the end: %v", r.Err())
	}
}
