// Package founding runs a founding programme: a list of tenants that were made
// beforehand, of which each buyer gets one.
//
//	list.csv ----------> Programme --Claim--> a slot, and its token
//	list.csv.claims <------'  |
//	                          '--Subscribe--> Progress, at each claim
//
// The words:
//
//   - A slot is a tenant on the list: a number, a name and a token.
//   - A claim gives a slot to a buyer, for good.
//   - The list is a CSV file with one slot a line. Operators read and make it.
//   - The claims are a file beside it, which says what was promised to whom.
//   - A Site is the programme in HTTP: a page, its numbers, Stripe's webhook.
//
// # What lies on disk
//
// The list has a header with at least the columns slot, token, name, status,
// purchased_at and customer_email, in any order; others are kept. The status is
// available or claimed.
//
//	slot,token,name,data_dir,status,purchased_at,customer_email
//	1,invented-token,founding-001,/srv/sq/founding-001,claimed,2026-01-02T03:04:05Z,ada@example.com
//	2,another-token,founding-002,/srv/sq/founding-002,available,,
//
// The claims are lines of JSON, oldest first, and a last one with the checksum
// (CRC-32C) of all bytes before it:
//
//	{"kind":"claim","slot":1,"name":"founding-001","email":"ada@example.com","session":"cs_…","event":"evt_…","at":"2026-01-02T03:04:05Z"}
//	{"kind":"shown","slot":1,"name":"founding-001","at":"2026-01-02T03:05:00Z"}
//	{"kind":"end","lines":2,"crc32c":"0a1b2c3d"}
//
// The kinds: claim; again, another payment or event of a buyer who has a slot;
// shown, the token was shown; refused, a payment that found no slot left. There
// is no token in it.
//
// Both files are only ever replaced as a whole: written beside, synced, renamed,
// and the directory synced. The claims come first, and nothing is answered before
// they are on disk. The list follows, for people: where the two differ after a
// crash, the claims win and the list is written anew. A slot that the list calls
// claimed is not given away, whatever the claims say.
//
// # Sharing
//
// A Programme and a Site may be used from any number of goroutines. One process
// at a time holds a list, by a lock beside it.
package founding
