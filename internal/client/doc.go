// Package client is an sq.Store over the wire: the phexts of a tenant on a server
// of SQ, which is reached over HTTP, TLS or a socket of the file system.
//
//	Store method -> ask -> net/http -> answer -> what it means
//
// An ask is one request, an answer its reply. What went wrong comes back as the
// *sq.Error that the server meant, with the server's words.
//
//   - client.go: New, and what all requests share; address.go: where the server is
//   - ask.go: one request and its answer; failure.go: what it means when there is none
//   - snapshot.go: reading; write.go: writing
//   - delta.go, watch.go: what differs, what happens
//
// Nothing is written twice: a request to write that was sent and not answered is an
// error with the code Uncertain, and it is for the caller to look what became of
// it. No redirect is followed, so a token goes to the server that was named and to
// no other. Calls take as long as their context lets them.
//
// A snapshot fetches its numbers at once, and its texts when they are asked for. It
// keeps none of the server's: when the phext has changed since, reading from it
// fails with Busy, which says to take another snapshot. It never shows two moments.
package client
