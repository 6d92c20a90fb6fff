package disk

import (
	"math"

	"github.com/zeebo/xxh3"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// writeContent writes a snapshot to an empty file and indexes it on the way, at a
// pace.
func writeContent(file vfs.File, from sq.Snapshot, p *pace) (content, error) {
	b, left := newBuilder(file), int64(paceBytes)
	for scroll, err := range from.Scan(phext.Coordinate{}, phext.Last) {
		if left -= int64(len(scroll.Text)); left < 0 && err == nil {
			left, err = paceBytes, p.rest(file, b.out.n)
		}
		if err == nil {
			err = b.add(scroll.Coordinate, scroll.Text)
		}
		if err != nil {
			return content{}, err
		}
	}
	return b.finish()
}

// builder writes scrolls to an empty file in normal form and indexes them on the
// way.
type builder struct {
	out   *appender
	text  *phext.Writer
	index indexing
	most  int64 // bytes that there may be; 0: any number
}

func newBuilder(file vfs.File) *builder {
	out := &appender{file: file, sum: xxh3.New()}
	return &builder{out: out, text: phext.NewWriter(out)}
}

func (b *builder) add(c phext.Coordinate, text []byte) error {
	if len(text) > math.MaxUint32 {
		return sq.Errorf(sq.TooLarge, "the scroll at %v has more than 4 GiB", c)
	}
	if err := b.text.WriteScroll(c, text); err != nil {
		return err
	}
	b.index.add(c, b.text.Offset()-int64(len(text)), uint32(len(text)), xxh3.Hash(text))
	return nil
}

func (b *builder) finish() (content, error) {
	if err := b.text.Flush(); err != nil {
		return content{}, err
	}
	identity := journal.Identity{Size: b.out.n, Sum: phext.Checksum(b.out.sum.Sum128().Bytes())}
	return content{index: b.index.done(), size: b.out.n, identity: identity}, nil
}

// appender is a file as an io.Writer that sums up what is written.
type appender struct {
	file vfs.File
	n    int64
	sum  *xxh3.Hasher
}

func (a *appender) Write(p []byte) (int, error) {
	n, err := a.file.WriteAt(p, a.n)
	a.n += int64(n)
	a.sum.Write(p[:n])
	return n, err
}
