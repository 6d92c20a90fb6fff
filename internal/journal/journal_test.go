package journal

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"testing"

	"github.com/wbic16/sq-go/internal/sweep"
	"github.com/wbic16/sq-go/phext"
)

var testHeader = Header{Name: "notes", ID: 0x1122334455667788, Before: 6, Base: Mark{Sequence: 6, File: Absent}}

// segment returns a segment of n records, each synced before the next was
// written, and where each begins; the last offset is the end.
func segment(h Header, n int) ([]byte, []int64) {
	b := AppendHeader(nil, h)
	e := NewEncoder(h)
	offsets := []int64{e.Offset()}
	for i := range n {
		ops := []Op{
			{Kind: Append, Coordinate: phext.First, Text: fmt.Appendf(nil, "record %d", i)},
			{Kind: Delete, Coordinate: phext.First.With(8, i+2)},
		}
		var mark *Mark
		if i%5 == 4 {
			mark = &Mark{Sequence: h.Before + uint64(i), File: Identity{Size: int64(i)}}
		}
		b = e.Append(b, Record{Sequence: h.Before + uint64(i) + 1, Mark: mark, Reset: i%10 == 4, Ops: ops})
		e.Synced(e.Offset())
		offsets = append(offsets, e.Offset())
	}
	return b, offsets
}

func read(b []byte, until int64) (n int, end int64, err error) {
	h, err := ReadHeader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return 0, 0, err
	}
	r := NewReader(bytes.NewReader(b), int64(len(b)), h, until)
	for {
		record, ok := r.Next()
		if !ok {
			return n, r.End(), r.Err()
		}
		if record.Sequence != h.Before+uint64(n)+1 || record.Reset != (n%10 == 4) || (record.Mark != nil) != (n%5 == 4) || string(record.Ops[0].Text) != fmt.Sprintf("record %d", n) {
			return n, r.End(), fmt.Errorf("record %d is not what was written: %+v", n, record)
		}
		at := record.Ops[0].Offset
		if got := b[at : at+int64(len(record.Ops[0].Text))]; !bytes.Equal(got, record.Ops[0].Text) {
			return n, r.End(), fmt.Errorf("record %d: offset %d has %q", n, at, got)
		}
		n++
	}
}

func TestReturnTrip(t *testing.T) {
	b, offsets := segment(testHeader, 40)
	n, end, err := read(b, -1)
	if n != 40 || end != offsets[40] || err != nil {
		t.Fatalf("read %d records to %d, %v; want 40 to %d", n, end, err, offsets[40])
	}
	got, err := ReadHeader(bytes.NewReader(b), int64(len(b)))
	if err != nil || got != testHeader {
		t.Fatalf("header %+v, %v; want %+v", got, err, testHeader)
	}
	if n, _, err := read(append(b, make([]byte, 4096)...), -1); n != 40 || err != nil {
		t.Fatalf("with zeros behind: read %d records, %v; want 40", n, err)
	}
}

// TestCut holds that what is left of a segment that was cut anywhere is the
// records before the cut, and that nothing is called damaged.
func TestCut(t *testing.T) {
	b, offsets := segment(testHeader, 40)
	for cut := int(offsets[0]); cut <= len(b); cut++ {
		want := 0
		for want < 40 && offsets[want+1] <= int64(cut) {
			want++
		}
		n, end, err := read(b[:cut], -1)
		var damage *DamageError
		if n != want || end != offsets[want] || errors.As(err, &damage) {
			t.Fatalf("cut at %d: read %d records to %d, %v; want %d", cut, n, end, err, want)
		}
	}
}

// TestEveryBit flips every bit. In the records before the last one that is
// damage, which a later record proves; in the last it cannot be told from a torn
// end; in the header it is refused and known to have been promised.
func TestEveryBit(t *testing.T) {
	b, offsets := segment(testHeader, 40)
	for at := 0; at < len(b); at += sweep.Step {
		for bit := range 8 {
			b[at] ^= 1 << bit
			n, _, err := read(b, -1)
			if wrong := checkFlip(b, offsets, at, n, err); wrong != "" {
				t.Fatalf("byte %d bit %d: %s (read %d, %v)", at, bit, wrong, n, err)
			}
			b[at] ^= 1 << bit
		}
	}
}

func checkFlip(b []byte, offsets []int64, at, n int, err error) string {
	if int64(at) < offsets[0] {
		promised, perr := Promised(bytes.NewReader(b), int64(len(b)))
		if !errors.Is(err, ErrHeader) || !promised || perr != nil {
			return "header was taken as good, or as never finished"
		}
		return ""
	}
	record := 0
	for offsets[record+1] <= int64(at) {
		record++
	}
	if n != record {
		return "wrong number of records"
	}
	var damage *DamageError
	if record < 39 && (!errors.As(err, &damage) || damage.Offset != offsets[record]) {
		return "damage was not refused at its offset"
	}
	if record == 39 && err == nil {
		return "a bad end was not noticed"
	}
	return ""
}

