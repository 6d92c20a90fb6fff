package disk

import (
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"github.com/wbic16/sq-go/phext"
)

// TestIndex holds indexes of scrolls close together and far apart, whose numbers
// take all widths, to what was put into them.
func TestIndex(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	anywhere := func(i int) phext.Coordinate {
		c := phext.First
		for d := range phext.Dimensions {
			c = c.With(d, random.IntN(phext.MaxComponent)+1)
		}
		return c
	}
	for name, test := range map[string]struct {
		n          int
		coordinate func(i int) phext.Coordinate
		step       int64 // bytes from one scroll to the next, at the most
	}{
		"none":             {0, anywhere, 1},
		"one":              {1, anywhere, 1},
		"a block":          {blockScrolls, anywhere, 1 << 10},
		"one more":         {blockScrolls + 1, anywhere, 1 << 10},
		"in a row":         {3000, nth, 1 << 10},
		"in a few rows":    {3000, func(i int) phext.Coordinate { return nth(i).With(3, i/700+1) }, 1 << 20},
		"in many sections": {3000, func(i int) phext.Coordinate { return phext.First.With(6, i+1) }, 1 << 33},
		"uneven":           {600, func(i int) phext.Coordinate { return nth(i * i) }, 1 << 10},
		"in two heaps":     {250, func(i int) phext.Coordinate { return nth(i + i/125*99_000) }, 1 << 10},
		"anywhere":         {3000, anywhere, 1 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			var want []place
			var coordinates []phext.Coordinate
			for i := range test.n {
				coordinates = append(coordinates, test.coordinate(i))
			}
			slices.SortFunc(coordinates, phext.Coordinate.Compare)
			coordinates = slices.Compact(coordinates)
			built, offset := indexing{}, int64(0)
			for _, c := range coordinates {
				p := place{offset: offset, length: random.Int64N(min(test.step, 1<<32)), hash: random.Uint64()}
				offset += p.length + random.Int64N(test.step)
				want = append(want, p)
				built.add(c, p.offset, uint32(p.length), p.hash)
			}
			x := built.done()
			packed := 0
			for _, b := range x.blocks {
				packed += cap(b.bytes)
			}
			if x.memory < int64(packed) || x.memory > int64(packed+200*len(x.blocks)) {
				t.Errorf("%d blocks with %d bytes count as %d", len(x.blocks), packed, x.memory)
			}
			checkIndex(t, &x, coordinates, want)
			checkSeeks(t, &x, coordinates, anywhere)
		})
	}
}

// checkIndex walks an index in both directions and looks for each of its scrolls.
func checkIndex(t *testing.T, x *index, coordinates []phext.Coordinate, want []place) {
	t.Helper()
	s := spot{}
	for i, c := range coordinates {
		if !x.valid(s) || x.coordinate(s) != c || x.place(s, nil) != want[i] {
			t.Fatalf("scroll %d is not where it was put", i)
		}
		if before, ok := x.previous(s); ok != (i > 0) || ok && x.coordinate(before) != coordinates[i-1] {
			t.Fatalf("before scroll %d: %v, %v", i, before, ok)
		}
		if found, ok := x.find(c, nil); !ok || found != want[i] {
			t.Fatalf("scroll %d: %+v, %v; want %+v", i, found, ok, want[i])
		}
		s = x.next(s)
	}
	if x.valid(s) {
		t.Error("there are more scrolls than were put")
	}
}

// checkSeeks looks for what is there as a rule not.
func checkSeeks(t *testing.T, x *index, coordinates []phext.Coordinate, any func(int) phext.Coordinate) {
	t.Helper()
	sought := []phext.Coordinate{{}, phext.First, phext.Last}
	for i := range 1000 {
		sought = append(sought, any(i))
	}
	for i, c := range coordinates {
		sought = append(sought, successor(c), nth(3*i))
	}
	for _, c := range sought {
		k := sort.Search(len(coordinates), func(k int) bool { return !coordinates[k].Less(c) })
		s := x.seek(c)
		if x.valid(s) != (k < len(coordinates)) || x.valid(s) && x.coordinate(s) != coordinates[k] {
			t.Fatalf("seek %v: %v", c, s)
		}
		if _, ok := x.find(c, nil); ok != (k < len(coordinates) && coordinates[k] == c) {
			t.Fatalf("find %v: %v", c, ok)
		}
	}
}
