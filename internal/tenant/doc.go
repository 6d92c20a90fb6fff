// Package tenant turns tenants.json into the answer to one question: who is the
// caller that shows this token, and what may it use?
//
//	tenants.json --Parse--> Config --New--> Registry --Find--> sq.Tenant
//	      ^                                    ^
//	      +------------- Live: reads it again, or changes it, and swaps
//
// The words:
//
//   - A token is the secret a caller shows. A TokenHash is its SHA-256. Tokens
//     are hashed while the file is read; no Config and no Registry holds one.
//   - A Config is a configuration that was checked whole: whatever Parse
//     returns can be served.
//   - An Entry is one token of one tenant. Several entries may name the same
//     tenant, which is how a token is exchanged without a gap: add the new one,
//     move the callers, remove the old one.
//   - A Registry is the index that requests use. It never changes.
//   - Live is the Registry in force. Reloading makes another one and swaps.
//   - An Edit changes the text of the file: what it does not change stays as it
//     was written. ChangeFile makes one on the file, Live.Change one that is in
//     force when it returns.
//
// # The file
//
// The map form, keyed by tokens, or by "sha256:" and the hex of their SHA-256:
//
//	{
//	  "tenants": {
//	    "invented-token-for-alice": {"name": "alice", "data_dir": "/srv/sq/alice"},
//	    "sha256:<64 hex digits>":   {"name": "bob", "data_dir": "/srv/sq/bob",
//	                                 "quota_mb": 1024, "requests_per_second": 50,
//	                                 "requests_per_day": 100000, "durability": "fsync",
//	                                 "read_only": false, "enabled": true}
//	  },
//	  "admin_key": "sha256:<64 hex digits>",
//	  "reload_on_change": true,
//	  "data_root": "/srv/sq"
//	}
//
// and the list form, where "tenants" is a list of objects that have "id" and
// "api_key" in place of "name" and the key. An id stands once in it, so the
// exchange of tokens needs the map form.
//
// A tenant's name and data_dir are required. Of the rest, null is the same as
// absent. Relative directories are relative to the working directory. A
// megabyte is 1,048,576 bytes. read_only and enabled belong to the token. The
// limits and the durability belong to the tenant: of its entries one may give
// them for all, and where two give them they must be equal.
//
// # Directories
//
// No tenant's directory may be, contain or lie inside another's: neither as
// written nor after following the symbolic links there are. Tenants that are
// disabled count, because their files stay.
//
// # Errors
//
// An error names the file, the line and the column (from 1, in characters), the
// tenant where it has a name, and what to do. It never holds a token, nor any
// text from the file that could be one in the wrong place.
//
// # Sharing
//
// A Registry and a Live may be used from any number of goroutines. A Config may
// be until someone changes it, and belongs to New once it was given to it.
package tenant
