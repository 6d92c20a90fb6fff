package disk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"

	"github.com/zeebo/xxh3"

	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// content is what one reading of a file found.
type content struct {
	file     *source // nil when there is none
	info     vfs.Info
	identity journal.Identity
	index    index
	size     int64 // of the normal form
	problem  error // why it is no phext; nil when it is one
}

func noContent() content { return content{identity: journal.Absent} }

// load reads the file of a phext and indexes it. It is read once, in pieces.
// What is no regular file, or may not be read, comes back as a problem.
func load(dir vfs.FS, path string) (content, error) {
	f, err := dir.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return noContent(), nil
	case errors.Is(err, vfs.ErrNotRegular), errors.Is(err, fs.ErrPermission):
		c := noContent()
		c.problem = err
		c.info, err = dir.Stat(path)
		return c, err
	case err != nil:
		return content{}, err
	}
	c := content{file: newSource(f)}
	if err := c.read(); err != nil {
		f.Close()
		return content{}, err
	}
	return c, nil
}

// loadSettled is load, again while someone else is writing to the file.
func loadSettled(dir vfs.FS, path string) (content, error) {
	const tries = 100
	for try := 1; ; try++ {
		c, err := load(dir, path)
		if err != errChanged || try == tries {
			return c, err
		}
	}
}

// close lets go of a file that was not given to a view.
func (c content) close() {
	if c.file != nil {
		c.file.close()
	}
}

// read indexes the file. When the file changes meanwhile the error is
// errChanged.
func (c *content) read() error {
	before, err := c.file.file.Stat()
	if err != nil {
		return err
	}
	size := before.Identity.Size
	through := newInspector(io.NewSectionReader(c.file.file, 0, size))
	scan, bytes, err := indexOf(through, size)
	if err != nil {
		return err
	}
	after, err := c.file.file.Stat()
	if err != nil {
		return err
	}
	if !before.Identity.Equal(after.Identity) || through.n != size {
		return errChanged
	}
	c.info, c.index, c.size, c.problem = after, scan, bytes, through.problem
	c.identity = journal.Identity{Size: size, Sum: phext.Checksum(through.sum.Sum128().Bytes())}
	return nil
}

// inspector passes bytes on while it sums them up and looks whether they are
// UTF-8.
type inspector struct {
	r       io.Reader
	sum     *xxh3.Hasher
	utf8    phext.Validator
	n       int64
	problem error
	beside  *beside // who looks whether they are UTF-8; nil: Read does
}

func newInspector(r io.Reader) *inspector { return &inspector{r: r, sum: xxh3.New()} }

func (i *inspector) Read(p []byte) (int, error) {
	if i.beside != nil {
		return i.readBeside(p)
	}
	n, err := i.r.Read(p)
	i.n += int64(n)
	i.sum.Write(p[:n])
	if i.problem == nil {
		_, i.problem = i.utf8.Write(p[:n])
	}
	if err == io.EOF && i.problem == nil {
		i.problem = i.utf8.Close()
	}
	return n, err
}

// beside is a goroutine that sums text up and looks whether it is UTF-8, which takes
// half of the time that it takes to read a large file.
type beside struct {
	work chan []byte // to look at
	free chan []byte // to read into
}

const besideBytes = 512 << 10

// lookBeside starts such a goroutine; end waits until it has looked at all that was
// read.
func (i *inspector) lookBeside() (end func()) {
	const pieces = 4
	b := &beside{make(chan []byte, pieces), make(chan []byte, pieces)}
	for range pieces {
		b.free <- make([]byte, besideBytes)
	}
	i.beside = b
	ended := make(chan error)
	go func() {
		for text := range b.work {
			i.sum.Write(text)
			i.utf8.Write(text) // it keeps its error
			b.free <- text[:besideBytes]
		}
		ended <- i.utf8.Close()
	}()
	return func() {
		close(b.work)
		if err := <-ended; err != nil {
			i.problem = err
		}
	}
}

func (i *inspector) readBeside(p []byte) (int, error) {
	b := <-i.beside.free
	n, err := i.r.Read(b[:min(len(p), besideBytes)])
	i.n += int64(n)
	copy(p, b[:n])
	i.beside.work <- b[:n]
	return n, err
}

// indexOf reads a phext of so many bytes to its end. What is wrong with it as a phext stands in
// the inspector afterwards; the error is that of a failed read.
func indexOf(through *inspector, bytes int64) (index, int64, error) {
	const window = 1 << 20
	if bytes > 4*window {
		defer through.lookBeside()()
	}
	x, size, at := indexing{}, int64(0), phext.First
	stream := phext.NewStream(through, make([]byte, min(bytes+1, window)))
	hash := xxh3.New()
	for stream.Next() {
		sum, text := uint64(0), stream.Text()
		if stream.First() && stream.Last() {
			sum = xxh3.Hash(text)
		} else {
			if stream.First() {
				hash.Reset()
			}
			hash.Write(text)
			sum = hash.Sum64()
		}
		if !stream.Last() {
			continue
		}
		if stream.Len() > math.MaxUint32 {
			through.problem = fmt.Errorf("the scroll at %v has more than 4 GiB", stream.Coordinate())
			break
		}
		c := stream.Coordinate()
		x.add(c, stream.Offset(), uint32(stream.Len()), sum)
		size, at = size+phext.DelimiterBytes(at, c)+stream.Len(), c
	}
	return x.done(), size, finish(stream, through)
}

// finish tells a phext that is none from a read that failed, and reads on to
// the end, so that the sum is that of the whole file.
func finish(stream *phext.Stream, through *inspector) error {
	err := stream.Err()
	var limit *phext.DimensionError
	if errors.As(err, &limit) {
		if through.problem == nil {
			through.problem = err
		}
		err = nil
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, through)
	return err
}
