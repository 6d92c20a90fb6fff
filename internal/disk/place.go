package disk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// stageSuffix is behind NAME and a random number: what a Placer writes.
const stageSuffix = ".stage"

// Placer puts whole files into a directory that nobody serves, as a restore does.
// All of them are staged beside their places first, so that what fails then
// changes nothing; then each takes its place in one moment. It is for one goroutine.
type Placer struct {
	dir    vfs.FS
	lock   io.Closer
	folds  bool
	staged []*Staged
	names  map[string]bool // of those, in lower case where that is the same
}

// OpenPlacer locks a directory, which must exist, after journals that an earlier
// process left there were folded into their files. Busy: it is served. Close lets it go.
func OpenPlacer(ctx context.Context, dir string) (*Placer, error) {
	return openPlacer(ctx, dir, vfs.Open)
}

func openPlacer(ctx context.Context, dir string, open func(string) (vfs.FS, error)) (*Placer, error) {
	p, err := lockToPlace(dir, open)
	if err != nil {
		return nil, err
	}
	left, err := findLeft(p.dir)
	if err == nil && len(left) == 0 {
		return p, nil
	}
	if err = errors.Join(err, p.Close()); err != nil {
		return nil, sq.Wrap(err, sq.Internal, "list the journal in %q", dir)
	}
	// What cannot be folded is found again when its phext is to be replaced.
	e := New(Options{Open: open})
	_, err = e.Store(dir).List(ctx)
	e.Close(ctx)
	if err != nil {
		return nil, err
	}
	return lockToPlace(dir, open)
}

func lockToPlace(dir string, open func(string) (vfs.FS, error)) (*Placer, error) {
	opened, err := open(dir)
	if err != nil {
		return nil, sq.Wrap(err, sq.Internal, "open the data directory")
	}
	if err := makeOwn(opened); err != nil {
		opened.Close()
		return nil, sq.Wrap(err, sq.Internal, "make the folder %s in the data directory", ownDir)
	}
	lock, err := opened.Lock(lockPath, fmt.Sprintf("sq restore, process %d", os.Getpid()))
	if err != nil {
		opened.Close()
		return nil, locked(err)
	}
	return &Placer{dir: opened, lock: lock, folds: foldsCase(opened), names: map[string]bool{}}, nil
}

func locked(err error) error {
	var locked *vfs.LockedError
	if errors.As(err, &locked) {
		return sq.Wrap(err, sq.Busy, "the directory is served (%s): stop that first", locked.Owner)
	}
	return sq.Wrap(err, sq.Internal, "lock the data directory")
}

// PeekPlacer is OpenPlacer for Look alone: it makes, locks and folds nothing. Of a directory that does not
// exist it is the Placer of an empty one.
func PeekPlacer(dir string) (*Placer, error) {
	opened, err := vfs.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return &Placer{dir: vfs.NewMem()}, nil
	}
	if err != nil {
		return nil, sq.Wrap(err, sq.Internal, "open the data directory")
	}
	unlock, err := lockToCheck(opened, false)
	if err != nil {
		opened.Close()
		return nil, err
	}
	unlock()
	return &Placer{dir: opened}, nil
}

// InPlace is what is in the place of a phext.
type InPlace struct {
	Exists   bool
	Pending  bool           // there is a journal that is not in the file
	Bytes    int64          // of the file
	Checksum phext.Checksum // of the file as it is
}

// Look returns what is in the place of a phext. It reads the file.
func (p *Placer) Look(name sq.PhextName) (InPlace, error) {
	left, err := leftIn(p.dir, name)
	if err != nil {
		return InPlace{}, sq.Wrap(err, sq.Internal, "list the journal of %q", name)
	}
	in := InPlace{Exists: len(left) > 0, Pending: len(left) > 0}
	c, err := loadSettled(p.dir, string(name)+suffix)
	if err != nil {
		return InPlace{}, sq.Wrap(err, sq.Internal, "read %q", string(name)+suffix)
	}
	defer c.close()
	switch {
	case c.file != nil:
		in.Exists, in.Bytes, in.Checksum = true, c.identity.Size, c.identity.Sum
	case c.problem != nil:
		return in, sq.Errorf(sq.Conflict, "%q is there and no file that can be read; move it away", string(name)+suffix)
	}
	return in, nil
}

// Staged is a file on its way to its place.
type Staged struct {
	placer   *Placer
	name     sq.PhextName
	path     string // where it is now
	replaces bool
	file     vfs.File
	n        int64
	tried    bool // to put it in its place
	placed   bool
}

