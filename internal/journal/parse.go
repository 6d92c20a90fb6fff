package journal

import (
	"fmt"

	"github.com/wbic16/sq-go/phext"
)

// parseRecord returns what a record that verified says, its texts being parts of
// b. why is not empty when no record of this version says that: then nothing of
// it may be used, and nothing behind it.
func parseRecord(b []byte, offset int64) (r Record, why string) {
	flags, length := le.Uint32(b[44:]), int(le.Uint32(b[48:]))
	body, at := b[recordHead:recordHead+length], offset+recordHead
	r = Record{Sequence: le.Uint64(b[24:]), Reset: flags&flagReset != 0}
	switch {
	case flags&^(flagMark|flagReset) != 0:
		return r, fmt.Sprintf("flags %#x", flags)
	case !zeros(b[recordHead+length:]):
		return r, "bytes behind its body"
	case flags&flagMark == 0 && r.Reset:
		return r, "a reset without a mark"
	case flags&flagMark == 0:
		r.Ops, why = parseOps(body, at)
		return r, why
	case len(body) < markBytes:
		return r, "a mark that is too short"
	}
	mark := parseMark(body)
	if r.Mark = &mark; !mark.valid() {
		return r, "a mark of no file"
	}
	r.Ops, why = parseOps(body[markBytes:], at+markBytes)
	return r, why
}

// parseOps reads the operations of a body that stands at offset in its segment.
func parseOps(body []byte, offset int64) (ops []Op, why string) {
	for len(body) > 0 {
		op, n, why := parseOp(body)
		if why != "" {
			return nil, why
		}
		op.Offset = offset + opHead
		ops = append(ops, op)
		body, offset = body[n:], offset+n
	}
	return ops, ""
}

// parseOp reads the operation that a body begins with, of n bytes.
func parseOp(body []byte) (op Op, n int64, why string) {
	if len(body) < opHead {
		return op, 0, "an operation that is too short"
	}
	hi, lo := le.Uint64(body[8:]), le.Uint64(body[16:])
	n = opHead + int64(le.Uint32(body))
	op = Op{Kind: OpKind(body[4]), Coordinate: phext.FromWords(hi, lo)}
	switch {
	case n > int64(len(body)):
		return op, 0, "an operation that is longer than its record"
	case op.Kind < Put || op.Kind > Delete:
		return op, 0, fmt.Sprintf("operation %d", op.Kind)
	case !zeros(body[5:8]), hi>>62 != 0:
		return op, 0, "bits of an operation that are not used"
	}
	op.Text = body[opHead:n]
	return op, n, notAScroll(op)
}

// notAScroll says why an operation is none on a scroll, if so. What is at no
// place, or holds a delimiter, would shift every scroll behind it.
func notAScroll(op Op) (why string) {
	for i := range phext.Dimensions {
		if op.Coordinate.Component(i) == 0 {
			return fmt.Sprintf("an operation at %v, where no scroll stands", op.Coordinate)
		}
	}
	if err := phext.CheckText(op.Text); err != nil {
		return fmt.Sprintf("a text that no scroll has: %v", err)
	}
	return ""
}

func zeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
