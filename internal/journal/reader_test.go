package journal

import (
	"bytes"
	"errors"
	"hash/crc32"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/wbic16/sq-go/phext"
)

// sealed returns b with the checksum of the record from an offset on made right.
func sealed(b []byte, at int64) []byte {
	record := b[at : at+recordHead+(int64(le.Uint32(b[at+48:]))+7)&^7]
	le.PutUint32(record[52:], recordChecksum(record))
	return b
}

// wantDamage reads a segment and wants so many records and then damage, where
// the next one begins.
func wantDamage(t *testing.T, b []byte, until int64, records int, offset int64) {
	t.Helper()
	n, end, err := read(b, until)
	var damage *DamageError
	if !errors.As(err, &damage) || n != records || end != offset || damage.Offset != offset {
		t.Errorf("read %d records to %d, %v; want %d to %d and damage", n, end, err, records, offset)
	}
}

// TestUnknown: a record that verifies and says what nobody here knows is refused
// wherever it stands, the end included, and is never taken for a torn one.
func TestUnknown(t *testing.T) {
	b, offsets := segment(testHeader, 5) // the last has a mark and is a reset
	op := recordHead + markBytes
	changes := map[string]func(record []byte){
		"flag":                func(r []byte) { r[44] |= 4 },
		"highest flag":        func(r []byte) { r[47] |= 0x80 },
		"reset without mark":  func(r []byte) { r[44] = flagReset },
		"kind 0":              func(r []byte) { r[op+4] = 0 },
		"kind 4":              func(r []byte) { r[op+4] = 4 },
		"byte of a kind":      func(r []byte) { r[op+6] = 1 },
		"bit of a coordinate": func(r []byte) { r[op+15] |= 0x40 },
		"component 0":         func(r []byte) { clear(r[op+8 : op+10]) },
		"delimiter":           func(r []byte) { r[op+opHead] = phext.ScrollDelimiter },
		"not UTF-8":           func(r []byte) { r[op+opHead] = 0xFF },
		"text too long":       func(r []byte) { le.PutUint32(r[op:], math.MaxUint32) },
		"text too short":      func(r []byte) { r[op]-- },
		"mark of no file":     func(r []byte) { le.PutUint64(r[recordHead+8:], 1<<63) },
		"sum of no file":      func(r []byte) { le.PutUint64(r[recordHead+8:], math.MaxUint64); r[recordHead+16] = 1 },
		"sequence":            func(r []byte) { le.PutUint64(r[24:], testHeader.Before+4) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			b := bytes.Clone(b)
			change(b[offsets[4]:])
			wantDamage(t, sealed(b, offsets[4]), -1, 4, offsets[4])
			wantDamage(t, b, offsets[5], 4, offsets[4])
		})
	}
}

// TestUnknownFill: zeros behind a body are zeros.
func TestUnknownFill(t *testing.T) {
	e := NewEncoder(testHeader)
	b := e.Append(AppendHeader(nil, testHeader), Record{Sequence: 7, Ops: []Op{{Kind: Put, Coordinate: phext.First, Text: []byte("record 0")}, {Kind: Put, Coordinate: phext.First, Text: []byte("x")}}})
	b[len(b)-1] = 1
	wantDamage(t, sealed(b, testHeader.Length()), -1, 0, testHeader.Length())
}

// TestShortMark: a body that is too short for what its flags say.
func TestShortMark(t *testing.T) {
	e := NewEncoder(testHeader)
	b := e.Append(AppendHeader(nil, testHeader), Record{Sequence: 7, Ops: []Op{{Kind: Delete, Coordinate: phext.First}}})
	b[testHeader.Length()+44] = flagMark
	wantDamage(t, sealed(b, testHeader.Length()), -1, 0, testHeader.Length())
}

// TestUnknownWitness: a record that nobody here can read still proves that what
// stands before it was on disk.
func TestUnknownWitness(t *testing.T) {
	b, offsets := segment(testHeader, 3)
	b[offsets[2]+45] = 1
	sealed(b, offsets[2])
	b[offsets[1]+recordHead] ^= 1
	wantDamage(t, b, -1, 1, offsets[1])
}

