package vfs

import (
	"bytes"
	"io/fs"
	"slices"
	"time"
)

const (
	sector = 512  // bytes that are written as one
	page   = 4096 // bytes that a system reads, writes and forgets as one
)

// node is a file, a directory or a link of a Mem, whose lock guards it.
type node struct {
	inode             uint64
	mode              fs.FileMode
	uid, gid          int
	modified, changed time.Time
	data              []byte
	durable           []byte           // the content as it was synced; never written to
	between           map[int][][]byte // what sectors held after that and before now, oldest first
	low, high         int              // the shortest and longest it has been since
	forgotten         map[int]bool     // pages whose sync failed: clean, and not durable
}

func (n *node) info(name string) Info {
	return Info{
		Name: name, Mode: n.mode, UID: n.uid, GID: n.gid,
		Identity: Identity{Device: 1, Inode: n.inode, Size: int64(len(n.data)), Modified: n.modified, Changed: n.changed},
	}
}

// write writes and makes the pages dirty.
func (n *node) write(p []byte, off int64) {
	if len(p) == 0 {
		return
	}
	from, to := int(off), int(off)+len(p)
	n.remember(from, min(to, max(len(n.data), len(n.durable))))
	if to > len(n.data) {
		n.resize(to)
	}
	copy(n.data[from:], p)
	for at := from / page; at*page < to; at++ {
		delete(n.forgotten, at)
	}
}

// resize cuts the content, or adds zeros to it. The page that is cut is dirty,
// and no page after it is left to be forgotten.
func (n *node) resize(size int) {
	if size > len(n.data) {
		n.data = append(n.data, make([]byte, size-len(n.data))...)
	} else {
		n.remember(size, len(n.data))
		n.data = n.data[:size:size]
		for at := range n.forgotten {
			if at >= size/page {
				delete(n.forgotten, at)
			}
		}
	}
	n.low, n.high = min(n.low, size), max(n.high, size)
}

// remember keeps what the sectors of a range hold before it changes, since that
// may be what has reached the disk.
func (n *node) remember(from, to int) {
	for at := from / sector; at*sector < to; at++ {
		now := sectorOf(n.data, at)
		if bytes.Equal(now, sectorOf(n.durable, at)) {
			continue
		}
		if n.between == nil {
			n.between = map[int][][]byte{}
		}
		n.between[at] = append(n.between[at], now)
	}
}

// sectorOf returns a copy of one sector, zeros past the end.
func sectorOf(b []byte, at int) []byte {
	s := make([]byte, sector)
	copy(s, b[min(at*sector, len(b)):])
	return s
}

// sync makes durable what is dirty.
func (n *node) sync() {
	next := slices.Clone(n.data)
	for at := range n.forgotten {
		for i := at * page; i < min((at+1)*page, len(next)); i++ {
			next[i] = n.old(i)
		}
	}
	n.durable, n.between = next, nil
	n.low, n.high = len(next), len(next)
}

// old returns a byte as it was synced, zero past the end.
func (n *node) old(i int) byte {
	if i < len(n.durable) {
		return n.durable[i]
	}
	return 0
}

// forget is what a system does when a sync fails: the pages are clean from then
// on, though they are not on disk.
func (n *node) forget() {
	if n.forgotten == nil {
		n.forgotten = map[int]bool{}
	}
	for from := 0; from < len(n.data); from += page {
		to := min(from+page, len(n.data))
		if to > len(n.durable) || !bytes.Equal(n.data[from:to], n.durable[from:to]) {
			n.forgotten[from/page] = true
		}
	}
}

// survive returns the node as it may be found after the loss of power.
func (n *node) survive(choose func(int) int) *node {
	c := *n
	c.between, c.forgotten = nil, nil
	if n.low == n.high && bytes.Equal(n.data, n.durable) {
		c.data = slices.Clone(n.data)
		return &c
	}
	c.durable = make([]byte, n.surviveSize(choose))
	for from := 0; from < len(c.durable); from += sector {
		copy(c.durable[from:], n.surviveSector(from/sector, choose))
	}
	c.data = slices.Clone(c.durable)
	c.low, c.high = len(c.data), len(c.data)
	return &c
}

// surviveSize chooses the length: the old one, any that it has been between
// since, or the new one.
func (n *node) surviveSize(choose func(int) int) int {
	if n.low == n.high {
		return len(n.data)
	}
	switch choose(3) {
	case 0:
		return len(n.durable)
	case 1:
		return n.low + choose(n.high-n.low+1)
	default:
		return len(n.data)
	}
}

// surviveSector chooses what is found of a sector: one of the contents that it
// has had since it was synced. Of one that was cut and written again the part
// that was cut may be there too: the write reached the disk, the cut did not.
func (n *node) surviveSector(at int, choose func(int) int) []byte {
	old, now := sectorOf(n.durable, at), sectorOf(n.data, at)
	between := n.between[at]
	if len(between) == 0 && bytes.Equal(old, now) {
		return now
	}
	switch i := choose(len(between) + 2); {
	case i == 0:
		return old
	case i <= len(between):
		return between[i-1]
	}
	end := min(max(len(n.data)-at*sector, 0), sector)
	if !bytes.Equal(old[end:], now[end:]) && choose(2) == 0 {
		copy(now[end:], old[end:])
	}
	return now
}
