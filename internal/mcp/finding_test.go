package mcp_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/mcp"
	"github.com/wbic16/sq-go/internal/storetest"
	"github.com/wbic16/sq-go/phext"
)

// book is a phext of chapters and sections.
var book = []string{
	"1.1.1/1.1.1/1.1.1 The title\nand more", "1.1.1/1.1.1/1.1.2 Preface",
	"1.1.1/1.1.1/2.1.1 Chapter two", "1.1.1/1.1.1/2.1.2 a", "1.1.1/1.1.1/2.3.1 Section three", "1.1.1/1.1.1/2.3.4 b", "1.1.1/1.1.1/2.3.5 c",
	"1.1.1/1.1.1/4.2.2 Deep", "2.1.1/1.1.1/1.1.1 Another library",
}

func TestList(t *testing.T) {
	store := filled(t, book...)
	for _, name := range []sq.PhextName{"a", "b", "c"} {
		if _, err := store.Apply(context.Background(), name, sq.Batch{{Kind: sq.Put, Coordinate: phext.First, Text: []byte(strings.Repeat("é", 50))}}); err != nil {
			t.Fatal(err)
		}
	}
	a := served(t, mcp.Options{Store: store, Phext: "notes"})
	a.want("sq_list", args{}, `{"phexts":["a","b","c","notes"],"default":"notes","total":4}`)
	a.want("sq_list", args{"limit": 3}, `{"phexts":["a","b","c"],"default":"notes","total":4,"next":"c"}`)
	a.want("sq_list", args{"limit": 3, "after": "c"}, `{"phexts":["notes"],"default":"notes","total":4}`)
	a.want("sq_list", args{"phext": "a"}, `{"phext":"a","scrolls":[{"coordinate":"1.1.1/1.1.1/1.1.1","bytes":100,"first_line":"`+strings.Repeat("é", 40)+`…"}],"total":1}`)
	a.want("sq_list", args{"phext": "notes", "limit": 2}, `{"phext":"notes","scrolls":[{"coordinate":"1.1.1/1.1.1/1.1.1","bytes":18,"first_line":"The title…"},{"coordinate":"1.1.1/1.1.1/1.1.2","bytes":7,"first_line":"Preface"}],"total":9,"next":"1.1.1/1.1.1/1.1.2"}`)
	a.want("sq_list", args{"phext": "notes", "under": "*.*.*/*.*.*/*.3.*", "limit": 1, "after": "1.1.1/1.1.1/2.3.4"}, `{"phext":"notes","scrolls":[{"coordinate":"1.1.1/1.1.1/2.3.5","bytes":1,"first_line":"c"}],"total":9}`)
	a.fails("sq_list", args{"phext": "none"}, `there is no phext "none"`)
	for _, limit := range []int{1, 2, 8, 9} { // a walk with the cursor meets each once
		var met []string
		for after := ""; ; {
			var got struct {
				Scrolls []struct{ Coordinate string }
				Next    string
			}
			a.get("sq_list", args{"phext": "notes", "limit": limit, "after": after}, &got)
			for _, s := range got.Scrolls {
				met = append(met, s.Coordinate)
			}
			if after = got.Next; after == "" || len(met) > 9 {
				break
			}
		}
		if len(met) != 9 || !slices.IsSorted(met) || len(slices.Compact(met)) != 9 {
			t.Errorf("limit %d: met %v", limit, met)
		}
	}
}

