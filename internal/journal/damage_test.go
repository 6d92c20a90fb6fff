package journal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wbic16/sq-go/internal/sweep"
)

// The tests here take a segment of 40 records, do to it what disks, crashes and
// hands can do, at every byte (see sweep.Step), and compare what is left with what
// was written: see written.check.

// TestEveryByteCut cuts at every byte.
func TestEveryByteCut(t *testing.T) {
	w := writeMany(testHeader, "text")
	for n := 0; n <= len(w.bytes); n += sweep.Step {
		w.check(t, fmt.Sprint("cut at ", n), w.bytes[:n])
	}
}

// TestEveryByteZeroed fills with zeros: from every byte to the end, from every
// byte for some lengths, and each sector of 512 bytes, one and every two.
func TestEveryByteZeroed(t *testing.T) {
	w := writeMany(testHeader, "text")
	zeroed := func(from, to int) {
		b := bytes.Clone(w.bytes)
		clear(b[from:min(to, len(b))])
		w.check(t, fmt.Sprintf("zeros from %d to %d", from, to), b)
	}
	for from := 0; from < len(w.bytes); from += sweep.Step {
		for _, n := range []int{8, 100, len(w.bytes)} {
			zeroed(from, from+n)
		}
	}
	const sector = 512
	for first := 0; first < len(w.bytes); first += sector {
		zeroed(first, first+sector)
		for second := first; second < len(w.bytes); second += sector {
			b := bytes.Clone(w.bytes)
			clear(b[first:min(first+sector, len(b))])
			clear(b[second:min(second+sector, len(b))])
			w.check(t, fmt.Sprintf("the sectors at %d and %d are zeros", first, second), b)
		}
	}
}

// TestEveryBitFlipped flips every bit, one at a time.
func TestEveryBitFlipped(t *testing.T) {
	w := writeMany(testHeader, "text")
	b := bytes.Clone(w.bytes)
	for at := 0; at < len(b); at += sweep.Step {
		for bit := range 8 {
			b[at] ^= 1 << bit
			w.check(t, fmt.Sprintf("byte %d, bit %d", at, bit), b)
			b[at] ^= 1 << bit
		}
	}
}

// TestEveryByteTornInTheMiddle has old bytes where the newest ones should be: a
// sector that was never written in the middle of some that were.
func TestEveryByteTornInTheMiddle(t *testing.T) {
	w, older := writeMany(testHeader, "text"), writeMany(otherHeader(), "other")
	for from := 24; from < len(w.bytes); from += sweep.Step { // behind the id
		for _, n := range []int{64, 512} {
			b := bytes.Clone(w.bytes)
			copy(b[from:min(from+n, len(b))], older.bytes[from:])
			w.check(t, fmt.Sprintf("from %d on %d bytes are older", from, n), b)
		}
	}
}

func otherHeader() Header {
	h := testHeader
	h.ID++
	return h
}

// TestMovedRecords doubles, removes and exchanges records, each and each two.
func TestMovedRecords(t *testing.T) {
	w := writeMany(testHeader, "text")
	part := func(from, to int) []byte { return w.bytes[w.offsets[from]:w.offsets[to]] }
	head, last := w.bytes[:w.offsets[0]], len(w.records)
	check := func(what string, i, j int, parts ...[]byte) {
		t.Helper()
		w.check(t, fmt.Sprint(what, " ", i, " ", j), bytes.Join(append([][]byte{head}, parts...), nil))
	}
	for i := range last {
		check("removed", i, i, part(0, i), part(i+1, last))
		check("zeroed", i, i, part(0, i), make([]byte, len(part(i, i+1))), part(i+1, last))
		for j := i + 1; j < last; j++ {
			check("removed up to", i, j, part(0, i), part(j, last))
			check("exchanged", i, j, part(0, i), part(j, j+1), part(i+1, j), part(i, i+1), part(j+1, last))
			check("doubled behind", i, j, part(0, j), part(i, i+1), part(j, last))
			over := append(append(bytes.Clone(part(0, j)), part(i, i+1)...), w.bytes[w.offsets[last]:]...)
			check("written over", i, j, over, w.bytes[min(len(head)+len(over), len(w.bytes)):])
		}
		check("doubled", i, i, part(0, i+1), part(i, last))
		check("doubled at the end", i, i, part(0, last), part(i, i+1))
	}
}

// TestEveryOlderTail puts the end of another segment behind the beginning of this
// one, at every byte: of another id, and of the same id and other texts, as they
// may stand behind an end that was cut once.
func TestEveryOlderTail(t *testing.T) {
	w, foreign, same := writeMany(testHeader, "text"), writeMany(otherHeader(), "text"), writeMany(testHeader, "TEXT")
	longer := writeMany(testHeader, "longer text")
	for n := w.offsets[2]; n <= int64(len(w.bytes)); n += sweep.Step { // the first record is empty, and the same in all
		head := w.bytes[:n:n]
		w.check(t, fmt.Sprint("foreign records from ", n), append(head, foreign.bytes[n:]...))
		w.check(t, fmt.Sprint("other texts from ", n), append(head, same.bytes[n:]...), same)
		w.check(t, fmt.Sprint("longer texts from ", n), append(head, longer.bytes[n:]...), longer)
	}
}

// TestBehindTheEnd has what does not belong there behind the end.
func TestBehindTheEnd(t *testing.T) {
	w, foreign := writeMany(testHeader, "text"), writeMany(otherHeader(), "text")
	noise := make([]byte, 5000)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	tails := map[string][]byte{
		"noise":          noise,
		"text":           []byte(strings.Repeat("A line of text.\n", 300)),
		"magic":          bytes.Repeat([]byte(recordMagic), 100),
		"magic, header":  bytes.Repeat([]byte(headMagic), 100),
		"itself":         w.bytes,
		"its records":    w.bytes[w.offsets[0]:],
		"foreign":        foreign.bytes,
		"zeros":          make([]byte, 3000),
		"zeros, a byte":  append(make([]byte, 3000), 1),
		"zeros, noise":   append(make([]byte, 4096), noise...),
		"0xFF":           bytes.Repeat([]byte{0xFF}, 3000),
		"half a record":  w.bytes[w.offsets[3] : w.offsets[4]-1],
		"heads of large": bytes.Repeat(w.bytes[w.offsets[2]:][:recordHead], 50),
	}
	for name, tail := range tails {
		for _, n := range []int{1, 7, 8, 55, 56, 57, 512, len(tail)} {
			b := append(bytes.Clone(w.bytes), tail[:min(n, len(tail))]...)
			w.check(t, fmt.Sprintf("%d bytes of %s behind the end", n, name), b)
		}
	}
}

// TestLengths lets every record claim any length: no memory is taken for it, and
// what stands there is not read.
func TestLengths(t *testing.T) {
	w := writeMany(testHeader, "text")
	for i, offset := range w.offsets[:len(w.records)] {
		for bit := range 32 {
			b := bytes.Clone(w.bytes)
			le.PutUint32(b[offset+48:], 1<<bit|le.Uint32(b[offset+48:]))
			w.reads = 500 * (i*32 + bit) // look at the memory each time
			w.check(t, fmt.Sprintf("record %d, length %d", i, le.Uint32(b[offset+48:])), b)
		}
	}
}
