package journal

import (
	"bytes"
	"fmt"
	"io"
)

// Reader reads the records of one segment. It is for one goroutine. Its memory
// is that of the largest record, and 256 KiB for what it reads ahead.
type Reader struct {
	r        io.ReaderAt
	size     int64
	ahead    []byte // of the segment, behind
	behind   int64
	until    int64
	id       uint64
	next     int64
	at       int64 // where the record that Next returned begins
	known    int64 // how far the segment was on disk, as its records tell
	sequence uint64
	chain    uint32
	buf      []byte // the record that was read last
	err      error
	done     bool
}

// TornError says that a segment ends in bytes that were never answered.
type TornError struct {
	Offset int64 // where they begin
}

// Error says where.
func (e *TornError) Error() string {
	return fmt.Sprintf("offset %d: torn end, never answered", e.Offset)
}

// DamageError says that a segment has lost bytes that were on disk, or has what
// this program does not know. Nothing of it may be cut.
type DamageError struct {
	Offset  int64  // the first record that cannot be used
	Why     string // what is wrong with it, and what proves that
	Unknown bool   // it is sound, and of a program that knows more
}

// Error says where, and why.
func (e *DamageError) Error() string { return fmt.Sprintf("offset %d: %s", e.Offset, e.Why) }

// NewReader returns a reader of the segment of size bytes that begins with h.
// until is the number of bytes that count, when a later segment tells it (then
// it must be where a record ends, or h does; a bad record before it is damage;
// and what follows it is passed over), or -1. Nothing is read yet.
func NewReader(r io.ReaderAt, size int64, h Header, until int64) *Reader {
	return &Reader{
		r: r, size: size, until: until, id: h.ID, next: h.Length(),
		at: h.Length(), known: h.Length(), sequence: h.Before, chain: h.checksum(),
	}
}

// Next returns the next record; false at the end, when Err says how it ended. It
// costs a checksum of the record, and a read where that was not read ahead, and at a bad
// one of all that is behind it. The texts are valid until the next call.
func (r *Reader) Next() (Record, bool) {
	if r.done {
		return Record{}, false
	}
	record, err := r.follow()
	if err != nil {
		r.done, r.err = true, err
		return Record{}, false
	}
	r.chain, r.sequence = le.Uint32(r.buf[52:]), record.Sequence
	r.known = max(r.known, int64(le.Uint64(r.buf[32:])))
	r.at, r.next = r.next, r.next+int64(len(r.buf))
	return record, true
}

// Err returns nil when the segment ended as it should, or has not ended yet, a
// *TornError, a *DamageError, or the error of a failed read.
func (r *Reader) Err() error {
	if r.err == io.EOF {
		return nil
	}
	return r.err
}

// End returns the offset behind the last record that Next returned, or behind the
// header.
func (r *Reader) End() int64 { return r.next }

// Offset returns where the record that Next returned last begins.
func (r *Reader) Offset() int64 { return r.at }

// Synced returns up to where the segment was on disk for certain when the last
// of the records that were read was written. What follows was written, and may
// not have been synced.
func (r *Reader) Synced() int64 { return min(r.known, r.next) }

// follow reads the record behind the last one. The error at an end that is as it
// should be is io.EOF.
func (r *Reader) follow() (Record, error) {
	if r.next == r.until {
		return Record{}, io.EOF
	}
	ok, err := r.verify(r.next)
	if err != nil {
		return Record{}, err
	}
	if !ok || le.Uint32(r.buf[40:]) != r.chain {
		return Record{}, r.judge()
	}
	if end := r.next + int64(len(r.buf)); r.until != -1 && end > r.until {
		return Record{}, &DamageError{Offset: r.next, Why: fmt.Sprintf("the next segment counts on %d bytes, and no record ends there", r.until)}
	}
	record, why := parseRecord(r.buf, r.next)
	if why == "" && record.Sequence <= r.sequence {
		why = fmt.Sprintf("the sequence number %d behind %d", record.Sequence, r.sequence)
	}
	if why != "" {
		return Record{}, &DamageError{Offset: r.next, Why: "record verifies, and has what this program does not know: " + why, Unknown: true}
	}
	return record, nil
}

// verify reads the record at offset into buf; false when there is none that is
// whole and belongs there. No more is allocated than the segment has bytes.
func (r *Reader) verify(offset int64) (bool, error) {
	r.buf = grow(r.buf, recordHead)
	if r.size-offset < recordHead {
		return false, nil
	}
	if err := r.read(r.buf, offset); err != nil {
		return false, err
	}
	whole := recordHead + (int64(le.Uint32(r.buf[48:]))+alignment-1)&^(alignment-1)
	if !r.plausible(offset) || whole > r.size-offset {
		return false, nil
	}
	r.buf = grow(r.buf, int(whole))
	if err := r.read(r.buf, offset); err != nil {
		return false, err
	}
	return recordChecksum(r.buf) == le.Uint32(r.buf[52:]), nil
}

