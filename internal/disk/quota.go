package disk

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

// StoreWithin is Store for a tenant that has a quota, in bytes; 0 means no limit.
// The quota holds for all writes that begin after it was given last. A write
// that would pass it is Full; deletes, and what shrinks, are carried out always.
// The trash counts, and the oldest in it goes when its room is needed.
func (e *Engine) StoreWithin(dir string, quota int64) sq.Store {
	s := e.store(dir)
	if s.account.quota.Load() != quota {
		s.account.quota.Store(quota)
	}
	return s
}

// reckon finds out what the tenant uses, where it has a quota and that is not
// known: with the phexts that an earlier process left a journal of, since what
// they will be is known only when they are open. The directory must be open and
// stay so.
func (s *Store) reckon(ctx context.Context) error {
	a := &s.account
	if a.quota.Load() == 0 || a.whole.Load() && !a.doubts.Load() {
		return nil
	}
	if !a.whole.Load() {
		if s.openLeft(ctx); ctx.Err() != nil {
			return sq.Wrap(ctx.Err(), sq.Busy, "the request ended while the tenant's journals were opened")
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.takeStockLocked(); err != nil {
		return sq.Wrap(err, sq.Internal, "look how much of the quota is used")
	}
	a.whole.Store(true)
	s.settleDoubtsLocked()
	return nil
}

// takeStockLocked opens the account, unless it is open.
func (s *Store) takeStockLocked() error {
	a := &s.account
	if a.opened.Load() {
		return nil
	}
	a.open()
	for _, h := range s.handles {
		a.tell(h)
	}
	a.trashing.Lock()
	defer a.trashing.Unlock()
	found, trash, err := survey(s.fs)
	if err != nil {
		a.close()
		return err
	}
	a.list(found)
	a.setTrash(trash)
	return nil
}

// settleDoubtsLocked looks at the files of closed phexts that others may have
// written to.
func (s *Store) settleDoubtsLocked() {
	for name := range s.account.takeDoubted() {
		if s.handles[name] != nil || s.opening[name] != nil || s.left[name] != nil {
			continue // it is told, or will be
		}
		info, err := s.fs.Stat(string(name) + suffix)
		switch {
		case err == nil && info.Mode.IsRegular():
			s.account.set(name, info.Identity.Size)
		case errors.Is(err, errNotExist):
			s.account.set(name, 0)
		}
	}
}

// survey returns the bytes of the phexts in a directory, as they lie there, with
// those of their journals, and of the trash.
func survey(dir vfs.FS) (phexts map[sq.PhextName]int64, trash int64, err error) {
	phexts = map[sq.PhextName]int64{}
	infos, err := dir.List(".")
	for _, info := range infos {
		if stem, ok := strings.CutSuffix(info.Name, suffix); ok && info.Mode.IsRegular() {
			if name, err := sq.ParsePhextName(stem); err == nil {
				phexts[name] = info.Identity.Size
			}
		}
	}
	if err != nil {
		return nil, 0, err
	}
	if infos, err = listOwn(dir, journalDir); err != nil {
		return nil, 0, err
	}
	for _, info := range infos {
		if name, _, ok := segmentOf(info.Name); ok {
			phexts[name] += info.Identity.Size
		}
	}
	infos, err = listOwn(dir, trashDir)
	return phexts, bytesOf(infos), err
}

// listOwn lists one of our folders, which is empty where it was not made yet.
func listOwn(dir vfs.FS, folder string) ([]vfs.Info, error) {
	infos, err := dir.List(folder)
	if errors.Is(err, errNotExist) {
		return nil, nil
	}
	return infos, err
}

const giveWays = 16 // others may take the room, but not for ever

// giveWay makes room for a write that failed because the quota is full, out of the
// trash, the oldest first. It is true when the write may succeed now. What would
// not be enough is left alone.
func (s *Store) giveWay(dir vfs.FS, err error, try int) bool {
	if err == nil || try == giveWays {
		return false
	}
	var over *overQuota
	if !errors.As(err, &over) {
		return false
	}
	a := &s.account
	a.trashing.Lock()
	defer a.trashing.Unlock()
	excess := a.excess(over.need, over.quota)
	infos, err := dir.List(trashDir)
	if err != nil || bytesOf(infos) < excess {
		return false
	}
	return s.empty(dir, infos, excess)
}

// empty removes the oldest of the trash until so many bytes are free.
func (s *Store) empty(dir vfs.FS, trash []vfs.Info, bytes int64) bool {
	slices.SortFunc(trash, func(a, b vfs.Info) int { return a.Identity.Changed.Compare(b.Identity.Changed) })
	for _, info := range trash {
		if bytes <= 0 {
			break
		}
		if err := dir.Remove(trashDir + "/" + info.Name); err != nil {
			s.engine.log.Warn("cannot remove what is in the trash", "dir", s.dir, "file", info.Name, "error", err)
			return false
		}
		s.engine.log.Info("the trash gave way, since the quota is full", "dir", s.dir, "file", info.Name, "bytes", info.Identity.Size)
		bytes -= info.Identity.Size
		s.account.addTrash(-info.Identity.Size)
	}
	return true
}

// discard has f put so many bytes into the trash, and counts what is in it
// afterwards. They count in both places meanwhile.
func (s *Store) discard(dir vfs.FS, bytes int64, f func() error) error {
	a := &s.account
	a.trashing.Lock()
	defer a.trashing.Unlock()
	a.addTrash(bytes)
	err := f()
	infos, failed := dir.List(trashDir)
	if failed != nil {
		return err
	}
	a.setTrash(bytesOf(infos))
	return err
}

func bytesOf(infos []vfs.Info) (n int64) {
	for _, info := range infos {
		n += info.Identity.Size
	}
	return n
}

// walked is what was found in a directory that is at rest.
type walked struct {
	bytes int64
	at    time.Time
}

// walkedFor is how long that is good.
const walkedFor = time.Minute

// Used returns how many bytes a directory has of what counts towards a quota:
// phexts, what is pending in their journals, and the trash. For a directory that
// is open it is exact, and costs a listing the first time and nothing after that;
// of one at rest it is at most a minute old, and its files count as they lie
// there. What cannot be read counts nothing.
func (e *Engine) Used(dir string) int64 {
	e.mu.Lock()
	s, was := e.stores[dir], e.walks[dir]
	e.mu.Unlock()
	if s != nil {
		if bytes, ok := s.usage(); ok {
			return bytes
		}
	}
	if time.Since(was.at) < walkedFor {
		return was.bytes
	}
	bytes, err := e.walk(dir)
	if err != nil {
		e.log.Warn("cannot look how much a tenant uses", "dir", dir, "error", err)
	}
	e.keepWalk(dir, bytes)
	return bytes
}

// usage returns what is used in a directory that is open; false when it is not.
func (s *Store) usage() (int64, bool) {
	if bytes, known := s.account.used(); known && !s.account.doubts.Load() {
		return bytes, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fs == nil || s.takeStockLocked() != nil {
		return 0, false
	}
	s.settleDoubtsLocked()
	return s.account.used()
}

// walk looks at a directory without opening it for use.
func (e *Engine) walk(dir string) (int64, error) {
	f, err := e.open(dir)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	phexts, bytes, err := survey(f)
	for _, size := range phexts {
		bytes += size
	}
	return bytes, err
}

func (e *Engine) keepWalk(dir string, bytes int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.walks[dir] = walked{bytes, time.Now()}
}
