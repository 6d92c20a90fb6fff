package journal

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/wbic16/sq-go/phext"
)

// FuzzReader reads anything. What is taken for a header or a record is just what
// an Encoder writes: there is one way to write a thing.
func FuzzReader(f *testing.F) {
	b, _ := segment(testHeader, 6)
	f.Add(b)
	f.Add(b[:len(b)-5])
	f.Add(example())
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ReadHeader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			Promised(bytes.NewReader(b), int64(len(b)))
			return
		}
		again := AppendHeader(nil, h)
		e := NewEncoder(h)
		r := NewReader(bytes.NewReader(b), int64(len(b)), h, -1)
		for record, ok := r.Next(); ok; record, ok = r.Next() {
			e.Synced(int64(le.Uint64(b[r.Offset()+32:])))
			again = e.Append(again, record)
		}
		if !bytes.Equal(again, b[:r.End()]) {
			t.Errorf("read\n%x\nand wrote\n%x", b[:r.End()], again)
		}
		if r.Synced() > r.End() || r.End() > int64(len(b)) {
			t.Errorf("synced %d, end %d of %d", r.Synced(), r.End(), len(b))
		}
	})
}

// FuzzReturnTrip writes records that are made of script and reads them back.
func FuzzReturnTrip(f *testing.F) {
	f.Add("notes", []byte("\x01\x05hello\x02\x00\x03\x01x"))
	f.Add("", []byte{7, 1, 2, 3, 250, 0, 0, 0, 129, 3})
	f.Fuzz(func(t *testing.T, name string, script []byte) {
		h := Header{Name: name[:min(len(name), 4000)], ID: 9, Before: uint64(len(script)), Base: Mark{File: Absent}}
		b, e := AppendHeader(nil, h), NewEncoder(h)
		var want []Record
		for len(script) > 0 {
			var record Record
			record, script = scripted(script, h.Before+uint64(len(want))+1)
			if want = append(want, record); record.Reset {
				e.Synced(e.Offset())
			}
			b = e.Append(b, record)
		}
		wantRecords(t, b, want)
	})
}

// scripted returns the record that a script begins with, and the rest.
func scripted(script []byte, sequence uint64) (Record, []byte) {
	next := func() (c byte) {
		if len(script) > 0 {
			c, script = script[0], script[1:]
		}
		return c
	}
	r := Record{Sequence: sequence}
	flags := next()
	if flags&1 != 0 {
		r.Mark, r.Reset = &Mark{Sequence: uint64(next()), File: Identity{Size: int64(next()), Sum: phext.Sum(script)}}, flags&2 != 0
	}
	for range flags >> 5 {
		op := Op{Kind: OpKind(next()%3 + 1), Coordinate: phext.First.With(int(flags%9), int(next())+1)}
		n := min(int(next()), len(script))
		op.Text, script = textOf(script[:n]), script[n:]
		r.Ops = append(r.Ops, op)
	}
	return r, script
}

// textOf returns bytes as a text that a scroll can have.
func textOf(b []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r < utf8.RuneSelf && phext.IsDelimiter(byte(r)) {
			return '|'
		}
		return r // of a bad byte it is the replacement
	}, b)
}

func wantRecords(t *testing.T, b []byte, want []Record) {
	t.Helper()
	r := segmentReader(t, b)
	for i, w := range want {
		got, ok := r.Next()
		same := func(a, b Op) bool {
			return a.Kind == b.Kind && a.Coordinate == b.Coordinate && bytes.Equal(a.Text, b.Text) && a.Offset == b.Offset
		}
		if !ok || got.Sequence != w.Sequence || got.Reset != w.Reset || (got.Mark == nil) != (w.Mark == nil) || !slices.EqualFunc(got.Ops, w.Ops, same) {
			t.Fatalf("record %d: %+v, %v; want %+v", i, got, r.Err(), w)
		}
		if w.Mark != nil && *got.Mark != *w.Mark {
			t.Fatalf("record %d: mark %+v, want %+v", i, *got.Mark, *w.Mark)
		}
		for _, op := range got.Ops {
			if at := b[op.Offset:][:len(op.Text)]; !bytes.Equal(at, op.Text) {
				t.Fatalf("record %d: offset %d has %q, want %q", i, op.Offset, at, op.Text)
			}
		}
	}
	if _, ok := r.Next(); ok || r.Err() != nil {
		t.Fatalf("the end: %v, %v", ok, r.Err())
	}
}

// FuzzSealed is FuzzReader for what gets past the checksum: a record is changed
// at an offset and sealed again. It is read as what it is, or refused.
func FuzzSealed(f *testing.F) {
	f.Add(uint16(44), uint64(4))
	f.Add(uint16(recordHead+markBytes), uint64(1)<<62)
	f.Fuzz(func(t *testing.T, at uint16, bits uint64) {
		b, offsets := segment(testHeader, 5)
		record := b[offsets[4]:]
		at %= uint16(len(record) - 8)
		binary.LittleEndian.PutUint64(record[at:], binary.LittleEndian.Uint64(record[at:])^bits)
		if length := int(le.Uint32(record[48:])); recordHead+padded(length) != len(record) {
			return
		}
		sealed(b, offsets[4])
		r := segmentReader(t, b)
		e := NewEncoder(testHeader)
		again := AppendHeader(nil, testHeader)
		for got, ok := r.Next(); ok; got, ok = r.Next() {
			e.Synced(int64(le.Uint64(b[r.Offset()+32:])))
			again = e.Append(again, got)
		}
		if !bytes.Equal(again, b[:r.End()]) {
			t.Errorf("read\n%x\nand wrote\n%x", b[:r.End()], again)
		}
	})
}
