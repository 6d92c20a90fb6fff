package disk

import (
	"encoding/binary"
	"math"
	"slices"
	"sort"
	"unsafe"

	"github.com/wbic16/sq-go/phext"
)

// index says where the scrolls of a file are, in coordinate order. It is built
// once, by add and then done, and then only read. A scroll takes 12 to 37 bytes
// as a rule, without pointers, and the smallest index 128.
type index struct {
	blocks []block
	first  []phext.Coordinate // of each block: what is searched first, close together
	n      int
	memory int64             // bytes that the blocks take
	rows   [columns][]uint64 // of the block that is being built
}

// The numbers of a scroll, in the order in which a block has them. The widest come
// first, so that all are aligned as a rule.
const (
	hashColumn = iota
	offsetColumn
	hiColumn // hi and lo: the words of the coordinate
	loColumn
	lengthColumn
	columns
)

// block is a part of an index. It has few scrolls, so that a search in it reads
// little memory that no search before it has read.
type block struct {
	n       int
	columns [columns]column
	bytes   []byte
}

// column is one number of each scroll of a block, in as few bytes as they need: each
// stands there as what it is above the least of them. The upper words of neighbours
// in a phext are mostly the same, and need none.
type column struct {
	least uint64
	from  uint32 // where it begins in the block's bytes
	width uint8  // bytes of a number: 0, 2, 4 or 8
}

const blockScrolls = 256

// spot is a place in an index: a block and a scroll in it.
type spot struct{ block, i int }

// add appends a scroll, which stands behind all others.
func (x *index) add(c phext.Coordinate, offset int64, length uint32, hash uint64) {
	hi, lo := c.Words()
	for i, n := range [columns]uint64{hash, uint64(offset), hi, lo, uint64(length)} {
		x.rows[i] = append(x.rows[i], n)
	}
	if x.n++; len(x.rows[0]) == blockScrolls {
		x.pack()
	}
}

// done ends the building of the index.
func (x *index) done() {
	if len(x.rows[0]) > 0 {
		x.pack()
	}
	x.rows, x.blocks, x.first = [columns][]uint64{}, slices.Clone(x.blocks), slices.Clone(x.first)
}

// pack makes a block of the rows.
func (x *index) pack() {
	b := block{n: len(x.rows[0])}
	first := phext.FromWords(x.rows[hiColumn][0], x.rows[loColumn][0])
	packed := make([]byte, 0, columns*8*b.n)
	for i, numbers := range x.rows {
		b.columns[i], packed = appendColumn(packed, numbers)
		x.rows[i] = numbers[:0]
	}
	b.bytes = slices.Clone(packed)
	x.blocks, x.first = append(x.blocks, b), append(x.first, first)
	x.memory += int64(unsafe.Sizeof(b)) + int64(unsafe.Sizeof(first)) + int64(cap(b.bytes))
}

func appendColumn(dst []byte, numbers []uint64) (column, []byte) {
	least := slices.Min(numbers)
	c := column{least: least, from: uint32(len(dst)), width: widthOf(slices.Max(numbers) - least)}
	for _, n := range numbers {
		switch n -= least; c.width {
		case 2:
			dst = binary.LittleEndian.AppendUint16(dst, uint16(n))
		case 4:
			dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
		case 8:
			dst = binary.LittleEndian.AppendUint64(dst, n)
		}
	}
	return c, dst
}

func widthOf(most uint64) uint8 {
	switch {
	case most == 0:
		return 0
	case most <= math.MaxUint16:
		return 2
	case most <= math.MaxUint32:
		return 4
	}
	return 8
}

// at returns a number of a scroll.
func (b *block) at(number, i int) uint64 {
	c := &b.columns[number]
	switch from := b.bytes[c.from:]; c.width {
	case 0:
		return c.least
	case 2:
		return c.least + uint64(binary.LittleEndian.Uint16(from[2*i:]))
	case 4:
		return c.least + uint64(binary.LittleEndian.Uint32(from[4*i:]))
	default:
		return c.least + binary.LittleEndian.Uint64(from[8*i:])
	}
}

func (b *block) coordinate(i int) phext.Coordinate {
	return phext.FromWords(b.at(hiColumn, i), b.at(loColumn, i))
}

// seek returns the spot of the first scroll at c or behind it.
func (x *index) seek(c phext.Coordinate) spot {
	k := sort.Search(len(x.first), func(k int) bool { return c.Less(x.first[k]) })
	if k == 0 {
		return spot{}
	}
	i := x.blocks[k-1].seek(c)
	if i == x.blocks[k-1].n {
		return spot{k, 0}
	}
	return spot{k - 1, i}
}

// seek returns the first scroll of a block at c or behind it.
func (b *block) seek(c phext.Coordinate) int {
	from, to := 0, b.n
	for from < to {
		middle := int(uint(from+to) >> 1)
		if b.coordinate(middle).Less(c) {
			from = middle + 1
		} else {
			to = middle
		}
	}
	return from
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