func TestNavigate(t *testing.T) {
	a := served(t, mcp.Options{Store: filled(t, book...), Phext: "notes"})
	const title, two = `{"division":"phext","coordinate":"1.1.1/1.1.1/1.1.1","first_line":"The title…"}`, `{"division":"chapter","coordinate":"1.1.1/1.1.1/2.1.1","first_line":"Chapter two"}`
	for at, want := range map[string]string{
		"1.1.1/1.1.1/1.1.1": `"here":{"coordinate":"1.1.1/1.1.1/1.1.1","bytes":18,"first_line":"The title…"},"next":{"coordinate":"1.1.1/1.1.1/1.1.2","bytes":7,"first_line":"Preface"},"parents":[],` +
			`"children":[{"division":"scroll","coordinate":"1.1.1/1.1.1/1.1.2","scrolls":1,"first_line":"Preface"},{"division":"chapter","coordinate":"1.1.1/1.1.1/2.1.1","scrolls":5,"first_line":"Chapter two"},` +
			`{"division":"chapter","coordinate":"1.1.1/1.1.1/4.1.1","scrolls":1,"first_line":"Deep"},{"division":"library","coordinate":"2.1.1/1.1.1/1.1.1","scrolls":1,"first_line":"Another library"}]}`,
		"1.1.1/1.1.1/2.1.1": `"here":{"coordinate":"1.1.1/1.1.1/2.1.1","bytes":11,"first_line":"Chapter two"},"previous":{"coordinate":"1.1.1/1.1.1/1.1.2","bytes":7,"first_line":"Preface"},` +
			`"next":{"coordinate":"1.1.1/1.1.1/2.1.2","bytes":1,"first_line":"a"},"parents":[` + title + `],` +
			`"children":[{"division":"scroll","coordinate":"1.1.1/1.1.1/2.1.2","scrolls":1,"first_line":"a"},{"division":"section","coordinate":"1.1.1/1.1.1/2.3.1","scrolls":3,"first_line":"Section three"}]}`,
		"1.1.1/1.1.1/2.3.4": `"here":{"coordinate":"1.1.1/1.1.1/2.3.4","bytes":1,"first_line":"b"},"previous":{"coordinate":"1.1.1/1.1.1/2.3.1","bytes":13,"first_line":"Section three"},` +
			`"next":{"coordinate":"1.1.1/1.1.1/2.3.5","bytes":1,"first_line":"c"},"parents":[{"division":"section","coordinate":"1.1.1/1.1.1/2.3.1","first_line":"Section three"},` + two + `,` + title + `],"children":[]}`,
		"1.1.1/1.1.1/4.2.1": `"previous":{"coordinate":"1.1.1/1.1.1/2.3.5","bytes":1,"first_line":"c"},"next":{"coordinate":"1.1.1/1.1.1/4.2.2","bytes":4,"first_line":"Deep"},` +
			`"parents":[{"division":"chapter","coordinate":"1.1.1/1.1.1/4.1.1"},` + title + `],"children":[{"division":"scroll","coordinate":"1.1.1/1.1.1/4.2.2","scrolls":1,"first_line":"Deep"}]}`,
		"3.1.1/1.1.1/1.1.1": `"previous":{"coordinate":"2.1.1/1.1.1/1.1.1","bytes":15,"first_line":"Another library"},"parents":[` + title + `],"children":[]}`,
	} {
		a.want("sq_navigate", args{"coordinate": at}, `{"phext":"notes","coordinate":"`+at+`",`+want)
	}
	a.fails("sq_navigate", args{"coordinate": "1.1.1/1.1.1/1.1.1", "phext": "none"}, `there is no phext "none"`)
}

// TestManyChildren: their number is bounded, and what is told of the rest is true.
func TestManyChildren(t *testing.T) {
	var scrolls []string
	for n := 1; n <= 250; n++ {
		scrolls = append(scrolls, fmt.Sprintf("1.1.1/1.1.1/2.%d.1 section %d", n, n))
	}
	a := served(t, mcp.Options{Store: filled(t, scrolls...), Phext: "notes"})
	var got struct {
		Children []struct{ Coordinate string }
		More     string
	}
	a.get("sq_navigate", args{"coordinate": "1.1.1/1.1.1/2.1.1"}, &got)
	if len(got.Children) != 100 || got.More != "sq_list with under 1.1.1/1.1.1/2.*.* and after 1.1.1/1.1.1/2.101.1" {
		t.Errorf("%d children, more: %q", len(got.Children), got.More)
	}
	var rest struct{ Scrolls []struct{ Coordinate string } }
	a.get("sq_list", args{"phext": "notes", "under": "1.1.1/1.1.1/2.*.*", "after": "1.1.1/1.1.1/2.101.1", "limit": 500}, &rest)
	if len(rest.Scrolls) != 149 || rest.Scrolls[0].Coordinate != "1.1.1/1.1.1/2.102.1" {
		t.Errorf("the rest: %d", len(rest.Scrolls))
	}
}