// TestOtherHeaders: a header that verifies and is none of this version's is of
// another version, whatever its layout, and was not left half written.
func TestOtherHeaders(t *testing.T) {
	changes := map[string]func([]byte) []byte{
		"shortest":             func(b []byte) []byte { return b[:headLeast] },
		"shorter":              func(b []byte) []byte { return b[:80] },
		"longer":               func(b []byte) []byte { return append(b, make([]byte, 40)...) },
		"no id":                func(b []byte) []byte { clear(b[16:24]); return b },
		"name too long":        func(b []byte) []byte { b[81] = 1; return b },
		"name shorter":         func(b []byte) []byte { b[80]--; return b },
		"fill":                 func(b []byte) []byte { b[88] = 1; return b },
		"negative PreviousEnd": func(b []byte) []byte { b[39] = 0x80; return b },
		"base of no file":      func(b []byte) []byte { b[56]--; return b },
	}
	for name, change := range changes {
		b := change(AppendHeader(nil, testHeader))
		le.PutUint32(b[12:], uint32(len(b)))
		le.PutUint32(b[len(b)-4:], crc32.Checksum(b[:len(b)-4], castagnoli))
		if _, err := ReadHeader(bytes.NewReader(b), int64(len(b))); !errors.Is(err, ErrVersion) || errors.Is(err, ErrHeader) {
			t.Errorf("%s: %v, want another version", name, err)
		}
	}
}

// TestHeaderCut: a header that is not whole does not verify, and no record proves
// that it ever was.
func TestHeaderCut(t *testing.T) {
	b := AppendHeader(nil, testHeader)
	for n := range b {
		if _, err := ReadHeader(bytes.NewReader(b[:n]), int64(n)); !errors.Is(err, ErrHeader) {
			t.Errorf("%d bytes: %v, want no header", n, err)
		}
		if promised, err := Promised(bytes.NewReader(b[:n]), int64(n)); promised || err != nil {
			t.Errorf("%d bytes: promised %v, %v", n, promised, err)
		}
	}
}

// TestUntilEnds: what counts ends where a record does. Anything else is damage,
// and no record that does not count is returned.
func TestUntilEnds(t *testing.T) {
	b, offsets := segment(testHeader, 3)
	for i, offset := range offsets {
		if n, end, err := read(b, offset); n != i || end != offset || err != nil {
			t.Errorf("until %d: read %d records to %d, %v", offset, n, end, err)
		}
	}
	for _, until := range []int64{0, 1, offsets[0] - 8, offsets[0] + 8, -2, math.MinInt64} {
		wantDamage(t, b, until, 0, offsets[0])
	}
	wantDamage(t, b, offsets[2]-1, 1, offsets[1])
	wantDamage(t, b, offsets[2]+1, 2, offsets[2])
	wantDamage(t, b, offsets[3]+8, 3, offsets[3])
	wantDamage(t, b, math.MaxInt64, 3, offsets[3])
	wantDamage(t, append(b, make([]byte, 64)...), offsets[3]+64, 3, offsets[3]) // zeros do not count
}

// TestUntilBadRest: what is behind the bytes that count does not matter.
func TestUntilBadRest(t *testing.T) {
	b, offsets := segment(testHeader, 3)
	b[offsets[1]] ^= 1
	if n, _, err := read(b, offsets[1]); n != 1 || err != nil {
		t.Errorf("read %d, %v; want 1 without an error", n, err)
	}
}

// TestZeroRanges fills ranges with zeros, from each 8 bytes on. Where a whole
// record is left behind them that is damage, and otherwise it never is.
func TestZeroRanges(t *testing.T) {
	b, offsets := segment(testHeader, 12)
	for hit, at := 0, offsets[0]; at < offsets[12]; at += alignment {
		for offsets[hit+1] <= at {
			hit++
		}
		for _, n := range []int64{64, 512, offsets[12]} {
			zeroed, to := bytes.Clone(b), min(at+n, offsets[12])
			clear(zeroed[at:to])
			got, end, err := read(zeroed, -1)
			var damage *DamageError
			if got != hit || end != offsets[hit] || errors.As(err, &damage) != (to <= offsets[11]) {
				t.Fatalf("zeros from %d to %d: read %d records to %d, %v; want %d", at, to, got, end, err, hit)
			}
			if at == offsets[hit] && to == offsets[12] && err != nil {
				t.Fatalf("zeros from %d to the end: %v", at, err)
			}
		}
	}
}

