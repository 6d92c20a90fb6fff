package disk

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sort"
	"unsafe"

	"github.com/wbic16/sq-go/phext"
)

// index says where the scrolls of a file are, in coordinate order. It is only read.
// A scroll takes 11 to 36 bytes as a rule, without pointers. The zero index has none.
type index struct {
	blocks []block
	later  []phext.Coordinate // the first of each block but the first: what is searched first, close together
	n      int
	memory int64 // bytes that the blocks take
}

// indexing is an index that is being built: by add, and then done.
type indexing struct {
	index
	rows [columns][]uint64 // of the next block
}

// The numbers of a scroll, in the order in which a block has them.
const (
	hiColumn = iota // hi and lo: the words of the coordinate
	loColumn
	hashColumn
	offsetColumn
	lengthColumn
	columns
)

// together says which numbers of a scroll stand side by side: those that a search
// reads of many scrolls, and those that it reads of the one that it found.
var together = [][]int{{hiColumn, loColumn}, {hashColumn, offsetColumn, lengthColumn}}

// block is a part of an index. It has few scrolls, so that a search in it reads
// little memory that no search before it has read.
type block struct {
	n       int
	span    uint64 // from the least to the last lower word, where all have the same upper one
	columns [columns]column
	bytes   []byte // and spare ones behind the last number
}

// column is one number of each scroll of a block, in as few bytes as they need: each
// stands there as what it is above the least of them. The upper words of neighbours
// in a phext are mostly the same, and need none.
type column struct {
	least  uint64
	from   uint32 // where that of the first scroll is
	stride uint8  // bytes to that of the next one
	width  uint8  // bytes of a number, 0 to 8
}

const spare = 8 // so that any number can be read as eight bytes

const blockScrolls = 256

// spot is a place in an index: a block and a scroll in it.
type spot struct{ block, i int }

// add appends a scroll, which stands behind all others.
func (x *indexing) add(c phext.Coordinate, offset int64, length uint32, hash uint64) {
	hi, lo := c.Words()
	for i, n := range [columns]uint64{hi, lo, hash, uint64(offset), uint64(length)} {
		x.rows[i] = append(x.rows[i], n)
	}
	if x.n++; len(x.rows[0]) == blockScrolls {
		x.pack()
	}
}

// done returns the index, after which nothing is added any more.
func (x *indexing) done() index {
	if len(x.rows[0]) > 0 {
		x.pack()
	}
	x.blocks, x.later = slices.Clone(x.blocks), slices.Clone(x.later)
	return x.index
}

// pack makes a block of the rows.
func (x *indexing) pack() {
	b := block{n: len(x.rows[0])}
	b.span = x.rows[loColumn][b.n-1] - x.rows[loColumn][0]
	first := phext.FromWords(x.rows[hiColumn][0], x.rows[loColumn][0])
	from := 0
	for _, side := range together {
		from += b.lay(side, from, &x.rows)
	}
	b.bytes = make([]byte, from+spare)
	for _, side := range together {
		for i := range b.n {
			for _, k := range side {
				b.set(k, i, x.rows[k][i])
			}
		}
	}
	for k := range x.rows {
		x.rows[k] = x.rows[k][:0]
	}
	if len(x.blocks) > 0 {
		x.later = append(x.later, first)
	}
	x.blocks = append(x.blocks, b)
	x.memory += int64(unsafe.Sizeof(b)) + int64(unsafe.Sizeof(first)) + int64(cap(b.bytes))
}

// lay gives columns that stand side by side their place, from an offset on. It
// returns how many bytes they have.
func (b *block) lay(side []int, from int, rows *[columns][]uint64) int {
	stride := 0
	for _, k := range side {
		least := slices.Min(rows[k])
		width := (bits.Len64(slices.Max(rows[k])-least) + 7) / 8
		b.columns[k] = column{least: least, from: uint32(from + stride), width: uint8(width)}
		stride += width
	}
	for _, k := range side {
		b.columns[k].stride = uint8(stride)
	}
	return stride * b.n
}

// set stores a number of a scroll, and spoils up to eight bytes behind it: they are set
// in their order.
func (b *block) set(number, i int, n uint64) {
	c := &b.columns[number]
	binary.LittleEndian.PutUint64(b.bytes[int(c.from)+i*int(c.stride):], n-c.least)
}

// at returns a number of a scroll.
func (b *block) at(number, i int) uint64 {
	c := &b.columns[number]
	n := binary.LittleEndian.Uint64(b.bytes[int(c.from)+i*int(c.stride):])
	return c.least + n&(1<<(8*c.width)-1)
}

func (b *block) coordinate(i int) phext.Coordinate {
	return phext.FromWords(b.at(hiColumn, i), b.at(loColumn, i))
}

// seek returns the spot of the first scroll at c or behind it.
func (x *index) seek(c phext.Coordinate) spot {
	k := sort.Search(len(x.later), func(k int) bool { return c.Less(x.later[k]) })
	if k == len(x.blocks) {
		return spot{}
	}
	i := x.blocks[k].seek(c)
	if i == x.blocks[k].n {
		return spot{k + 1, 0}
	}
	return spot{k, i}
}

// seek returns the first scroll of a block at c or behind it. It begins where c would
// be if all had the same distance, as they mostly have, and goes on from there in steps
// that become longer, or else by halves: then it reads few bytes, which no cache has.
func (b *block) seek(c phext.Coordinate) int {
	from, to, i := 0, b.n, b.guess(c)
	for step := 1; from < to; step *= 2 {
		if b.coordinate(i).Less(c) {
			from, i = i+1, i+step
		} else {
			to, i = i, i-step
		}
		if i < from || i >= to {
			i = int(uint(from+to) >> 1)
		}
	}
	return from
}

// guess returns a scroll near which c may be.
func (b *block) guess(c phext.Coordinate) int {
	_, lo := c.Words()
	above := lo - b.columns[loColumn].least // far more than span where it lies below
	if b.columns[hiColumn].width > 0 || above > b.span {
		return b.n / 2
	}
	return int(float64(above) / float64(max(b.span, 1)) * float64(b.n-1))
}

func (x *index) valid(s spot) bool { return s.block < len(x.blocks) }

func (x *index) next(s spot) spot {
	if s.i++; s.i == x.blocks[s.block].n {
		return spot{s.block + 1, 0}
	}
	return s
}

// previous returns the spot before s; false when s is the first.
func (x *index) previous(s spot) (spot, bool) {
	if s.i > 0 {
		return spot{s.block, s.i - 1}, true
	}
	if s.block == 0 {
		return spot{}, false
	}
	return spot{s.block - 1, x.blocks[s.block-1].n - 1}, true
}

func (x *index) coordinate(s spot) phext.Coordinate { return x.blocks[s.block].coordinate(s.i) }

func (x *index) place(s spot, file *source) place {
	b := &x.blocks[s.block]
	return place{file, int64(b.at(offsetColumn, s.i)), int64(b.at(lengthColumn, s.i)), b.at(hashColumn, s.i)}
}

// find returns where the scroll at c is.
func (x *index) find(c phext.Coordinate, file *source) (place, bool) {
	s := x.seek(c)
	if !x.valid(s) || x.coordinate(s) != c {
		return place{}, false
	}
	return x.place(s, file), true
}
