// Package backup writes the phexts of tenants to a tar while others go on writing
// to them, and reads such a tar without trusting it.
//
// A backup is a tar that the system's tar reads. Its entries, in this order:
//
//	TENANTS.json          the configuration of the tenants, tokens as hashes; may be missing
//	TENANT/NAME.phext     each phext in normal form, sorted by tenant and name
//	MANIFEST.json         what a Manifest says: all of that with sizes and checksums
//	SHA256SUMS            the SHA-256 of every entry before it, as sha256sum -c reads it
//
// Those that are not phexts have upper-case names, which no tenant has. The last
// entry is the seal: a tar that ends before it, or before the two empty blocks
// behind it, is not whole and is refused. A backup that fails on the way ends in an entry
// FAILED, which says why, and then breaks off.
//
// A phext is one moment: what a Snapshot holds. The snapshots of a tenant's phexts
// are taken together before the first of them is written, up to Options.Held of
// them, and beyond that in groups of so many in the order of their names: each
// holds files open. SQ has no change that spans two phexts, so there is none of
// which a backup could have the half.
//
// The id of a backup is the SHA-256 of its MANIFEST.json. An incremental backup
// names the one it is against by its id, so that a chain of them is one of hashes:
// it lists every phext there is, and stores those that changed. What it does not list
// was dropped.
//
// Memory grows with the number of phexts, by some hundred bytes each, and not with
// their sizes. Functions may be called from any goroutine; what they take and return
// is for one at a time.
package backup
