package mesh

// known is what is remembered of a scroll since the last comparison with a peer.
// Where local and remote are equal, both sides had it so: it was agreed on. Where
// they differ they are the two sides of a conflict, and the remote text, if there is
// one, was kept in the phext of conflicts before this was remembered.
type known struct{ local, remote state }

func (k known) agreed() bool { return k.local == k.remote }

// action is what a round does about a scroll.
type action int

// The actions. Each but nothing needs that the side it writes to still is as it was.
const (
	nothing  action = iota // the sides agree, or the conflict is known
	take                   // write the remote state here: a text, or a deletion
	send                   // write the local state there
	conflict               // keep the remote text beside; both sides stay
	wait                   // the conflict goes on, with other states; nothing to keep
)

func (a action) String() string {
	return [...]string{"nothing", "take", "send", "conflict", "wait"}[a]
}

// decide says what is to be done about a scroll, from what is known of it and from
// what the sides have now. It is all there is to decide, and does nothing.
//
// A side that is as it is known did not change, and what the other has was written
// by someone who had seen it: so it gives way. Where both changed, a text goes before
// its deletion, and two texts are a conflict. In a known conflict only a change on this
// side settles it, since it is here that the conflict is shown and that the other text
// was kept; what changes on the other side is settled from there, or is another conflict.
func decide(k known, local, remote state) action {
	changedHere, changedThere := local != k.local, remote != k.remote
	switch {
	case local == remote:
		return nothing
	case !changedHere && !changedThere:
		return nothing // a known conflict
	case !changedThere:
		return send
	case !changedHere && k.agreed():
		return take
	case !local.there:
		return take
	case !remote.there && changedHere:
		return send
	case !remote.there:
		return wait // deleted there, in a known conflict
	}
	return conflict
}

// after returns what is known of a scroll once the action was carried out.
func (a action) after(k known, local, remote state) known {
	switch a {
	case take:
		return known{remote, remote}
	case send:
		return known{local, local}
	case conflict, wait:
		return known{local, remote}
	}
	if local == remote {
		return known{local, local}
	}
	return k
}
