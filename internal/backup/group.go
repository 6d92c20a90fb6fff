package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// atHand is how many bytes a phext may have to be read whole before it is written, so
// that it can be read again when somebody edits the file meanwhile.
const atHand = 1 << 20

// readTries is how often such a phext is read.
const readTries = 20

// group is some phexts of a tenant that are backed up together.
type group struct {
	b      *writer
	store  sq.Store
	tenant *Listed
	since  *Listed // what an earlier backup has; nil: none
	all    int     // phexts of the tenant
	done   int
	room   bytes.Buffer
}

// held is a phext whose moment was taken.
type held struct {
	name  sq.PhextName
	snap  sq.Snapshot
	taken time.Time
	err   error
}

// write takes the snapshots of some phexts, and writes them one after the other.
func (g *group) write(ctx context.Context, names []sq.PhextName) error {
	all := make([]held, len(names))
	defer func() {
		for i := range all {
			all[i].close()
		}
	}()
	for i, name := range names {
		all[i] = g.take(ctx, name)
	}
	for i := range all {
		if err := ctx.Err(); err != nil {
			return sq.Wrap(err, sq.Busy, "backup: it was stopped")
		}
		if err := g.one(ctx, &all[i]); err != nil {
			return err
		}
		all[i].close()
		if g.done++; g.b.o.Progress != nil {
			g.b.o.Progress(Progress{g.tenant.Name, g.done, g.all, g.b.bytes})
		}
	}
	return nil
}

func (g *group) take(ctx context.Context, name sq.PhextName) held {
	h := held{name: name, taken: g.b.now()}
	h.snap, h.err = g.store.Snapshot(ctx, name)
	return h
}

func (h *held) close() {
	if h.snap != nil {
		h.snap.Close()
	}
}

// one backs one phext up, or notes that it is missing.
func (g *group) one(ctx context.Context, h *held) error {
	p, err := g.phext(ctx, h)
	switch {
	case err == nil:
		if p.Name != "" {
			g.tenant.Phexts = append(g.tenant.Phexts, p)
		}
		return nil
	case g.b.out.err != nil:
		return g.b.out.err
	case ctx.Err() != nil:
		return sq.Wrap(err, sq.Busy, "backup: it was stopped")
	}
	err = named(err, "%s cannot be backed up", entryName(g.tenant.Name, h.name))
	if g.b.o.SkipUnreadable && !p.Stored {
		g.tenant.Missing = append(g.tenant.Missing, Missing{h.name, sq.ErrorMessage(err)})
		return nil
	}
	return err
}

// phext writes a phext if that is needed, and returns its line in the manifest: without
// a name when it was dropped meanwhile. After an error Stored says that a part of it
// was written, so that nothing else can be.
func (g *group) phext(ctx context.Context, h *held) (Phext, error) {
	if h.err != nil || h.gone() {
		return Phext{}, h.err
	}
	p := h.line()
	if p.Damaged != "" && !g.b.o.SkipUnreadable { // it would pass for whole
		return Phext{}, sq.Errorf(sq.Unreadable, "%s", p.Damaged)
	}
	if old := g.unchanged(h); old != nil {
		p.Bytes, p.Checksum, p.SHA256 = old.Bytes, old.Checksum, old.SHA256
		return p, nil
	}
	size, err := sizeOf(h.snap)
	if err != nil {
		return Phext{}, err
	}
	if size <= atHand {
		return g.small(ctx, h)
	}
	return g.entry(h, size, func(w io.Writer) error {
		_, err := h.snap.WriteTo(w)
		return err
	})
}

// gone reports whether there is no such phext any more.
func (h *held) gone() bool { return h.snap.Err() == nil && !h.snap.Exists() }

// line returns what the manifest says of a phext, but for its bytes.
func (h *held) line() Phext {
	p := Phext{Name: h.name, Scrolls: h.snap.Scrolls(), Position: h.snap.Position().String(), Taken: h.taken}
	if err := h.snap.Err(); err != nil {
		p.Unreadable = sq.ErrorMessage(err)
	} else if s, ok := h.snap.(Suspect); ok && sq.ErrorCode(s.Problem()) == sq.Unreadable {
		p.Damaged = sq.ErrorMessage(s.Problem())
	}
	return p
}

// unchanged returns what an earlier backup has of a phext, if that is the same; nil
// otherwise. A file that is no phext is not compared. Reckoning the checksum costs nothing
// for a phext at rest.
func (g *group) unchanged(h *held) *Phext {
	old := g.since.Phext(h.name)
	if old == nil || old.Unreadable != "" || h.snap.Err() != nil || old.Bytes != h.snap.Size() {
		return nil
	}
	if sum, err := h.snap.Checksum(); err != nil || sum != old.Checksum {
		return nil // what is wrong shows when it is read
	}
	return old
}

// Suspect is a Snapshot that can tell that it may lack what was written.
type Suspect interface {
	// Problem is why the phext cannot be written to, though it can be read; nil when
	// it can. Unreadable: the journal is damaged, and what it held behind the damage is
	// not in the snapshot.
	Problem() error
}

// sizeOf returns how many bytes a snapshot writes. One that is no phext is read for
// that.
func sizeOf(snap sq.Snapshot) (int64, error) {
	if snap.Err() == nil {
		return snap.Size(), nil
	}
	return snap.WriteTo(io.Discard)
}

// small reads a phext and then writes it. When somebody edits the file meanwhile it takes
// another snapshot.
func (g *group) small(ctx context.Context, h *held) (Phext, error) {
	for try := 1; ; try++ {
		g.room.Reset()
		_, err := h.snap.WriteTo(&g.room)
		if err == nil {
			break
		}
		if sq.ErrorCode(err) != sq.Busy || try == readTries || ctx.Err() != nil {
			return Phext{}, err
		}
		h.close()
		if *h = g.take(ctx, h.name); h.err != nil || h.gone() {
			return Phext{}, h.err
		}
	}
	return g.entry(h, int64(g.room.Len()), func(w io.Writer) error {
		_, err := w.Write(g.room.Bytes())
		return err
	})
}

// entry writes a phext of so many bytes, which write writes.
func (g *group) entry(h *held, size int64, write func(io.Writer) error) (Phext, error) {
	p := h.line()
	p.Bytes, p.Stored = size, true
	name := entryName(g.tenant.Name, p.Name)
	if err := g.b.header(name, size, p.Taken); err != nil {
		return p, err
	}
	s := newSummer()
	if err := write(io.MultiWriter(g.b.tar, s)); err != nil {
		return p, err
	}
	if s.n != size {
		return p, sq.Errorf(sq.Busy, "it has %d bytes and had %d: somebody writes to the file", s.n, size)
	}
	p.SHA256, p.Checksum = s.sums()
	g.b.sum(name, p.SHA256)
	g.b.bytes += size
	return p, nil
}

// summer sums up what is written to it.
type summer struct {
	n      int64
	sha256 hash.Hash
	xxh3   *xxh3.Hasher
}

func newSummer() *summer { return &summer{sha256: sha256.New(), xxh3: xxh3.New()} }

func (s *summer) Write(p []byte) (int, error) {
	s.n += int64(len(p))
	s.xxh3.Write(p)
	return s.sha256.Write(p)
}

func (s *summer) sums() (sum Digest, checksum phext.Checksum) {
	return Digest(s.sha256.Sum(nil)), phext.Checksum(s.xxh3.Sum128().Bytes())
}
