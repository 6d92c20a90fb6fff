package phext_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/wbic16/sq-go/phext"
)

func ExampleExplode() {
	scrolls, err := phext.Explode("title\x17subtitle\x19first chapter")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(scrolls), scrolls[phext.At(1, 1, 1, 1, 1, 1, 2, 1, 1)])
	// Output: 3 first chapter
}

func ExampleImplode() {
	text := phext.Implode(map[phext.Coordinate]string{
		phext.First:                         "here",
		phext.At(1, 1, 1, 1, 1, 1, 1, 1, 3): "two scrolls on",
	})
	fmt.Printf("%q\n", text)
	// Output: "here\x17\x17two scrolls on"
}

func ExampleParseCoordinate() {
	c, err := phext.ParseCoordinate("1.1.1/1.1.1/3.1.20")
	fmt.Println(c, c.URL(), err)
	_, err = phext.ParseCoordinate("1.1.1/1.1.1/3.1")
	fmt.Println(err)
	// Output:
	// 1.1.1/1.1.1/3.1.20 1.1.1;1.1.1;3.1.20 <nil>
	// coordinate "1.1.1/1.1.1/3.1": no '.' after the section, want nine numbers like 1.1.1/1.1.1/3.1.20
}

func ExampleScanner() {
	s := phext.NewScanner([]byte("a\x17\x17bc\x18d"))
	for s.Next() {
		fmt.Println(s.Coordinate(), s.Offset(), string(s.Text()))
	}
	fmt.Println(s.Err())
	// Output:
	// 1.1.1/1.1.1/1.1.1 0 a
	// 1.1.1/1.1.1/1.1.3 3 bc
	// 1.1.1/1.1.1/1.2.1 6 d
	// <nil>
}

func ExampleStream() {
	s := phext.NewStream(strings.NewReader("a\x17a longer text"), make([]byte, 4))
	for s.Next() {
		fmt.Printf("%v %q first %v last %v\n", s.Coordinate(), s.Text(), s.First(), s.Last())
	}
	fmt.Println(s.Err())
	// Output:
	// 1.1.1/1.1.1/1.1.1 "a" first true last true
	// 1.1.1/1.1.1/1.1.2 "a lo" first true last false
	// 1.1.1/1.1.1/1.1.2 "nger" first false last false
	// 1.1.1/1.1.1/1.1.2 " tex" first false last false
	// 1.1.1/1.1.1/1.1.2 "t" first false last true
	// <nil>
}

func ExampleWriter() {
	w := phext.NewWriter(os.Stdout)
	w.WriteScroll(phext.First, []byte("a book"))
	err := w.WriteScroll(phext.First, []byte("the same place again is refused"))
	w.Flush()
	fmt.Println()
	fmt.Println(err)
	// Output:
	// a book
	// write scroll 1.1.1/1.1.1/1.1.1: is not behind 1.1.1/1.1.1/1.1.1
}

func ExampleToc() {
	toc, err := phext.Toc([]byte("A first line\nand more\x17short"))
	fmt.Print(toc, err)
	// Output:
	// * 1.1.1/1.1.1/1.1.1: A first line...
	// * 1.1.1/1.1.1/1.1.2: short
	// <nil>
}

func ExampleMerge() {
	merged, err := phext.Merge([]byte("ours\x17two"), []byte(", theirs\x18three"))
	fmt.Printf("%q %v\n", merged, err)
	// Output: "ours, theirs\x17two\x18three" <nil>
}

func ExampleSubtract() {
	rest, err := phext.Subtract([]byte("ours\x17two\x18three"), []byte("theirs\x18has this place"))
	fmt.Printf("%q %v\n", rest, err)
	// Output: "\x17two" <nil>
}

func ExampleUpdate() {
	text, err := phext.Update([]byte("one\x17two"), phext.At(1, 1, 1, 1, 1, 1, 1, 2, 1), "next section")
	fmt.Printf("%q %v\n", text, err)
	// Output: "one\x17two\x18next section" <nil>
}

func ExampleNormalize() {
	text, err := phext.Normalize([]byte("one\x17\x17\x18\x19two\x17\x17"))
	fmt.Printf("%q %v\n", text, err)
	// Output: "one\x19two" <nil>
}

func ExamplePattern() {
	p, err := phext.ParsePattern("1.1.1/2.*.*/*.*.*")
	fmt.Println(p.Matches(phext.At(1, 1, 1, 2, 7, 1, 1, 1, 1)), p.Matches(phext.First), err)
	// Output: true false <nil>
}

func ExampleWhereChecksum() {
	fmt.Println(phext.WhereChecksum([]byte("hello")))
	// Output: 166.938.418/956.355.654/170.196.424
}

func ExampleWhereXor() {
	// Only scrolls of three bytes or more count: those at 1.1.1/1.1.1/1.1.1 and
	// 1.1.1/1.1.1/1.2.1. The first of them undoes the place where it starts.
	c, err := phext.WhereXor([]byte("one\x17a\x18two"), 3)
	fmt.Println(c, err)
	// Output: 1.1.1/1.1.1/1.2.1 <nil>
}

func ExampleValidator() {
	var v phext.Validator
	for _, piece := range []string{"a character may be cut: \xe6\xbc", "\xa2, but not \xff"} {
		v.Write([]byte(piece))
	}
	fmt.Println(v.Close())
	// Output: offset 37: byte 0xFF is not UTF-8
}

func ExampleCheckText() {
	fmt.Println(phext.CheckText([]byte("plain text, any script: δ, 漢字")))
	fmt.Println(phext.CheckText([]byte("two\x17scrolls")))
	// Output:
	// <nil>
	// text: byte 0x17 at offset 3 is a phext delimiter, which cannot stand in a scroll
}
