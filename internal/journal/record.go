package journal

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/wbic16/sq-go/phext"
)

const (
	headMagic   = "\xffSQseg\xfe\x0a"
	recordMagic = "\xffSQrec\xfe\x0a"

	version    = 1
	headFixed  = 82 // bytes of a header before the name
	headLeast  = 24 // bytes of a header in any version
	headMost   = 4096
	recordHead = 56 // bytes of a record before its body
	markBytes  = 32
	opHead     = 24 // bytes of an operation before its text
	alignment  = 8

	flagMark  = 1
	flagReset = 2
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	le         = binary.LittleEndian
)

// Identity is what a file holds: its size in bytes and its checksum. Two files
// of one identity hold the same bytes.
type Identity struct {
	Size int64 // NoFile when there is no file
	Sum  phext.Checksum
}

// NoFile is the Size of the Identity of a file that does not exist.
const NoFile = -1

// Absent is the identity of a file that does not exist.
var Absent = Identity{Size: NoFile}

// Mark says that a file of this identity holds everything up to a sequence
// number.
type Mark struct {
	Sequence uint64
	File     Identity
}

// valid reports whether there can be such a file, or it is Absent.
func (m Mark) valid() bool { return m.File.Size >= 0 || m.File == Absent }

// OpKind is what an operation does to a scroll.
type OpKind uint8

// The kinds, as they stand on disk.
const (
	Put    OpKind = 1
	Append OpKind = 2
	Delete OpKind = 3
)

// Op is one decided operation.
type Op struct {
	Kind       OpKind
	Coordinate phext.Coordinate // without a component 0: a Reader refuses that
	Text       []byte           // as phext.CheckText has it; may be empty; nobody changes it
	// Offset is where the text stands in the segment. Append fills it in, and so
	// does a Reader.
	Offset int64
}

// Record is one batch, or what a checkpoint has to say.
type Record struct {
	// Sequence is higher than that of every record before.
	Sequence uint64
	// Mark says what a file holds; nil where there is nothing to say.
	Mark *Mark
	// Reset says that Ops are all that is pending on the file of Mark: the
	// operations before do not count any more. It needs a Mark.
	Reset bool
	// Ops are the operations in their order. The texts that a Reader returns are
	// valid until its next record.
	Ops []Op
}

func padded(n int) int { return (n + alignment - 1) &^ (alignment - 1) }

// BodyBytes returns the bytes that operations take in a record's body. It looks
// at the lengths only.
func BodyBytes(ops []Op) int64 {
	n := int64(0)
	for _, op := range ops {
		n += opHead + int64(len(op.Text))
	}
	return n
}

// MaxBody is how many bytes the operations of a record may take, see BodyBytes.
const MaxBody = math.MaxUint32 - markBytes

func appendMark(dst []byte, m Mark) []byte {
	dst = le.AppendUint64(dst, m.Sequence)
	dst = le.AppendUint64(dst, uint64(m.File.Size))
	return append(dst, m.File.Sum[:]...)
}

func parseMark(b []byte) Mark {
	m := Mark{Sequence: le.Uint64(b), File: Identity{Size: int64(le.Uint64(b[8:]))}}
	copy(m.File.Sum[:], b[16:markBytes])
	return m
}

func appendOp(dst []byte, op Op) []byte {
	hi, lo := op.Coordinate.Words()
	dst = le.AppendUint32(dst, uint32(len(op.Text)))
	dst = append(dst, byte(op.Kind), 0, 0, 0)
	dst = le.AppendUint64(dst, hi)
	dst = le.AppendUint64(dst, lo)
	return append(dst, op.Text...)
}

// TextOffset returns where the text of the first operation of a record will
// stand behind the record's beginning.
func (r Record) TextOffset() int64 {
	if r.Mark != nil {
		return recordHead + markBytes + opHead
	}
	return recordHead + opHead
}

func (r Record) flags() (flags uint32) {
	if r.Mark != nil {
		flags |= flagMark
	}
	if r.Reset {
		flags |= flagReset
	}
	return flags
}
