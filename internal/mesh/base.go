package mesh

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// base is what is known of all scrolls of a phext, with one peer. A scroll that is
// not in it was agreed to be absent, or was never seen.
type base struct {
	pair  string // whom it is with; see Pair.Identity
	round uint64 // of those that changed it; nodes that share bases count together
	seen  uint64 // the round of the other node's base when it was seen last; 0: it has none
	all   []knownAt
	past  map[phext.Coordinate][]phext.Checksum // what both had before, the oldest first; see goesBack
}

// knownAt is known of a scroll.
type knownAt struct {
	at phext.Coordinate
	known
}

// at returns what is known of a scroll. It costs a search.
func (b *base) at(c phext.Coordinate) known {
	i, ok := b.find(c)
	if !ok {
		return known{}
	}
	return b.all[i].known
}

func (b *base) find(c phext.Coordinate) (int, bool) {
	return slices.BinarySearchFunc(b.all, c, func(k knownAt, c phext.Coordinate) int { return k.at.Compare(c) })
}

// learn returns the base with what was learned since, in any order; of a coordinate
// that stands there twice the last counts. The base stays as it is.
func (b *base) learn(learned []knownAt) *base {
	if len(learned) == 0 {
		return b
	}
	learned = slices.Clone(learned)
	slices.SortStableFunc(learned, func(a, b knownAt) int { return a.at.Compare(b.at) })
	next := &base{b.pair, b.round, b.seen, make([]knownAt, 0, len(b.all)+len(learned)), b.past}
	old := b.all
	for i, l := range learned {
		if i+1 < len(learned) && learned[i+1].at == l.at {
			continue
		}
		for len(old) > 0 && old[0].at.Less(l.at) {
			next.all, old = append(next.all, old[0]), old[1:]
		}
		if len(old) > 0 && old[0].at == l.at {
			old = old[1:]
		}
		if l.known != (known{}) {
			next.all = append(next.all, l)
		}
	}
	next.all = append(next.all, old...)
	return next
}

// adopt returns the base with what the other node of the pair has learned since, by a round
// of its own. What it calls local is remote here. Both nodes had what it says was agreed on,
// so that is as true here. What a conflict is to one of them it is not to the other: each
// keeps the other's text first.
func (b *base) adopt(theirs *base) *base {
	if theirs.round <= b.round {
		return b
	}
	next := &base{pair: b.pair, round: theirs.round, seen: b.seen, past: theirs.past}
	ours := b.all
	for _, k := range theirs.all {
		for len(ours) > 0 && ours[0].at.Less(k.at) {
			next.keepConflict(ours[0])
			ours = ours[1:]
		}
		mine, has := known{}, len(ours) > 0 && ours[0].at == k.at
		if has {
			mine, ours = ours[0].known, ours[1:]
		}
		switch {
		case k.agreed() && mine.agreed():
			next.all = append(next.all, k)
		case has:
			next.all = append(next.all, knownAt{k.at, mine})
		}
	}
	for _, k := range ours {
		next.keepConflict(k)
	}
	next.inherit(b)
	return next
}

// keepConflict keeps what the other node does not know of. What was agreed on, and is not
// known there any more, is absent on both sides by now.
func (b *base) keepConflict(k knownAt) {
	if !k.agreed() {
		b.all = append(b.all, k)
	}
}

// equal reports whether two bases say the same, whichever round they are of.
func (b *base) equal(c *base) bool {
	return b.pair == c.pair && b.seen == c.seen && slices.Equal(b.all, c.all)
}

// conflicts returns where the sides are known to differ.
func (b *base) conflicts() (at []phext.Coordinate) {
	for _, k := range b.all {
		if !k.agreed() {
			at = append(at, k.at)
		}
	}
	return at
}

// most reports whether n scrolls are most of those that are known, and many. Who loses
// so many may have lost them to something else than somebody who deleted them.
func (b *base) most(n int) bool {
	const fewest = 10
	return n >= fewest && n > len(b.all)/2
}

// lostIn reports whether most of what is known is missing in a manifest.
func (b *base) lostIn(m manifest) bool {
	lost := 0
	for _, k := range b.all {
		for len(m) > 0 && m[0].at.Less(k.at) {
			m = m[1:]
		}
		if k.local.there && (len(m) == 0 || m[0].at != k.at) {
			lost++
		}
	}
	return b.most(lost)
}

// The words of the file. It is text, a line a scroll, sorted:
//
//	sq-mesh-base 1 PAIR ROUND SEEN
//	COORD SUM                  agreed on
//	COORD LOCAL REMOTE         a conflict; - is an absent scroll
//	COORD LOCAL REMOTE PAST…   either, and what both had before
//	end COUNT CHECKSUM         of the lines before this one
const (
	baseMagic = "sq-mesh-base 1 "
	baseEnd   = "end"
	absent    = "-"
)

