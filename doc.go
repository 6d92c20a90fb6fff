// Package sq says what SQ is: a database whose tables are plain text files.
//
// A tenant keeps phexts. A phext is a text whose scrolls are addressed by
// coordinates (package phext). Everything that SQ does for a tenant goes
// through one Store: the engine on disk is one, and so is anything else that
// passes the suite in internal/storetest. This package holds the words that all
// of them share and does no input or output itself.
//
// The words:
//
//   - A phext has a PhextName and holds scrolls, each at a phext.Coordinate.
//   - A Snapshot is one moment of one phext. It never changes.
//   - A Batch is a list of operations on one phext that happen together or not
//     at all. An Op is one of them and may carry a Condition.
//   - A Change is what a batch did to one scroll, as a watcher is told.
//   - A Tenant is a name, a data directory, tokens and limits.
package sq

// Version is the version of the contract that clients see, as GET version
// answers it.
const Version = "0.5.5"
