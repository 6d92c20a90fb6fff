// Package route stands in front of servers of one tenant each, and hands every
// request on to the one that its token leads to.
//
//	request --> token --> place --> backend --> reply, as it comes
//	              |         |          |
//	             401       503        502      answered here, as {"error": "…"}
//
// The words:
//
//   - A backend is a server on a port of 127.0.0.1. Several tokens may lead to one.
//   - A table says which token leads where. It never changes; a reload makes another
//     one, which has the backends of the one before as far as their ports stay.
//   - A place is what a request has while it is at work. A stream, which is a reply
//     of server-sent events or a connection that both sides took over (WebSocket), has
//     a place of another kind, since it may last for days.
//
// # The file
//
//	{"tenants": [
//	  {"token": "invented-token-for-alice", "port": 1338, "data_dir": "/srv/sq/alice"},
//	  {"token": "sha256:<64 hex digits>",   "port": 1339, "data_dir": "/srv/sq/bob"}
//	]}
//
// A token stands as it is or as its hash, as in a configuration of tenants. The
// directory is for people, and for whoever starts the backends: a router reads none.
//
// # What a request goes through
//
// Nothing is sent twice. Go's transport sends a GET again when a connection that it
// kept breaks before the reply, and in this API a GET may write; so every request is
// made one that cannot be repeated. A client that gets 502 does not know whether its
// write was carried out, as with any connection that breaks.
//
// The token goes on as it came: the backend has the last word. Host, path and query
// go on byte for byte. Headers that tell of proxies are this router's own, unless it
// was told that a proxy which can be trusted stands in front of it.
//
// # Backends that do not answer
//
// Each backend is asked every few seconds. One that refuses connections is asked
// by each request all the same, since that is told at once and it may be back. One
// that takes connections and does not answer gets no more requests until it does, and
// those that wait for it are ended.
package route
