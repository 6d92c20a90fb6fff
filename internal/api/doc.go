// Package api is SQ over HTTP: the paths under /api/v2/ in front of an sq.Store.
//
//	net/http -> origin -> token -> rate -> slot -> parameters -> Store -> reply
//
// A call is one request on that way. An endpoint is a path and what it does; the
// table in endpoint.go lists them. Every failure is an error that one table, in
// problem.go, turns into a status; so endpoints only return errors.
//
//   - origin.go: which web pages may ask; auth.go: whose request it is; guess.go: wrong tokens
//   - rate.go: how many requests a tenant may make, and how many it made
//   - served.go: what is kept of a tenant between its requests, found once in each
//   - slots.go: how many may be at work at once, and how many of one tenant
//   - query.go, body.go: what comes with a request, parsed once, into types
//   - read.go, status.go, list.go, stream.go, delta.go, watch.go, write.go, batch.go, whole.go, where.go: the endpoints
//   - position.go: of which moment a reply is
//   - object.go: what says what to write, read more strictly than encoding/json does
//   - reply.go, socket_unix.go: what goes back, and how long a client may stand still
//   - framing.go: requests whose end is not certain are refused
//   - secret.go: the same under TLS
//   - connections.go: how many may be open, and who goes when another comes
//   - log.go, observe.go: what operators are told
//   - front.go: the same care for connections in front of another handler
//
// A tenant learns nothing of another: whose a token is decides which Store is
// asked, and nothing else of the request does. What a stranger asks for is
// answered before it is looked at.
package api