func TestUnansweredGroupIsTorn(t *testing.T) {
	b := AppendHeader(nil, testHeader)
	e := NewEncoder(testHeader)
	first := e.Offset()
	for i := range 3 { // one group: none was synced when the others were written
		b = e.Append(b, Record{Sequence: 7 + uint64(i), Ops: []Op{{Kind: Append, Coordinate: phext.First, Text: fmt.Appendf(nil, "record %d", i)}}})
	}
	b[first+recordHead+opHead] ^= 1
	var torn *TornError
	if n, _, err := read(b, -1); n != 0 || !errors.As(err, &torn) || torn.Offset != first {
		t.Fatalf("read %d, %v; want a torn end at %d", n, err, first)
	}
}

func TestOlderTailIsNotTaken(t *testing.T) {
	older := testHeader
	older.ID++
	old, _ := segment(older, 40)
	b, offsets := segment(testHeader, 10)
	copy(old, b)
	n, _, err := read(old, -1)
	var torn *TornError
	if n != 10 || !errors.As(err, &torn) || torn.Offset != offsets[10] {
		t.Fatalf("read %d, %v; want 10 and a torn end at %d", n, err, offsets[10])
	}
}

func TestUntil(t *testing.T) {
	b, offsets := segment(testHeader, 40)
	if n, _, err := read(b, offsets[30]); n != 30 || err != nil {
		t.Fatalf("read %d, %v; want 30 without an error", n, err)
	}
	var damage *DamageError
	if _, _, err := read(b[:offsets[20]], offsets[30]); !errors.As(err, &damage) {
		t.Fatalf("a segment shorter than what counts: %v; want damage", err)
	}
}

func segmentReader(t *testing.T, b []byte) *Reader {
	t.Helper()
	h, err := ReadHeader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return NewReader(bytes.NewReader(b), int64(len(b)), h, -1)
}

// TestSynced: a record tells how far the segment was on disk before it.
func TestSynced(t *testing.T) {
	b, offsets := segment(testHeader, 3)
	r := segmentReader(t, b)
	if r.Synced() != offsets[0] {
		t.Errorf("before any record: %d, want the header's end %d", r.Synced(), offsets[0])
	}
	for i := range 3 {
		if _, ok := r.Next(); !ok || r.Offset() != offsets[i] || r.Synced() != offsets[i] || r.End() != offsets[i+1] {
			t.Errorf("record %d: %v at %d, synced %d, end %d; want %v", i, ok, r.Offset(), r.Synced(), r.End(), offsets)
		}
	}
}

// TestZeroFilled fills each 8 bytes with zeros: in a record that others follow it
// is damage, named at its offset.
func TestZeroFilled(t *testing.T) {
	b, offsets := segment(testHeader, 40)
	for at := int(offsets[0]); at < int(offsets[39]); at += alignment {
		torn := bytes.Clone(b)
		clear(torn[at : at+alignment])
		if bytes.Equal(torn, b) {
			continue
		}
		n, end, err := read(torn, -1)
		var damage *DamageError
		if !errors.As(err, &damage) || damage.Offset != end || offsets[n] != end || end > int64(at) || offsets[n+1] <= int64(at) {
			t.Fatalf("zeros at %d: read %d records to %d, %v", at, n, end, err)
		}
	}
}

// TestMoved: a record is valid in its own place only.
func TestMoved(t *testing.T) {
	b, offsets := segment(testHeader, 6)
	part := func(i int) []byte { return b[offsets[i]:offsets[i+1]] }
	var damage *DamageError
	var torn *TornError
	doubled := append(append(bytes.Clone(b[:offsets[2]]), part(1)...), b[offsets[2]:]...)
	if n, _, err := read(doubled, -1); n != 2 || !errors.As(err, &torn) { // nothing behind it is in its place
		t.Errorf("doubled: read %d, %v; want 2 and an error", n, err)
	}
	double := append(bytes.Clone(b[:offsets[2]]), part(1)...)
	over := append(double, b[len(double):]...) // in the place of the third and a part of the fourth
	if n, _, err := read(over, -1); n != 2 || !errors.As(err, &damage) {
		t.Errorf("doubled in the place of another: read %d, %v; want 2 and damage", n, err)
	}
	swapped := append(append(append(bytes.Clone(b[:offsets[1]]), part(2)...), part(1)...), b[offsets[3]:]...)
	if n, _, err := read(swapped, -1); n != 1 || !errors.As(err, &damage) {
		t.Errorf("swapped: read %d, %v; want 1 and damage", n, err)
	}
}

// TestVersion: a segment of another version is known to be that, and not taken
// for damaged.
func TestVersion(t *testing.T) {
	b := AppendHeader(nil, testHeader)
	b[8]++
	le.PutUint32(b[len(b)-4:], crc32.Checksum(b[:len(b)-4], castagnoli))
	if _, err := ReadHeader(bytes.NewReader(b), int64(len(b))); !errors.Is(err, ErrVersion) || errors.Is(err, ErrHeader) {
		t.Errorf("%v, want another version", err)
	}
}
