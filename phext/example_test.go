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
	// Output:
	// 1.1.1/1.1.1/1.1.1 "a" first true last true
	// 1.1.1/1.1.1/1.1.2 "a lo" first true last false
	// 1.1.1/1.1.1/1.1.2 "nger" first false last false
	// 1.1.1/1.1.1/1.1.2 " tex" first false last false
	// 1.1.1/1.1.1/1.1.2 "t" first false last true
}

func ExampleWriter() {
	w := phext.NewWriter(os.Stdout)
	w.WriteScroll(phext.First, []byte("a book"))
	w.WriteScroll(phext.First, []byte("the same place again is refused"))
	w.Flush()
	// Output: a book
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

func ExamplePattern() {
	p, err := phext.ParsePattern("1.1.1/2.*.*/*.*.*")
	fmt.Println(p.Matches(phext.At(1, 1, 1, 2, 7, 1, 1, 1, 1)), p.Matches(phext.First), err)
	// Output: true false <nil>
}

func ExampleWhereChecksum() {
	fmt.Println(phext.WhereChecksum([]byte("hello")))
	// Output: 166.938.418/956.355.654/170.196.424
}

func ExampleCheckText() {
	fmt.Println(phext.CheckText([]byte("plain text, any script: δ, 漢字")))
	fmt.Println(phext.CheckText([]byte("two\x17scrolls")))
	// Output:
	// <nil>
	// text: byte 0x17 at offset 3 is a phext delimiter, which cannot stand in a scroll
}
