// Package load puts load on a server and measures what comes back.
//
// A Worker is one client that makes one request after the other; Run has many of
// them work at once and returns a Result: how many requests were answered, how
// long each took, and what failed. The Workers of a Work read and write numbered
// scrolls of an SQ server and hold each reply to what must stand there; others
// may speak to other servers.
//
// The client is made to be lighter than the servers that it measures: a Conn is
// a connection that speaks as much of HTTP/1.1 as a reply of SQ or of a proxy in
// front of it needs, into buffers that are used again.
//
// A Conn and a Worker are for one goroutine at a time. A Server, a Work and Texts
// may be shared.
package load
