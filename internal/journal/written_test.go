package journal

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/wbic16/sq-go/phext"
)

// written is a segment and what was written to it. What is left of it after any
// damage is reckoned from that, byte by byte, without a look at a checksum.
type written struct {
	header  Header
	bytes   []byte
	records []Record
	offsets []int64 // where each record begins; the last one is the end
	synced  []int64 // what each record says that was on disk
	reads   int
}

// writeMany writes 40 records: of all kinds and several sizes, with marks,
// resets, and nothing at all in them. They are synced in groups of one to four,
// and the last six not at all.
func writeMany(h Header, texts string) *written {
	w := &written{header: h, bytes: AppendHeader(nil, h)}
	e := NewEncoder(h)
	for i := range 40 {
		r := Record{Sequence: h.Before + 1 + uint64(i)*uint64(1+i/20), Ops: manyOps(i, texts)}
		if i%9 == 5 {
			r.Mark = markOf(h.Before+uint64(i), fmt.Sprint(texts, i))
			r.Reset = i%18 == 5
		}
		w.offsets = append(w.offsets, e.Offset())
		w.synced = append(w.synced, e.synced)
		w.bytes = e.Append(w.bytes, r)
		w.records = append(w.records, r)
		if i < 34 && i*7%10 < 5 {
			e.Synced(e.Offset())
		}
	}
	w.offsets = append(w.offsets, e.Offset())
	return w
}

func manyOps(i int, texts string) (ops []Op) {
	for j := range i % 4 { // every fourth record is empty
		op := Op{Kind: OpKind((i+j)%3 + 1), Coordinate: phext.First.With(i%9, i+j+1)}
		if op.Kind != Delete {
			op.Text = []byte(fmt.Sprint(texts, " ", i, ".", j, " ", string(bytes.Repeat([]byte("δ"), i*j%40))))
		}
		ops = append(ops, op)
	}
	return ops
}

// isWhole reports whether b has record i of w as it was written.
func (w *written) isWhole(b []byte, i int) bool {
	from, to := w.offsets[i], w.offsets[i+1]
	return int64(len(b)) >= to && bytes.Equal(b[from:to], w.bytes[from:to])
}

// left returns how many records of w a segment has that was changed.
func (w *written) left(b []byte) (n int) {
	for n < len(w.records) && w.isWhole(b, n) {
		n++
	}
	return n
}

// promises reports whether a record of w that is whole in b says that what
// stands at offset was on disk.
func (w *written) promises(b []byte, offset int64) bool {
	for i, synced := range w.synced {
		if synced > offset && w.isWhole(b, i) {
			return true
		}
	}
	return false
}

// check reads what w became and wants the records before the first that is not
// whole, and the right word for the rest. Those in others have the same id.
func (w *written) check(t *testing.T, what string, b []byte, others ...*written) {
	t.Helper()
	w.reads++
	least := w.header.Length()
	promised := slices.ContainsFunc(append(others, w), func(o *written) bool { return o.promises(b, 0) })
	if !bytes.HasPrefix(b, w.bytes[:least]) {
		w.checkHeader(t, what, b, promised)
		return
	}
	n := w.left(b)
	offset := w.offsets[n]
	damaged := slices.ContainsFunc(append(others, w), func(o *written) bool { return o.promises(b, offset) })
	end, err := w.compare(t, what, b, n, -1)
	var damage *DamageError
	var torn *TornError
	var right bool
	switch {
	case damaged:
		right = errors.As(err, &damage) && damage.Offset == offset
	case len(bytes.Trim(b[offset:], "\x00")) == 0:
		right = err == nil
	default:
		right = errors.As(err, &torn) && torn.Offset == offset
	}
	if !right || end != offset {
		t.Fatalf("%s: read %d records to %d, %v; want the end at %d, damaged %v", what, n, end, err, offset, damaged)
	}
	if w.reads%3 == 0 {
		w.checkCounted(t, what, b, n)
	}
}

// checkHeader reads a segment whose header was changed.
func (w *written) checkHeader(t *testing.T, what string, b []byte, want bool) {
	t.Helper()
	if _, err := ReadHeader(bytes.NewReader(b), int64(len(b))); !errors.Is(err, ErrHeader) {
		t.Fatalf("%s: header %v", what, err)
	}
	if got, err := Promised(bytes.NewReader(b), int64(len(b))); got != want || err != nil {
		t.Fatalf("%s: promised %v, %v; want %v", what, got, err, want)
	}
}

// checkCounted reads the segment again as one that another counts on whole: then
// anything that is wrong with it is damage.
func (w *written) checkCounted(t *testing.T, what string, b []byte, n int) {
	t.Helper()
	_, err := w.compare(t, what, b, n, w.offsets[len(w.records)])
	var damage *DamageError
	isDamage := errors.As(err, &damage)
	if n == len(w.records) && err != nil || n < len(w.records) && (!isDamage || damage.Offset != w.offsets[n]) {
		t.Fatalf("%s, and a later segment counts on it: read %d, %v", what, n, err)
	}
}

// compare reads a segment and compares what comes with the first n records of w.
// Now and then it looks at the memory that this takes.
func (w *written) compare(t *testing.T, what string, b []byte, n int, until int64) (end int64, err error) {
	t.Helper()
	var before, after runtime.MemStats
	if w.reads%500 == 1 {
		runtime.ReadMemStats(&before)
	}
	r := NewReader(bytes.NewReader(b), int64(len(b)), w.header, until)
	for i := 0; ; i++ {
		got, ok := r.Next()
		if !ok && i == n {
			break
		}
		if !ok || i == n {
			t.Fatalf("%s: read %d records, %+v, %v; want %d", what, i, got, r.Err(), n)
		}
		if wrong := differs(got, w.records[i]); wrong {
			t.Fatalf("%s: record %d is %+v, want %+v", what, i, got, w.records[i])
		}
	}
	if runtime.ReadMemStats(&after); before.TotalAlloc > 0 && after.TotalAlloc-before.TotalAlloc > uint64(8*len(b)+8<<10) {
		t.Fatalf("%s: %d bytes were allocated for a segment of %d", what, after.TotalAlloc-before.TotalAlloc, len(b))
	}
	return r.End(), r.Err()
}

func differs(a, b Record) bool {
	sameOp := func(a, b Op) bool {
		return a.Kind == b.Kind && a.Coordinate == b.Coordinate && a.Offset == b.Offset && bytes.Equal(a.Text, b.Text)
	}
	sameMark := a.Mark == nil && b.Mark == nil || a.Mark != nil && b.Mark != nil && *a.Mark == *b.Mark
	return a.Sequence != b.Sequence || a.Reset != b.Reset || !sameMark || !slices.EqualFunc(a.Ops, b.Ops, sameOp)
}
