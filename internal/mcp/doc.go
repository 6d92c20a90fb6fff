// Package mcp is the Model Context Protocol over an sq.Store: the tools with which
// a program that talks to a language model, an agent, reads and writes phexts.
//
//	transport -> SDK -> tool -> arguments (parsed once, into types) -> Store -> reply
//
// The protocol itself, JSON-RPC, sessions and schemas, is the SDK's. A tool is a
// name, a description for the model, a type of arguments and a type of replies:
//
//   - server.go: New, the tools there are, and what a client is told of them all
//   - tool.go: what all tools share; argument.go: their arguments
//   - patient.go: at the end, calls under way are answered; http.go: a message over HTTP
//   - read.go, write.go, list.go, navigate.go, info.go, search.go: the tools
//   - excerpt.go: beginnings and pieces of texts; finder.go: what is searched for in them
//   - failure.go: what went wrong, in words for whom has to go on
//   - verbatim.go: what was sent is what is written
//
// What cannot be done is a reply of a tool that says what, where and what next, and
// not an error of the protocol: the model reads it and tries again. Every reply is
// bounded, and says how to go on where there is more: a model pays for each byte.
//
// Two agents that write to one scroll do not overwrite each other when they say in
// if_match which text they have read.
package mcp
