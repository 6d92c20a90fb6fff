package disk

import (
	"math"
	"runtime"

	"github.com/zeebo/xxh3"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// writeContent writes a snapshot to an empty file and indexes it on the way. Now
// and then it lets others have the processor: the runtime would take it away only
// after 10 ms, which is a hundred times what a select takes.
func writeContent(file vfs.File, from sq.Snapshot) (content, error) {
	const turn = 64 << 10 // bytes, which take less than 100 µs
	b, left := newBuilder(file), turn
	for scroll, err := range from.Scan(phext.Coordinate{}, phext.Last) {
		if left -= len(scroll.Text); left < 0 {
			runtime.Gosched()
			left = turn
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
	index *index
	most  int64 // bytes that there may be; 0: any number
}

func newBuilder(file vfs.File) *builder {
	out := &appender{file: file, sum: xxh3.New()}
	return &builder{out: out, text: phext.NewWriter(out), index: &index{}}
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
	return content{index: b.index, size: b.out.n, identity: identity}, nil
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
