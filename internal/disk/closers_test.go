package disk

import (
	"sync/atomic"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// slowClosing is an FS whose files take their time to be closed, as large ones that
// were removed do.
type slowClosing struct {
	vfs.FS
	mayClose chan struct{}
	open     *atomic.Int64 // files
}

type slowFile struct {
	vfs.File
	of slowClosing
}

func (s slowClosing) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	s.open.Add(1)
	return slowFile{f, s}, nil
}

func (s slowClosing) Open(name string) (vfs.File, error)      { return s.file(s.FS.Open(name)) }
func (s slowClosing) OpenWrite(name string) (vfs.File, error) { return s.file(s.FS.OpenWrite(name)) }
func (s slowClosing) Create(name string) (vfs.File, error)    { return s.file(s.FS.Create(name)) }

func (f slowFile) Close() error {
	<-f.of.mayClose
	f.of.open.Add(-1)
	return f.File.Close()
}

// TestNobodyWaitsForClosing: the files that a checkpoint has replaced are closed beside
// what goes on, by whoever lets go of them last, and before the engine is closed.
func TestNobodyWaitsForClosing(t *testing.T) {
	r := &rig{t: t, dir: t.TempDir()}
	slow := slowClosing{mayClose: make(chan struct{}), open: new(atomic.Int64)}
	r.open = func(dir string) (_ vfs.FS, err error) {
		slow.FS, err = vfs.Open(dir)
		return slow, err
	}
	r.start()
	r.apply(sq.Put, phext.First, "one")
	if err := r.fold(); err != nil {
		t.Fatal(err)
	}
	held, err := r.store.Snapshot(background, "notes")
	if err != nil {
		t.Fatal(err)
	}
	r.apply(sq.Put, phext.First, "two")
	if err := r.fold(); err != nil {
		t.Fatal(err)
	}
	held.Close() // the last that reads the first file
	r.apply(sq.Put, phext.First, "three")
	r.want("three")
	close(slow.mayClose)
	r.stop()
	if n := slow.open.Load(); n != 0 {
		t.Errorf("%d files are open after closing", n)
	}
}
