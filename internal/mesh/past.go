package mesh

import (
	"maps"
	"slices"

	"github.com/wbic16/sq-go/phext"
)

// A server that is restored from a backup has texts that were replaced since, and lacks
// those that were written since. To a peer these look like edits and deletions of today. Two
// things tell them apart, and then a text is kept in the phext of conflicts before it is
// overwritten or deleted: a scroll has a text again that both sides had before, and a node
// does not remember what it is about to overwrite.

// mostPast is how many texts before the last one are remembered of a scroll: 33 bytes each
// in the file.
const mostPast = 16

// goesBack reports whether both sides had a text before the one that is known.
func (b *base) goesBack(c phext.Coordinate, s state) bool {
	return s.there && slices.Contains(b.past[c], s.sum)
}

// inherit has a base remember what was known before of the scrolls that it knows otherwise.
func (b *base) inherit(before *base) {
	past := map[phext.Coordinate][]phext.Checksum{}
	maps.Copy(past, b.past)
	older := before.all
	for _, now := range b.all {
		for len(older) > 0 && older[0].at.Less(now.at) {
			older = older[1:]
		}
		texts := before.past[now.at]
		if len(older) > 0 && older[0].at == now.at && older[0].known != now.known {
			texts = withState(withState(texts, older[0].local), older[0].remote)
		}
		texts = slices.DeleteFunc(slices.Concat(past[now.at], texts), func(sum phext.Checksum) bool {
			return now.agreed() && sum == now.local.sum
		})
		if texts = lastOf(texts); len(texts) > 0 {
			past[now.at] = texts
		} else {
			delete(past, now.at)
		}
	}
	b.past = past
}

func withState(texts []phext.Checksum, s state) []phext.Checksum {
	if !s.there {
		return texts
	}
	return append(slices.Clip(texts), s.sum)
}

// lastOf returns the last texts, each once.
func lastOf(texts []phext.Checksum) (last []phext.Checksum) {
	for _, sum := range slices.Backward(texts) {
		if len(last) < mostPast && !slices.Contains(last, sum) {
			last = append(last, sum)
		}
	}
	slices.Reverse(last)
	return last
}

// remembers reports whether a node knows that both sides had a state.
func (b *base) remembers(c phext.Coordinate, s state) bool { return b.at(c) == known{s, s} }

// forgotHere reports whether this node may have lost what the peer's text was answered with
// here to a backup: it does not remember that text. Where the peer has seen a base of a later
// round here, that is certain; where it has seen the last one, this node has not compared
// since, and only a deletion is doubted.
func (r *round) forgotHere(s step) bool {
	if r.theirs == nil || r.before.remembers(s.at, s.remote) {
		return false
	}
	return r.before.round < r.theirs.seen || r.before.round == r.theirs.seen && !s.local.there
}

// forgotThere is the same of the peer. Where the peer has what it remembers to have had, and
// both had something else since, it went back by itself.
func (r *round) forgotThere(s step) bool {
	if r.theirs == nil || r.theirs.remembers(s.at, s.local) {
		return false
	}
	return r.theirs.round < r.before.seen || r.theirs.round == r.before.seen && !s.remote.there || r.theirs.at(s.at).local == s.remote
}
