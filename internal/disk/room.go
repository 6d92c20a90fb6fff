package disk

import (
	"errors"
	"slices"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/vfs"
)

const (
	reserve      = 4 << 20 // bytes that are left for deletes and for a checkpoint's rest
	reserveFiles = 32      // that can still be made, for their segments and new files

	plenty      = 4 << 30 // bytes more than are needed: more than most disks take within roomyFor; the others tell
	plentyFiles = 100_000
	roomyFor    = time.Second

	// What was set aside is kept for so long, and up to so many bytes a folder.
	keptFor   = 30 * 24 * time.Hour
	keptBytes = 1 << 30
)

// room says why nothing may grow: the disk has no room for the next checkpoint.
// Deletes and updates that shrink go on. Where there is plenty it looks once a second.
func (h *handle) room() error {
	if time.Since(h.roomy) < roomyFor {
		return nil
	}
	free, files, err := h.fs.Free()
	if err != nil {
		return nil // unknown: the write itself will tell
	}
	if files >= 0 && files < reserveFiles {
		return sq.Errorf(sq.Full, "the file system has room for %d more files, and %d are kept for checkpoints; nothing was written", files, reserveFiles)
	}
	need := h.current.Load().size + h.journalBytes() + reserve
	if free < need {
		return sq.Errorf(sq.Full, "the disk is nearly full: %d bytes are free and %d are needed to write the file anew; nothing was written", free, need)
	}
	if free > need+plenty && (files < 0 || files > plentyFiles) {
		h.roomy = time.Now()
	}
	return nil
}

// retain removes what was set aside too long ago, or is too much, the oldest
// first. The newest stays whatever its size, and so does what is of the last
// minute: it may be a copy that is being written.
func (s *Store) retain(dir vfs.FS, folder string) {
	infos, err := dir.List(folder)
	if err != nil {
		s.engine.log.Warn("cannot list what was set aside", "dir", s.dir, "folder", folder, "error", err)
		return
	}
	slices.SortFunc(infos, func(a, b vfs.Info) int { return b.Identity.Changed.Compare(a.Identity.Changed) })
	total, oldest, youngest := int64(0), time.Now().Add(-keptFor), time.Now().Add(-time.Minute)
	for i, info := range infos {
		total += info.Identity.Size
		if i == 0 || info.Identity.Changed.After(youngest) || total <= keptBytes && info.Identity.Changed.After(oldest) {
			continue
		}
		if err := dir.Remove(folder + "/" + info.Name); err != nil && !errors.Is(err, errNotExist) {
			s.engine.log.Warn("cannot remove what was set aside", "dir", s.dir, "file", info.Name, "error", err)
		}
	}
}