// TestForeignRecord: a record of another segment proves nothing, at the end and in
// the middle.
func TestForeignRecord(t *testing.T) {
	other := testHeader
	other.ID++
	foreign, _ := segment(other, 3)
	b, offsets := segment(testHeader, 3)
	copy(b[offsets[1]:offsets[2]], foreign[offsets[1]:offsets[2]])
	wantDamage(t, b, -1, 1, offsets[1]) // the third is a witness
	b = append(b[:offsets[1]], foreign[offsets[1]:]...)
	var torn *TornError
	if n, _, err := read(b, -1); n != 1 || !errors.As(err, &torn) || torn.Offset != offsets[1] {
		t.Errorf("read %d, %v; want 1 and a torn end", n, err)
	}
}

// TestRecordsInText: records in what stands for a text are no records, whether the
// one that has it is whole or torn. No scroll has such a text.
func TestRecordsInText(t *testing.T) {
	inner, _ := segment(testHeader, 3)
	text := bytes.Repeat([]byte(recordMagic+headMagic), 9)
	for i := range alignment {
		text = append(append(text, make([]byte, i)...), inner...)
	}
	e := NewEncoder(testHeader)
	b := AppendHeader(nil, testHeader)
	b = e.Append(b, Record{Sequence: 7, Ops: []Op{{Kind: Put, Coordinate: phext.First, Text: text}}})
	wantDamage(t, b, -1, 0, testHeader.Length())
	b[len(b)-1] ^= 1
	var torn *TornError
	if n, _, err := read(b, -1); n != 0 || !errors.As(err, &torn) {
		t.Errorf("read %d, %v; want a torn end", n, err)
	}
}

// TestSizes: bodies of every size around the alignment, texts that are empty, and
// records without any.
func TestSizes(t *testing.T) {
	e := NewEncoder(testHeader)
	b := AppendHeader(nil, testHeader)
	for n := range 70 {
		ops := []Op{{Kind: Put, Coordinate: phext.First, Text: bytes.Repeat([]byte("x"), n)}, {Kind: Append, Coordinate: phext.First}, {Kind: Delete, Coordinate: phext.Last}}
		b = e.Append(b, Record{Sequence: 7 + 2*uint64(n), Ops: ops[:n%4]})
		if e.Offset() != int64(len(b)) || e.Offset()%alignment != 0 {
			t.Fatalf("%d bytes: the encoder is at %d, the segment has %d", n, e.Offset(), len(b))
		}
	}
	r := segmentReader(t, b)
	for n := range 70 {
		record, ok := r.Next()
		if !ok || len(record.Ops) != n%4 || len(record.Ops) > 0 && len(record.Ops[0].Text) != n {
			t.Fatalf("record %d: %+v, %v", n, record, r.Err())
		}
	}
	if _, ok := r.Next(); ok || r.Err() != nil || r.End() != int64(len(b)) {
		t.Errorf("the end: %v, %v at %d", ok, r.Err(), r.End())
	}
}

// TestLargeBody reads a record that is larger than any window.
func TestLargeBody(t *testing.T) {
	e := NewEncoder(testHeader)
	text := []byte(strings.Repeat("0123456789", 300_001))
	b := e.Append(AppendHeader(nil, testHeader), Record{Sequence: 7, Ops: []Op{{Kind: Put, Coordinate: phext.First, Text: text}}})
	e.Synced(e.Offset())
	b = e.Append(b, Record{Sequence: 8})
	r := segmentReader(t, b)
	if record, ok := r.Next(); !ok || !bytes.Equal(record.Ops[0].Text, text) {
		t.Fatal(r.Err())
	}
	b[testHeader.Length()+100] ^= 1 // the witness is windows away
	wantDamage(t, b, -1, 0, testHeader.Length())
}

