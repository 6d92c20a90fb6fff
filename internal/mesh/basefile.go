package mesh

import (
	"errors"
	"io"
	"io/fs"
	"log/slog"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// Bases keeps bases in a data directory: that of the phext NAME with the peer ID is
// the file .sq/mesh/ID/NAME.base. Goroutines may share it as long as each pair has
// one only.
type Bases struct {
	dir vfs.FS
	log *slog.Logger
}

// NewBases returns the bases in a data directory, which the caller closes. The log
// gets what cannot be read; nil: nothing is logged.
func NewBases(dir vfs.FS, log *slog.Logger) *Bases {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Bases{dir, log}
}

const baseFolder = ".sq/mesh"

func baseDir(peer string) string { return baseFolder + "/" + peer }
func baseFile(peer string, name sq.PhextName) string {
	return baseDir(peer) + "/" + string(name) + ".base"
}

// load returns a base. One that is not there, that cannot be read or that is of
// another pair is empty: then nothing was agreed on.
func (b *Bases) load(peer string, name sq.PhextName, pair string) *base {
	empty := &base{pair: pair}
	data, err := readFile(b.dir, baseFile(peer, name))
	if errors.Is(err, fs.ErrNotExist) {
		return empty
	}
	var found *base
	if err == nil {
		found, err = parseBase(data)
	}
	if err != nil {
		b.log.Warn("what was agreed on with a peer cannot be read; all that differs is kept twice", "peer", peer, "phext", name, "error", err)
		return empty
	}
	if found.pair != pair {
		b.log.Warn("a peer has another address or key than before; all that differs is kept twice", "peer", peer, "phext", name)
		return empty
	}
	return found
}

// Share returns what was agreed on with a peer about a phext, for that peer: the file of
// the base. NotFound: there is none, or it is of another pair.
func (b *Bases) Share(peer string, name sq.PhextName, identity string) ([]byte, error) {
	found := b.load(peer, name, identity)
	if found.round == 0 {
		return nil, sq.Errorf(sq.NotFound, "nothing was agreed on with %q about %q", peer, name)
	}
	found.past = nil // each remembers its own, and a line keeps its length
	return found.encode(), nil
}

// readFile reads a file whole.
func readFile(dir vfs.FS, name string) ([]byte, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, 0, info.Identity.Size))
}

// save puts a base in the place of the one before: at every moment there is one or the
// other, and once it returns nil the new one survives the loss of power.
func (b *Bases) save(peer string, name sq.PhextName, next *base) error {
	err := b.folders(peer)
	if err == nil {
		err = replaceFile(b.dir, baseDir(peer), baseFile(peer, name), next.encode())
	}
	if err != nil {
		return sq.Wrap(err, sq.Internal, "what was agreed on with the peer %q cannot be written; it is found out again by the next round", peer)
	}
	return nil
}

// folders makes the folders of a peer's bases.
func (b *Bases) folders(peer string) error {
	above := "."
	for _, dir := range []string{".sq", baseFolder, baseDir(peer)} {
		if _, err := b.dir.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			if err := errors.Join(b.dir.Mkdir(dir), b.dir.SyncDir(above)); err != nil {
				return err
			}
		}
		above = dir
	}
	return nil
}

// replaceFile writes a file whole: one that a crash leaves half written has another
// name, and the next one takes its place.
func replaceFile(dir vfs.FS, folder, name string, data []byte) error {
	part := name + ".part"
	if err := dir.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := dir.Create(part)
	if err != nil {
		return err
	}
	if _, err = f.WriteAt(data, 0); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = dir.Rename(part, name)
	}
	if err != nil {
		_ = dir.Remove(part) // or the next one does
		return err
	}
	return dir.SyncDir(folder)
}
