package disk

import (
	"sort"

	"github.com/wbic16/sq-go/phext"
)

// index says where the scrolls of a file are: arrays without pointers, in
// coordinate order, 36 bytes a scroll. It is built once and then only read.
type index struct {
	blocks []*block
	first  []phext.Coordinate // of each block: what is searched first, close together
	n      int
}

// block is a part of an index. Blocks keep an index from being copied while it
// grows.
type block struct {
	hi, lo, offset, hash []uint64
	length               []uint32
}

const (
	blockScrolls = 1024
	indexBytes   = 36 // of memory for a scroll
)

// spot is a place in an index: a block and a scroll in it.
type spot struct{ block, i int }

// newBlock returns an empty block. The first one grows with what it gets, so
// that a small phext stays small; the others will be full.
func newBlock(first bool) *block {
	n := blockScrolls
	if first {
		n = 0
	}
	return &block{
		hi: make([]uint64, 0, n), lo: make([]uint64, 0, n),
		offset: make([]uint64, 0, n), hash: make([]uint64, 0, n), length: make([]uint32, 0, n),
	}
}

// add appends a scroll, which stands behind all others.
func (x *index) add(c phext.Coordinate, offset int64, length uint32, hash uint64) {
	if x.n%blockScrolls == 0 {
		x.blocks = append(x.blocks, newBlock(x.n == 0))
		x.first = append(x.first, c)
	}
	b := x.blocks[len(x.blocks)-1]
	hi, lo := c.Words()
	b.hi, b.lo = append(b.hi, hi), append(b.lo, lo)
	b.offset, b.hash = append(b.offset, uint64(offset)), append(b.hash, hash)
	b.length = append(b.length, length)
	x.n++
}

func (b *block) coordinate(i int) phext.Coordinate { return phext.FromWords(b.hi[i], b.lo[i]) }

// seek returns the spot of the first scroll at c or behind it.
func (x *index) seek(c phext.Coordinate) spot {
	k := sort.Search(len(x.first), func(k int) bool { return c.Less(x.first[k]) })
	if k == 0 {
		return spot{}
	}
	i := x.blocks[k-1].seek(c)
	if i == len(x.blocks[k-1].hi) {
		return spot{k, 0}
	}
	return spot{k - 1, i}
}

// seek returns the first scroll of a block at c or behind it.
func (b *block) seek(c phext.Coordinate) int {
	hi, lo := c.Words()
	from, to := 0, len(b.hi)
	for from < to {
		middle := int(uint(from+to) >> 1)
		if b.hi[middle] > hi || b.hi[middle] == hi && b.lo[middle] >= lo {
			to = middle
		} else {
			from = middle + 1
		}
	}
	return from
}

func (x *index) valid(s spot) bool { return s.block < len(x.blocks) }

func (x *index) next(s spot) spot {
	if s.i++; s.i == len(x.blocks[s.block].hi) {
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
	return spot{s.block - 1, len(x.blocks[s.block-1].hi) - 1}, true
}

func (x *index) coordinate(s spot) phext.Coordinate { return x.blocks[s.block].coordinate(s.i) }

func (x *index) place(s spot, file *source) place {
	b := x.blocks[s.block]
	return place{file, int64(b.offset[s.i]), int64(b.length[s.i]), b.hash[s.i]}
}

// find returns where the scroll at c is.
func (x *index) find(c phext.Coordinate, file *source) (place, bool) {
	s := x.seek(c)
	if !x.valid(s) || x.coordinate(s) != c {
		return place{}, false
	}
	return x.place(s, file), true
}
