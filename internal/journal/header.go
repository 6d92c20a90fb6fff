package journal

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Header is the head of a segment. It is a value, which goroutines may share.
type Header struct {
	Name        string // of the phext, at most 4000 bytes
	ID          uint64 // random, not 0
	Previous    uint64 // ID of the segment before, 0 when there is none
	PreviousEnd int64  // bytes of the segment before that count
	Before      uint64 // every record of this segment has a higher sequence number
	Base        Mark   // what the file held when the segment was made
}

var (
	// ErrHeader is the error for a segment whose header does not verify.
	ErrHeader = errors.New("segment header does not verify")
	// ErrVersion is the error for a segment whose header verifies and is none of
	// this version of the format.
	ErrVersion = errors.New("segment is of another format version")
)

// AppendHeader appends the bytes of a header to dst.
func AppendHeader(dst []byte, h Header) []byte {
	start := len(dst)
	length := int(h.Length())
	dst = append(dst, headMagic...)
	dst = le.AppendUint32(dst, version)
	dst = le.AppendUint32(dst, uint32(length))
	dst = le.AppendUint64(dst, h.ID)
	dst = le.AppendUint64(dst, h.Previous)
	dst = le.AppendUint64(dst, uint64(h.PreviousEnd))
	dst = le.AppendUint64(dst, h.Before)
	dst = appendMark(dst, h.Base)
	dst = le.AppendUint16(dst, uint16(len(h.Name)))
	dst = append(dst, h.Name...)
	for len(dst)-start < length-4 {
		dst = append(dst, 0)
	}
	return le.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// ReadHeader reads the header of a segment of size bytes. It reads 4 KiB at the
// most. The error wraps ErrHeader or ErrVersion, or is that of a failed read.
func ReadHeader(r io.ReaderAt, size int64) (Header, error) {
	b := make([]byte, min(size, headMost))
	if err := readFull(r, b, 0); err != nil {
		return Header{}, err
	}
	b, err := verifiedHeader(b)
	if err != nil {
		return Header{}, err
	}
	if v := le.Uint32(b[8:]); v != version {
		return Header{}, fmt.Errorf("%w: %d, and this program reads %d", ErrVersion, v, version)
	}
	h, ok := parseHeader(b)
	if !ok {
		return Header{}, fmt.Errorf("%w: it says %d, and has what that does not know", ErrVersion, version)
	}
	return h, nil
}

// verifiedHeader returns the header that b begins with. It goes by what stands in
// the same place in every version.
func verifiedHeader(b []byte) ([]byte, error) {
	if len(b) < headLeast || string(b[:8]) != headMagic {
		return nil, fmt.Errorf("%w: no magic", ErrHeader)
	}
	length := int64(le.Uint32(b[12:]))
	if length < headLeast || length > int64(len(b)) || length%alignment != 0 {
		return nil, fmt.Errorf("%w: length %d", ErrHeader, length)
	}
	b = b[:length]
	if crc32.Checksum(b[:length-4], castagnoli) != le.Uint32(b[length-4:]) {
		return nil, fmt.Errorf("%w: checksum mismatch", ErrHeader)
	}
	return b, nil
}

// parseHeader reads a header that verified; false when no header of this version
// has these bytes.
func parseHeader(b []byte) (Header, bool) {
	if len(b) < headFixed+4 {
		return Header{}, false
	}
	name := int(le.Uint16(b[80:]))
	if headFixed+name+4 > len(b) {
		return Header{}, false
	}
	h := Header{
		Name:        string(b[headFixed : headFixed+name]),
		ID:          le.Uint64(b[16:]),
		Previous:    le.Uint64(b[24:]),
		PreviousEnd: int64(le.Uint64(b[32:])),
		Before:      le.Uint64(b[40:]),
		Base:        parseMark(b[48:]),
	}
	ok := h.ID != 0 && h.PreviousEnd >= 0 && h.Base.valid() && bytes.Equal(AppendHeader(nil, h), b)
	return h, ok
}

// Length returns the bytes that a header takes: where the first record begins.
func (h Header) Length() int64 { return int64(padded(headFixed + len(h.Name) + 4)) }

// checksum is what the first record is chained to.
func (h Header) checksum() uint32 {
	b := AppendHeader(nil, h)
	return le.Uint32(b[len(b)-4:])
}

func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