// read fills b from an offset. Records are small, and read one after the other: so
// it reads ahead. What cannot be read there is nothing to those before it.
func (r *Reader) read(b []byte, offset int64) error {
	const most = 256 << 10
	if offset < r.behind || offset+int64(len(b)) > r.behind+int64(len(r.ahead)) {
		if len(b) > most/2 {
			return readFull(r.r, b, offset)
		}
		r.ahead, r.behind = grow(r.ahead, int(min(most, r.size-offset))), offset
		if err := readFull(r.r, r.ahead, offset); err != nil {
			r.ahead = r.ahead[:0]
			return readFull(r.r, b, offset)
		}
	}
	copy(b, r.ahead[offset-r.behind:])
	return nil
}

func (r *Reader) plausible(offset int64) bool {
	id := le.Uint64(r.buf[8:])
	return string(r.buf[:8]) == recordMagic && (r.id == 0 || id == r.id) && int64(le.Uint64(r.buf[16:])) == offset
}

func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// judge says what a record that does not verify at r.next means.
func (r *Reader) judge() error {
	if r.until != -1 {
		return &DamageError{Offset: r.next, Why: fmt.Sprintf("record does not verify, and the next segment counts on %d bytes", r.until)}
	}
	witness, err := r.witness(r.next)
	if err != nil {
		return err
	}
	if witness >= 0 {
		return &DamageError{Offset: r.next, Why: fmt.Sprintf("record does not verify, and a later one at offset %d was written when it was on disk", witness)}
	}
	rest, err := onlyZeros(r.r, r.next, r.size)
	if err == nil && rest {
		err = io.EOF
	} else if err == nil {
		err = &TornError{r.next}
	}
	return err
}

// witness returns the offset of a valid record behind bad that was written when
// bad was already on disk, or -1. It reads the rest of the segment.
func (r *Reader) witness(bad int64) (int64, error) {
	found := int64(-1)
	err := r.eachValid(bad, func(at int64) bool {
		if int64(le.Uint64(r.buf[32:])) > bad {
			found = at
		}
		return found < 0
	})
	return found, err
}

// eachValid calls f with the offset of each record from an offset on that
// verifies by itself, in the buffer then, until f returns false.
func (r *Reader) eachValid(from int64, f func(at int64) bool) error {
	const window = 1 << 20
	b := make([]byte, min(window+recordHead, r.size))
	from = (from + alignment - 1) &^ (alignment - 1)
	for at := from; at < r.size; at += window {
		b = b[:min(int64(cap(b)), r.size-at)]
		if err := readFull(r.r, b, at); err != nil {
			return err
		}
		if more, err := r.eachValidIn(b[:min(len(b), window+len(recordMagic)-1)], at, f); err != nil || !more {
			return err
		}
	}
	return nil
}

// eachValidIn is eachValid for a window of bytes that stands at an offset. more
// is false when f had enough.
func (r *Reader) eachValidIn(b []byte, at int64, f func(at int64) bool) (more bool, err error) {
	for i := 0; ; i++ {
		n := bytes.Index(b[i:], []byte(recordMagic))
		if n < 0 {
			return true, nil
		}
		if i += n; (at+int64(i))%alignment != 0 {
			continue
		}
		ok, err := r.verify(at + int64(i))
		if err != nil || ok && !f(at+int64(i)) {
			return false, err
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

// Salvage calls f with each record of a segment of size bytes that verifies by
// itself, in the order of their places, whatever is broken between them, the
// header included. What it finds need not be all, nor belong together: it is for
// people who look for what damage has left. Texts are valid during the call.
func Salvage(r io.ReaderAt, size int64, f func(Record)) error {
	all := &Reader{r: r, size: size}
	return all.eachValid(0, func(at int64) bool {
		if record, why := parseRecord(all.buf, at); why == "" {
			f(record)
		}
		return true
	})
}

func onlyZeros(r io.ReaderAt, from, to int64) (bool, error) {
	b := make([]byte, min(64<<10, max(to-from, 0)))
	for from < to {
		b = b[:min(int64(len(b)), to-from)]
		if err := readFull(r, b, from); err != nil {
			return false, err
		}
		if !zeros(b) {
			return false, nil
		}
		from += int64(len(b))
	}
	return true, nil
}