// TestTooLarge: a length that does not fit is never written.
func TestTooLarge(t *testing.T) {
	ops := make([]Op, 4096)
	for i := range ops {
		ops[i] = Op{Kind: Put, Text: make([]byte, 1<<20)[:1<<20-opHead]}
	}
	ops[0].Text = ops[0].Text[markBytes+1:]
	if got := BodyBytes(ops); got != MaxBody {
		t.Fatalf("%d bytes, want %d", got, int64(MaxBody))
	}
	ops[0].Text = make([]byte, len(ops[0].Text)+1)
	defer func() {
		if recover() == nil {
			t.Error("a body that is too large was written")
		}
	}()
	e := NewEncoder(testHeader)
	e.Append(nil, Record{Sequence: 7, Ops: ops})
}

// TestGarbageLength: no memory is taken because a length says so.
func TestGarbageLength(t *testing.T) {
	b, offsets := segment(testHeader, 3)
	le.PutUint32(b[offsets[2]+48:], math.MaxUint32)
	header := AppendHeader(nil, testHeader)
	le.PutUint32(header[12:], math.MaxUint32)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, err := read(b, -1); err == nil {
		t.Error("a record that is longer than the segment was read")
	}
	if _, err := ReadHeader(bytes.NewReader(header), int64(len(header))); !errors.Is(err, ErrHeader) {
		t.Errorf("header: %v", err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes were allocated for a segment of %d", n, len(b))
	}
}

// failing is a segment whose reads fail from some offset on.
type failing struct {
	*bytes.Reader
	from int64
	err  error
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.from {
		return 0, f.err
	}
	return f.Reader.ReadAt(p, off)
}

// TestReadFails: a read that fails is no torn end and no damage.
func TestReadFails(t *testing.T) {
	b, offsets := segment(testHeader, 3)
	broken := errors.New("broken")
	for from := offsets[0]; from < offsets[3]; from += alignment {
		r := NewReader(failing{bytes.NewReader(b), from, broken}, int64(len(b)), testHeader, -1)
		for ok := true; ok; {
			_, ok = r.Next()
		}
		last := offsets[0]
		for _, at := range offsets[1:] {
			if at <= from {
				last = at
			}
		}
		if r.Err() != broken || r.End() != last {
			t.Errorf("reads fail from %d on: %v at %d, want %d", from, r.Err(), r.End(), last)
		}
	}
	b[offsets[1]] ^= 1
	if _, err := Promised(failing{bytes.NewReader(b), 0, broken}, int64(len(b))); err != broken {
		t.Errorf("promised: %v", err)
	}
}

// counted counts what is read.
type counted struct {
	*bytes.Reader
	reads int
	bytes int64
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Reader.ReadAt(p, off)
	c.reads++
	c.bytes += int64(n)
	return n, err
}

// TestReadsAhead: small records cost a read for hundreds, and large ones between them
// are whole.
func TestReadsAhead(t *testing.T) {
	const records = 4000
	sizes := []int{1000, 0, 7, 3000, 130_000, 131_000, 150_000, 1000}
	text := func(i int) []byte {
		n := 1000
		if i%500 == 250 {
			n = sizes[i/500%len(sizes)]
		}
		return bytes.Repeat([]byte{byte('a' + i%26)}, n)
	}
	e := NewEncoder(testHeader)
	b := AppendHeader(nil, testHeader)
	for i := range records {
		b = e.Append(b, Record{Sequence: 7 + uint64(i), Ops: []Op{{Kind: Put, Coordinate: phext.First, Text: text(i)}}})
	}
	c := &counted{Reader: bytes.NewReader(b)}
	r := NewReader(c, int64(len(b)), testHeader, -1)
	for i := range records {
		record, ok := r.Next()
		if !ok || !bytes.Equal(record.Ops[0].Text, text(i)) {
			t.Fatalf("record %d: %v, %v", i, ok, r.Err())
		}
	}
	if _, ok := r.Next(); ok || r.Err() != nil || r.End() != int64(len(b)) {
		t.Errorf("the end: %v, %v at %d", ok, r.Err(), r.End())
	}
	if c.reads > records/50 || c.bytes > 2*int64(len(b)) {
		t.Errorf("%d records of %d bytes were read in %d reads of %d bytes", records, len(b), c.reads, c.bytes)
	}
}
