// Package mesh keeps phexts of several servers the same: each node compares the
// phexts that were chosen with those of its peers, at an interval, and what was
// changed on one side travels to the other. What was changed on both is kept twice.
// Nothing that a client was answered is lost, whatever dies in between.
//
// The words:
//
//   - A Node is this server with its configuration. A peer is another server,
//     which need not know of the mesh: it is asked through its ordinary API.
//   - A round compares one phext with one peer, and ends it: a Pair does one.
//   - The base is what both sides of a pair had when they were compared last. It is
//     a file under .sq/mesh and holds checksums. Where there is none nothing was
//     agreed on: then nothing is deleted and nothing is overwritten.
//   - A state is a scroll as a comparison sees it: absent, or a checksum.
//   - A conflict is a scroll that was changed on both sides since the base. Each side
//     keeps its own text, and the other's goes to the phext NAME.conflicts, to the same
//     coordinate.
//
// The way of a round:
//
//	local manifest ----> Peer.Delta ----> decide(base, local, remote), a scroll at a time
//	                                        |        |           |
//	                                      take     send       conflict
//	                                    (write here) (write there) (keep, then remember)
//	                                        +--------+-----------+--> the new base
//
// Every write carries the condition that the scroll still is as it was when it was
// decided on, so an edit that comes in between makes the write fail and is decided
// anew. decide.go has the rules, doc/adr/mesh.md says why nothing is lost.
//
//	config.go json.go         the configuration
//	manifest.go decide.go     states, and what is to be done about them
//	base.go basefile.go       what was agreed on, and where it is kept
//	keep.go                   copies of the other side's texts
//	round.go batch.go         a round
//	node.go schedule.go       all peers, when, and what is told of them
package mesh