func TestSearch(t *testing.T) {
	long := strings.Repeat("ä", 100) + "NEEDLE" + strings.Repeat("ö", 100)
	a := served(t, mcp.Options{Phext: "notes", Store: filled(t,
		"1.1.1/1.1.1/1.1.1 Ärger, ärger and a (needle)", "1.1.1/1.1.1/1.1.2 "+long, "1.1.1/1.1.1/2.1.1 two\n words", "1.1.1/1.1.1/2.1.2 Two words and two\twords", "1.1.1/1.1.1/3.1.1 aaaa")})
	match := func(at string, bytes, count, offset int, excerpt string) string {
		return fmt.Sprintf(`{"coordinate":"%s","bytes":%d,"count":%d,"offset":%d,"excerpt":"%s"}`, at, bytes, count, offset, excerpt)
	}
	reply := func(next string, matches ...string) string {
		if next != "" {
			next = `,"next":"` + next + `"`
		}
		return `{"phext":"notes","matches":[` + strings.Join(matches, ",") + `]` + next + `}`
	}
	title := match("1.1.1/1.1.1/1.1.1", 29, 1, 22, "Ärger, ärger and a (needle)")
	deep := match("1.1.1/1.1.1/1.1.2", 406, 1, 200, "…"+strings.Repeat("ä", 40)+"NEEDLE"+strings.Repeat("ö", 40)+"…")
	two := match("1.1.1/1.1.1/2.1.2", 23, 2, 0, `Two words and two\twords`)
	for _, c := range []struct {
		in   args
		want string
	}{
		{args{"query": "needle"}, reply("", title, deep)},
		{args{"query": "NEEDLE", "case_sensitive": true}, reply("", deep)},
		{args{"query": "(NEEDLE)"}, reply("", match("1.1.1/1.1.1/1.1.1", 29, 1, 21, "Ärger, ärger and a (needle)"))},
		{args{"query": "n.edle"}, reply("")},
		{args{"query": "ÄRGER"}, reply("", match("1.1.1/1.1.1/1.1.1", 29, 2, 0, "Ärger, ärger and a (needle)"))},
		{args{"query": "two words"}, reply("", match("1.1.1/1.1.1/2.1.1", 10, 1, 0, `two\n words`), two)},
		{args{"query": "two words", "case_sensitive": true}, reply("", match("1.1.1/1.1.1/2.1.1", 10, 1, 0, `two\n words`), match("1.1.1/1.1.1/2.1.2", 23, 1, 14, `Two words and two\twords`))},
		{args{"query": "\u212aern"}, reply("")}, // the sign for kelvin is a k in disguise
		{args{"query": "wor\u017f"}, reply("")},
		{args{"query": "word\u017f", "under": "1.1.1/1.1.1/2.1.1"}, reply("", match("1.1.1/1.1.1/2.1.1", 10, 1, 5, `two\n words`))},
		{args{"query": "twowords"}, reply("")},
		{args{"query": "aa"}, reply("", match("1.1.1/1.1.1/3.1.1", 4, 2, 0, "aaaa"))},
		{args{"query": "two", "under": "1.1.1/1.1.1/*.1.2"}, reply("", two)},
		{args{"query": "needle", "limit": 1}, reply("1.1.1/1.1.1/1.1.1", title)},
		{args{"query": "needle", "limit": 1, "after": "1.1.1/1.1.1/1.1.1"}, reply("1.1.1/1.1.1/1.1.2", deep)},
		{args{"query": "needle", "limit": 1, "after": "1.1.1/1.1.1/1.1.2"}, reply("")},
	} {
		a.want("sq_search", c.in, c.want)
	}
	a.fails("sq_search", args{"query": "x", "phext": "none"}, `there is no phext "none"`)
}

