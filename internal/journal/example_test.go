package journal

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/wbic16/sq-go/phext"
)

// example is the segment that doc/format.md explains: a batch, the mark of a
// checkpoint, and a record that covers both.
func example() []byte {
	h := Header{Name: "notes", ID: 0x1122334455667788, Before: 6, Base: Mark{Sequence: 6, File: Absent}}
	e := NewEncoder(h)
	b := AppendHeader(nil, h)
	b = e.Append(b, Record{Sequence: 7, Ops: []Op{
		{Kind: Put, Coordinate: phext.First, Text: []byte("hello")},
		{Kind: Delete, Coordinate: phext.At(1, 1, 1, 1, 1, 1, 1, 1, 2)},
	}})
	e.Synced(e.Offset())
	file := []byte("hello")
	b = e.Append(b, Record{Sequence: 8, Mark: &Mark{Sequence: 7, File: Identity{Size: int64(len(file)), Sum: phext.Sum(file)}}})
	e.Synced(e.Offset())
	return e.Append(b, Record{Sequence: 9})
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
		if _, after, ok := strings.Cut(bytes, ":"); ok {
			bytes = after
		}
		got.WriteString(strings.Join(strings.Fields(bytes), ""))
	}
	if want := hex.EncodeToString(example()); got.String() != want {
		t.Errorf("doc/format.md has\n%s\nwant\n%s", got.String(), want)
	}
	r := segmentReader(t, example())
	for range 3 {
		if _, ok := r.Next(); !ok {
			t.Fatal(r.Err())
		}
	}
}
