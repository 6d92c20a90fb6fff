package journal

import (
	"bytes"
	"fmt"
	"io"
)

// Reader reads the records of one segment. It is for one goroutine.
type Reader struct {
	r     io.ReaderAt
	size  int64
	until int64
	id    uint64
	next  int64
	at    int64 // where the record that Next returned begins
	known int64 // how far the segment was on disk, as its records tell
	chain uint32
	buf   []byte
	err   error
	done  bool
}

// TornError says that a segment ends in bytes that were never answered.
type TornError struct {
	Offset int64 // where they begin
}

// Error says where.
func (e *TornError) Error() string {
	return fmt.Sprintf("offset %d: torn end, never answered", e.Offset)
}

// DamageError says that a segment has lost bytes that were on disk.
type DamageError struct {
	Offset int64  // the first record that does not verify
	Why    string // what proves it
}

// Error says where, and what proves it.
func (e *DamageError) Error() string {
	return fmt.Sprintf("offset %d: record does not verify, and %s", e.Offset, e.Why)
}

// NewReader returns a reader of the segment of size bytes that begins with h.
// until is the number of bytes that count, when a later segment tells it (a bad
// record before it is damage, and what follows it is passed over), or -1.
func NewReader(r io.ReaderAt, size int64, h Header, until int64) *Reader {
	return &Reader{r: r, size: size, until: until, id: h.ID, next: h.Length(), known: h.Length(), chain: h.checksum()}
}

// Next returns the next record; false at the end, when Err says how it ended.
func (r *Reader) Next() (Record, bool) {
	if r.done || r.next == r.until {
		return Record{}, false
	}
	record, ok, err := r.read(r.next, r.chain, true)
	if err != nil || !ok {
		r.done = true
		if r.err = err; err == nil {
			r.err = r.judge()
		}
		return Record{}, false
	}
	r.chain = le.Uint32(r.buf[52:])
	r.known = max(r.known, int64(le.Uint64(r.buf[32:])))
	r.at, r.next = r.next, r.next+int64(len(r.buf))
	return record, true
}

// Err returns nil when the segment ended as it should, a *TornError, a
// *DamageError, or the error of a failed read.
func (r *Reader) Err() error { return r.err }

// End returns the offset behind the last record that verified.
func (r *Reader) End() int64 { return r.next }

// Offset returns where the record that Next returned begins.
func (r *Reader) Offset() int64 { return r.at }

// Synced returns up to where the segment was on disk for certain when the last
// of the records that were read was written. What follows was written, and may
// not have been synced.
func (r *Reader) Synced() int64 { return min(r.known, r.next) }

// read reads the record at offset into buf; false when there is no valid one.
func (r *Reader) read(offset int64, chain uint32, chained bool) (Record, bool, error) {
	r.buf = grow(r.buf, recordHead)
	if r.size-offset < recordHead {
		return Record{}, false, nil
	}
	if err := readFull(r.r, r.buf, offset); err != nil {
		return Record{}, false, err
	}
	if !r.plausible(offset) || chained && le.Uint32(r.buf[40:]) != chain {
		return Record{}, false, nil
	}
	length := int64(le.Uint32(r.buf[48:]))
	whole := recordHead + (length+alignment-1)&^(alignment-1)
	if whole > r.size-offset {
		return Record{}, false, nil
	}
	r.buf = grow(r.buf, int(whole))
	if err := readFull(r.r, r.buf, offset); err != nil {
		return Record{}, false, err
	}
	if recordChecksum(r.buf) != le.Uint32(r.buf[52:]) {
		return Record{}, false, nil
	}
	return parseRecord(r.buf, int(length), offset)
}

func (r *Reader) plausible(offset int64) bool {
	id := le.Uint64(r.buf[8:])
	return string(r.buf[:8]) == recordMagic && (r.id == 0 || id == r.id) && int64(le.Uint64(r.buf[16:])) == offset
}

func parseRecord(b []byte, length int, offset int64) (Record, bool, error) {
	flags := le.Uint32(b[44:])
	if flags&^(flagMark|flagReset) != 0 {
		return Record{}, false, nil // no version has them
	}
	record := Record{Sequence: le.Uint64(b[24:]), Reset: flags&flagReset != 0}
	body, at := b[recordHead:recordHead+length], offset+recordHead
	if flags&flagMark != 0 {
		if len(body) < markBytes {
			return Record{}, false, nil
		}
		mark := parseMark(body)
		record.Mark = &mark
		body, at = body[markBytes:], at+markBytes
	}
	ops, ok := parseOps(body, at)
	record.Ops = ops
	return record, ok, nil
}

func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// judge says what a record that does not verify at r.next means.
func (r *Reader) judge() error {
	if r.until >= 0 {
		return &DamageError{r.next, fmt.Sprintf("the next segment counts on %d bytes", r.until)}
	}
	witness, err := r.witness(r.next)
	if err != nil {
		return err
	}
	if witness >= 0 {
		return &DamageError{r.next, fmt.Sprintf("a later record at offset %d was written when it was on disk", witness)}
	}
	rest, err := onlyZeros(r.r, r.next, r.size)
	if err != nil || rest {
		return err
	}
	return &TornError{r.next}
}

// witness returns the offset of a valid record behind bad that was written when
// bad was already on disk, or -1. It reads the rest of the segment.
func (r *Reader) witness(bad int64) (int64, error) {
	const window = 1 << 20
	b := make([]byte, min(window+recordHead, r.size))
	first := (bad + alignment - 1) &^ (alignment - 1)
	for at := first; at < r.size; at += window {
		b = b[:min(int64(cap(b)), r.size-at)]
		if err := readFull(r.r, b, at); err != nil {
			return -1, err
		}
		found, err := r.witnessIn(b, at, bad)
		if err != nil || found >= 0 {
			return found, err
		}
	}
	return -1, nil
}

func (r *Reader) witnessIn(b []byte, at, bad int64) (int64, error) {
	for i := 0; ; i++ {
		n := bytes.Index(b[i:], []byte(recordMagic))
		if n < 0 {
			return -1, nil
		}
		if i += n; (at+int64(i))%alignment != 0 {
			continue
		}
		_, ok, err := r.read(at+int64(i), 0, false)
		if err != nil {
			return -1, err
		}
		if ok && int64(le.Uint64(r.buf[32:])) > bad {
			return at + int64(i), nil
		}
	}
}

// Promised reports whether a segment whose header does not verify holds a
// record that was written when the header was on disk: then the header is
// damaged, and otherwise it was never finished.
func Promised(r io.ReaderAt, size int64) (bool, error) {
	witness, err := (&Reader{r: r, size: size}).witness(0)
	return witness >= 0, err
}

func onlyZeros(r io.ReaderAt, from, to int64) (bool, error) {
	b := make([]byte, 64<<10)
	for from < to {
		b = b[:min(int64(len(b)), to-from)]
		if err := readFull(r, b, from); err != nil {
			return false, err
		}
		for _, c := range b {
			if c != 0 {
				return false, nil
			}
		}
		from += int64(len(b))
	}
	return true, nil
}
