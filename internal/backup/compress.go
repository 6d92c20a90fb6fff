package backup

import (
	"bufio"
	"compress/gzip"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/wbic16/sq-go"
)

// Compression is how a backup is compressed.
type Compression int

// The compressions.
const (
	Plain Compression = iota
	Gzip
	Zstd
)

// CompressionOf returns what the name of a file asks for: .zst or .tzst, .gz or
// .tgz, or plain.
func CompressionOf(name string) Compression {
	for ending, c := range map[string]Compression{".zst": Zstd, ".tzst": Zstd, ".gz": Gzip, ".tgz": Gzip} {
		if strings.HasSuffix(name, ending) {
			return c
		}
	}
	return Plain
}

// Compress returns a writer to w. It must be closed, which does not close w; what
// was compressed is not whole before that.
func Compress(w io.Writer, c Compression) (io.WriteCloser, error) {
	switch c {
	case Gzip:
		return gzip.NewWriter(w), nil
	case Zstd:
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	return plain{w}, nil
}

type plain struct{ io.Writer }

func (plain) Close() error { return nil }

// mostWindow is how much memory a stream may ask us to take for it.
const mostWindow = 64 << 20

// Decompress returns what r has, whatever the compression: its first bytes tell. It
// must be closed, which does not close r.
func Decompress(r io.Reader) (io.ReadCloser, error) {
	from := &origin{r: r}
	in := bufio.NewReaderSize(from, 64<<10)
	magic, err := in.Peek(4)
	if err != nil && err != io.EOF {
		return nil, err
	}
	switch {
	case strings.HasPrefix(string(magic), "\x1f\x8b"):
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, from.explain(err)
		}
		return &decompressed{z, from}, nil
	case string(magic) == "\x28\xb5\x2f\xfd":
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(mostWindow))
		if err != nil {
			return nil, err
		}
		return &decompressed{z.IOReadCloser(), from}, nil
	}
	return io.NopCloser(in), nil
}

// origin remembers that its reader failed.
type origin struct {
	r   io.Reader
	err error
}

func (o *origin) Read(p []byte) (int, error) {
	n, err := o.r.Read(p)
	if err != nil && err != io.EOF {
		o.err = err
	}
	return n, err
}

// explain tells a reader that failed from what is wrong with what it read.
func (o *origin) explain(err error) error {
	if err == nil || err == io.EOF || o.err != nil {
		return err
	}
	return sq.Errorf(sq.Invalid, "backup: it is cut short or damaged, and cannot be decompressed: %v", err)
}

// decompressed is a stream whose errors are explained.
type decompressed struct {
	io.ReadCloser
	from *origin
}

func (d *decompressed) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	return n, d.from.explain(err)
}
