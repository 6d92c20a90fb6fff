// Package journal writes records on an append-only file and reads them back. It
// knows bytes, not paths.
//
// A journal is a chain of segments. A segment is a header and, from the
// header's end on, records. All numbers are little-endian, header and records
// begin on a multiple of 8 bytes, and every byte is under a CRC-32C
// (Castagnoli).
//
//	header                                 record
//	 0  8  magic FF "SQseg" FE 0A           0  8  magic FF "SQrec" FE 0A
//	 8  4  version, 1                       8  8  id of the segment
//	12  4  length of the header            16  8  offset of this record
//	16  8  id, random, not 0               24  8  sequence number
//	24  8  id of the segment before, or 0  32  8  synced: bytes of this segment
//	32  8  bytes of it that count                 that were on disk for certain
//	40  8  sequence number before all      40  4  CRC of the record (or header)
//	       of this segment                        before
//	48 32  mark: what the file held        44  4  flags: 1, a mark begins the
//	80  2  length of the name                     body; 2, reset
//	82  n  name of the phext               48  4  length of the body
//	 …     zeros                           52  4  CRC of all but this field
//	-4  4  CRC of all before               56  n  body
//	                                        …     zeros to a multiple of 8
//
//	mark                                   operation
//	 0  8  sequence number                  0  4  length of the text
//	 8  8  size of the file, or 2^64-1      4  1  1 put, 2 append, 3 delete
//	       where there is none              5  3  zeros
//	16 16  XXH3-128 of the file             8 16  coordinate, high word first
//	                                       24  n  text
//
// A mark says: a file with this size and checksum holds everything up to this
// sequence number. A record with the flag reset says: on the file of its mark,
// its operations are all that is pending, and those before do not count any
// more; it is written when someone else changed the file. A record without a
// body carries only its synced point.
//
// Because the magic contains FF, which UTF-8 never does, a record can be told
// from any text; because it holds the id and its own offset, from any other
// record. So when a record does not verify, a Reader looks at every later
// boundary: a valid record that was written when the bad place was already on
// disk proves damage, and nothing may be cut. Without such a witness the bad
// place is the torn end of writes that were never answered.
//
// There is one way to write a thing. A record or header that verifies and is not
// what an Encoder of this version writes (an unknown flag or kind, a byte where
// zeros belong, a text that no scroll has) was written on purpose, by a program
// that knows more: it is refused as damage or as another version, and never
// passed over or cut. Magic, version, length and checksum of a header stay where
// they are in all versions.
//
// Nothing here is locked: an Encoder or a Reader is for one goroutine. Offsets
// and lengths are bytes.
package journal
