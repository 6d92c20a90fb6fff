package journal

import (
	"fmt"
	"hash/crc32"
)

// Encoder turns what was decided into the records of one segment. It is a small
// value: a copy taken before a write that failed goes on from there. It is for
// one goroutine.
type Encoder struct {
	id     uint64
	next   int64 // offset of the next record
	synced int64
	chain  uint32
}

// NewEncoder returns an encoder that writes the first record of the segment
// that h begins. The header must be on disk by then.
func NewEncoder(h Header) Encoder {
	return Encoder{id: h.ID, next: h.Length(), synced: h.Length(), chain: h.checksum()}
}

// Offset returns where the next record begins.
func (e *Encoder) Offset() int64 { return e.next }

// Synced tells the encoder that everything before offset is on disk, for certain:
// the records that follow say so, and damage is told by that.
func (e *Encoder) Synced(offset int64) { e.synced = offset }

// Append appends a record to dst and fills in the Offset of each operation, in
// the array that r.Ops has. It costs a copy and a checksum of the texts. It
// panics when the operations take more than MaxBody: a length that does not fit
// would make what was answered unreadable.
func (e *Encoder) Append(dst []byte, r Record) []byte {
	if n := BodyBytes(r.Ops); n > MaxBody {
		panic(fmt.Sprintf("journal: a record of %d bytes, at most %d fit", n, MaxBody))
	}
	start := len(dst)
	dst = append(dst, recordMagic...)
	dst = le.AppendUint64(dst, e.id)
	dst = le.AppendUint64(dst, uint64(e.next))
	dst = le.AppendUint64(dst, r.Sequence)
	dst = le.AppendUint64(dst, uint64(e.synced))
	dst = le.AppendUint32(dst, e.chain)
	dst = le.AppendUint32(dst, r.flags())
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0) // length and checksum
	if r.Mark != nil {
		dst = appendMark(dst, *r.Mark)
	}
	for i := range r.Ops {
		r.Ops[i].Offset = e.next + int64(len(dst)-start) + opHead
		dst = appendOp(dst, r.Ops[i])
	}
	return e.seal(dst, start)
}

// seal writes the length and the checksum of the record that begins at start.
func (e *Encoder) seal(dst []byte, start int) []byte {
	body := len(dst) - start - recordHead
	for (len(dst)-start)%alignment != 0 {
		dst = append(dst, 0)
	}
	record := dst[start:]
	le.PutUint32(record[48:], uint32(body))
	e.chain = recordChecksum(record)
	le.PutUint32(record[52:], e.chain)
	e.next += int64(len(record))
	return dst
}

// recordChecksum covers the whole record but the field it stands in.
func recordChecksum(record []byte) uint32 {
	return crc32.Update(crc32.Checksum(record[:52], castagnoli), castagnoli, record[recordHead:])
}