// Stage begins a file that will be that of a phext. With replace there may be
// one already, which goes to the trash when its turn comes; its mode and owner stay. Conflict:
// there is one and it may not be replaced; it was not replaced because its
// journal is damaged; or the name differs only in case from another where that is
// the same.
func (p *Placer) Stage(name sq.PhextName, replace bool) (*Staged, error) {
	if left, err := leftOf(p.dir, name); err != nil {
		return nil, err
	} else if len(left) > 0 {
		return nil, sq.Errorf(sq.Conflict, "%q has a journal that cannot be folded: sq check tells why, and --repair mends it", name)
	}
	key := string(name)
	if p.folds {
		key = strings.ToLower(key)
	}
	if p.names[key] {
		return nil, sq.Errorf(sq.Conflict, "%q comes twice, maybe in upper and in lower case, which is one name on this file system", name)
	}
	p.names[key] = true
	s := &Staged{placer: p, name: name}
	info, err := p.dir.Stat(s.target())
	switch {
	case err == nil && (!replace || !info.Mode.IsRegular()):
		return nil, sq.Errorf(sq.Conflict, "%q is there already; nothing was changed", s.target())
	case err != nil && !errors.Is(err, errNotExist):
		return nil, sq.Wrap(err, sq.Internal, "look at %q", s.target())
	}
	s.replaces = err == nil
	return s, s.create(info)
}

func (s *Staged) target() string { return string(s.name) + suffix }

// create makes the file. One that replaces another is made in the trash: the two
// are exchanged, and so the old one is kept in the same moment.
func (s *Staged) create(old vfs.Info) (err error) {
	p := s.placer
	s.path = fmt.Sprintf("%s/%s.%016x%s", tmpDir, s.name, random(), stageSuffix)
	if s.replaces {
		s.path = trashDir + "/" + dated(s.name) + suffix
	}
	if s.file, err = p.dir.Create(s.path); err != nil {
		return writeError(err)
	}
	p.staged = append(p.staged, s)
	if s.replaces {
		return writeError(s.file.CopyOwner(old))
	}
	return nil
}

// Write adds to the file. Full: the disk is.
func (s *Staged) Write(b []byte) (int, error) {
	n, err := s.file.WriteAt(b, s.n)
	s.n += int64(n)
	return n, writeError(err)
}

// Done syncs the file, which is whole.
func (s *Staged) Done() error {
	err := s.file.Sync()
	err = errors.Join(err, s.file.Close())
	s.file = nil
	return writeError(err)
}

// Place puts every file that was staged in its place. They survive the loss of power when it
// returns nil. After an error some may be in their places: Placed tells how many.
func (p *Placer) Place() error {
	var err error
	for _, s := range p.staged {
		s.tried = true
		if err = s.place(); err != nil {
			err = sq.Wrap(err, cmp.Or(sq.ErrorCode(err), sq.Internal), "put %q in its place", s.target())
			break
		}
		s.placed = true
	}
	// Where a file came to is synced before where it was: the old ones in the trash,
	// then the new ones, and then what they were staged in.
	for _, folder := range []string{trashDir, ".", tmpDir} {
		if e := p.dir.SyncDir(folder); err == nil && e != nil {
			err = sq.Wrap(e, sq.Uncertain, "sync the directory")
		}
	}
	return err
}

// Placed counts the files that are in their places.
func (p *Placer) Placed() (n int) {
	for _, s := range p.staged {
		if s.placed {
			n++
		}
	}
	return n
}

func (s *Staged) place() error {
	dir := s.placer.dir
	if !s.replaces {
		return dir.RenameNew(s.path, s.target())
	}
	err := dir.Exchange(s.path, s.target())
	if !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	old, err := dir.Open(s.target())
	if err != nil {
		return err
	}
	defer old.Close()
	kept := trashDir + "/" + dated(s.name) + suffix
	if err := copyFile(dir, old, kept, trashDir); err != nil {
		return err
	}
	return dir.Rename(s.path, s.target())
}

// Close removes what was staged and is not in its place, and lets the directory
// go.
func (p *Placer) Close() error {
	var errs []error
	for _, s := range p.staged {
		if s.file != nil {
			s.file.Close() // of no use any more
		}
		// Where an exchange failed nobody knows which of the two it is.
		if !s.placed && !(s.tried && s.replaces) {
			if err := p.dir.Remove(s.path); err != nil && !errors.Is(err, errNotExist) {
				errs = append(errs, err)
			}
		}
	}
	if p.lock != nil {
		errs = append(errs, p.lock.Close())
	}
	return errors.Join(append(errs, p.dir.Close())...)
}