// encode returns the file of a base: about 50 to 90 bytes a scroll.
func (b *base) encode() []byte {
	out := append(make([]byte, 0, 64+96*len(b.all)), b.head()+"\n"...)
	for _, k := range b.all {
		out, _ = k.at.AppendText(out)
		out = k.local.append(append(out, ' '))
		past := b.past[k.at]
		if !k.agreed() || len(past) > 0 {
			out = k.remote.append(append(out, ' '))
		}
		for _, sum := range past {
			out, _ = sum.AppendText(append(out, ' '))
		}
		out = append(out, '\n')
	}
	return fmt.Appendf(out, "%s %d %v\n", baseEnd, len(b.all), phext.Sum(out))
}

// mostShared returns how many bytes of another node's base are read, where so many scrolls
// are known here: a line of at most 120 bytes for each, and room for what was deleted here
// since. What is longer tells of more than could matter, or is none.
func mostShared(scrolls int) int64 { return 1<<20 + 128*int64(scrolls) }

func (s state) append(out []byte) []byte {
	if !s.there {
		return append(out, absent...)
	}
	out, _ = s.sum.AppendText(out)
	return out
}

// parseBase reads the file of a base. What is not exactly one is Unreadable.
func parseBase(data []byte) (*base, error) {
	body, last := cutLastLine(data)
	head, lines, _ := bytes.Cut(body, []byte("\n"))
	b, ok := parseHead(string(head))
	for line := range bytes.Lines(lines) {
		words := strings.Fields(string(line))
		k, err := parseKnown(words)
		if err == nil && len(words) > 3 {
			b.past[k.at], err = parsePast(words[3:])
		}
		if err != nil {
			return nil, err
		}
		if n := len(b.all); n > 0 && !b.all[n-1].at.Less(k.at) {
			return nil, sq.Errorf(sq.Unreadable, "base of a mesh: the scroll %v is out of order", k.at)
		}
		b.all = append(b.all, k)
	}
	if end := fmt.Sprintf("%s %d %v\n", baseEnd, len(b.all), phext.Sum(body)); !ok || string(last) != end {
		return nil, sq.Errorf(sq.Unreadable, "base of a mesh: is cut short or was changed")
	}
	return b, nil
}

func parseHead(line string) (b *base, ok bool) {
	b = &base{past: map[phext.Coordinate][]phext.Checksum{}}
	words := strings.Split(line, " ")
	if len(words) != 5 {
		return b, false
	}
	var err1, err2 error
	b.pair = words[2]
	b.round, err1 = strconv.ParseUint(words[3], 10, 64)
	b.seen, err2 = strconv.ParseUint(words[4], 10, 64)
	return b, err1 == nil && err2 == nil && line == b.head()
}

// head returns the first line.
func (b *base) head() string { return fmt.Sprintf("%s%s %d %d", baseMagic, b.pair, b.round, b.seen) }

func cutLastLine(data []byte) (before, last []byte) {
	i := bytes.LastIndexByte(bytes.TrimSuffix(data, []byte("\n")), '\n') + 1
	return data[:i], data[i:]
}

func parseKnown(words []string) (k knownAt, err error) {
	if len(words) < 2 || len(words) > 3+mostPast {
		return k, sq.Errorf(sq.Unreadable, "base of a mesh: a line has %d words", len(words))
	}
	if k.at, err = phext.ParseStored(words[0]); err != nil {
		return k, sq.Errorf(sq.Unreadable, "base of a mesh: %v", err)
	}
	if k.local, err = parseState(words[1]); err != nil {
		return k, err
	}
	k.remote = k.local
	if len(words) > 2 {
		k.remote, err = parseState(words[2])
	}
	if err == nil && len(words) == 3 && k.agreed() {
		err = sq.Errorf(sq.Unreadable, "base of a mesh: the scroll %v is in conflict with itself", k.at)
	}
	return k, err
}

func parsePast(words []string) (past []phext.Checksum, err error) {
	for _, word := range words {
		s, err := parseState(word)
		if err != nil || !s.there {
			return nil, sq.Errorf(sq.Unreadable, "base of a mesh: %q is no text that both had", word)
		}
		past = append(past, s.sum)
	}
	return past, nil
}

func parseState(word string) (s state, err error) {
	if word == absent {
		return state{}, nil
	}
	s.there = true
	if s.sum, err = phext.ParseChecksum(word); err != nil {
		return s, sq.Errorf(sq.Unreadable, "base of a mesh: %v", err)
	}
	return s, nil
}