// TestSearchIsBounded: a call reads so much and no more, and the next goes on there.
// What it says of a scroll is bounded too.
func TestSearchIsBounded(t *testing.T) {
	const size = 1 << 20
	store := &large{filled(t), size, 100}
	a := served(t, mcp.Options{Store: store, Phext: "notes"})
	var got struct {
		Matches []struct{ Coordinate, Excerpt string }
		Next    string
	}
	a.get("sq_search", args{"query": "end"}, &got)
	if len(got.Matches) != 0 || got.Next != "1.1.1/1.1.1/1.1.65" {
		t.Fatalf("%+v", got)
	}
	a.get("sq_search", args{"query": "end", "after": got.Next}, &got)
	if len(got.Matches) != 1 || got.Matches[0].Coordinate != "1.1.1/1.1.1/1.1.100" {
		t.Errorf("%+v", got)
	}
	text, _ := a.call("sq_search", args{"query": strings.Repeat("x ", 400), "limit": 1})
	if len(text) > 1000 {
		t.Errorf("the reply has %d bytes", len(text))
	}
}

// large is a store whose phext has many long scrolls.
type large struct {
	*storetest.Model
	size, scrolls int
}

func (l *large) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	s, err := l.Model.Snapshot(ctx, name)
	return &largeSnapshot{s, l}, err
}

type largeSnapshot struct {
	sq.Snapshot
	of *large
}

func (s *largeSnapshot) Exists() bool { return true }

func (s *largeSnapshot) Scan(from, to phext.Coordinate) iter.Seq2[sq.Scroll, error] {
	text := []byte(strings.Repeat("x ", s.of.size/2))
	return func(yield func(sq.Scroll, error) bool) {
		for n := from.Component(8); n <= s.of.scrolls; n++ {
			if n == s.of.scrolls {
				copy(text, "end")
			}
			if !yield(sq.Scroll{Coordinate: phext.First.With(8, n), Text: text}, nil) {
				return
			}
		}
	}
}

// outrun is a store whose phext changes while it is read, so many times.
type outrun struct {
	*storetest.Model
	times int
}

func (o *outrun) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	s, err := o.Model.Snapshot(ctx, name)
	o.times--
	if o.times >= 0 {
		s = &outrunSnapshot{s}
	}
	return s, err
}

type outrunSnapshot struct{ sq.Snapshot }

func (s *outrunSnapshot) Scan(from, to phext.Coordinate) iter.Seq2[sq.Scroll, error] {
	return func(yield func(sq.Scroll, error) bool) {
		for scroll, err := range s.Snapshot.Scan(from, to) {
			if yield(scroll, err) {
				yield(sq.Scroll{}, sq.Errorf(sq.Busy, "the phext has changed"))
			}
			return
		}
	}
}

// TestChangeWhileReading: what is read again is not told twice, and who is outrun
// again and again is told.
func TestChangeWhileReading(t *testing.T) {
	store := &outrun{filled(t, "1.1.1/1.1.1/1.1.1 one", "1.1.1/1.1.1/1.1.2 two"), 0}
	a := served(t, mcp.Options{Store: store, Phext: "notes"})
	for tool, in := range map[string]args{"sq_list": {"phext": "notes"}, "sq_search": {"query": "o"}, "sq_navigate": {"coordinate": "1.1.1/1.1.1/1.1.1"}} {
		want, _ := a.call(tool, in)
		store.times = 3
		a.want(tool, in, want)
		store.times = 100
		a.fails(tool, in, "the phext has changed; try again in a few seconds")
		store.times = 0
	}
}
