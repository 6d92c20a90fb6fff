// Package phext reads and writes phext: text with nine more dimensions above
// line and column.
//
// A phext is UTF-8 text in which nine bytes are delimiters. What stands between
// two delimiters is a scroll, addressed by a Coordinate of nine components:
//
//	component   0       1     2      3          4      5    6       7       8
//	dimension   library shelf series collection volume book chapter section scroll
//	delimiter   01      1F    1E     1D         1C     1A   19      18      17
//
// A document starts at 1.1.1/1.1.1/1.1.1. A delimiter adds one to its component
// and sets those to its right to 1. The line break is ordinary text. A component
// counts to 999 in what is written; a file may count to 16,383 and is read.
//
// The normal form of a phext is the shortest text with the same scrolls, in
// which empty scrolls do not appear. Its checksum is the XXH3-128 of that.
//
// Where to begin: Explode and Implode turn a phext into a map and back. A Scanner
// walks through a phext in memory, a Stream through one of any size, and a Writer
// writes one. Merge, Subtract, Insert, Update and Remove make new phexts of old
// ones, in normal form. ParseCoordinate is for what comes from outside, At for what
// is known; CheckText tells whether a text may be a scroll.
//
// Functions may be called from any goroutine, and none changes what it is given. A
// Scanner, Stream, Writer or Validator is for one goroutine at a time.
package phext
