package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// Replace is described at sq.Store. The new file is written beside the old one
// while work goes on, and takes its place as that of a checkpoint does.
func (s *Store) Replace(ctx context.Context, name sq.PhextName, r io.Reader) error {
	h, err := s.pinned(ctx, name)
	if err != nil {
		return err
	}
	defer h.unpin()
	path := fmt.Sprintf("%s/%s.%016x%s", tmpDir, name, random(), putSuffix)
	defer h.remove(path)
	if err := s.reckon(ctx); err != nil {
		return err
	}
	c, err := h.writeBeside(path, r)
	if err != nil {
		return err
	}
	h.do(func() { err = h.replace(path, c) })
	for try := 0; s.giveWay(h.fs, err, try); try++ {
		h.do(func() { err = h.replace(path, c) })
	}
	if over := (*overQuota)(nil); errors.As(err, &over) {
		c.close()
	}
	return err
}

// writeBeside writes a phext in normal form to a new file, synced.
func (h *handle) writeBeside(path string, r io.Reader) (content, error) {
	file, err := h.fs.Create(path)
	if err != nil {
		return content{}, writeError(err)
	}
	b := newBuilder(file)
	if quota := h.store.account.limit(); quota > 0 {
		b.most = max(quota, h.current.Load().charge())
	}
	err = b.copy(r)
	var c content
	if err == nil {
		if c, err = b.finish(); err == nil {
			err = c.seal(file)
		}
		err = writeError(err)
	}
	if err != nil {
		file.Close()
		return content{}, err
	}
	return c, nil
}

// writeError says what a failure to write a new file means: nothing was done.
func writeError(err error) error {
	if isFull(err) {
		return sq.Wrap(err, sq.Full, "the disk is full, nothing was written")
	}
	if err != nil && sq.ErrorCode(err) == sq.Internal {
		return sq.Wrap(err, sq.Internal, "write the new file")
	}
	return err
}

// copy writes the scrolls of a phext that is read to its end.
func (b *builder) copy(r io.Reader) error {
	through := newInspector(r)
	stream := phext.NewStream(through, nil)
	var text []byte
	for stream.Next() {
		if stream.First() {
			text = text[:0]
		}
		if stream.Len() > maxScroll {
			return sq.Errorf(sq.TooLarge, "the scroll at %v has more than %d bytes", stream.Coordinate(), maxScroll)
		}
		if text = append(text, stream.Text()...); !stream.Last() {
			continue
		}
		if err := b.add(stream.Coordinate(), text); err != nil {
			return writeError(err)
		}
		if n := b.text.Offset(); b.most > 0 && n > b.most {
			return sq.Errorf(sq.Full, "the quota is too small: the phext has more than the %d bytes that there may be at all; nothing was written", b.most)
		}
	}
	var limit *phext.DimensionError
	if err := stream.Err(); err != nil && !errors.As(err, &limit) {
		return sq.Wrap(err, sq.Invalid, "read the phext")
	} else if err != nil {
		return sq.Errorf(sq.Invalid, "phext: %v", err)
	}
	if through.problem != nil {
		return sq.Errorf(sq.Invalid, "phext: %v", through.problem)
	}
	return nil
}

// replace makes a file that was written beside the phext's own. It lets go of the
// file when it fails, except where the quota is full.
func (h *handle) replace(path string, c content) error {
	if err := h.readyToReplace(); err != nil {
		c.close()
		return err
	}
	if c.size > h.current.Load().charge() {
		reserved, err := h.reserve(c.size, 0)
		if err != nil {
			return err
		}
		defer h.store.account.giveBack(reserved)
	}
	if err := h.freeze(); err != nil {
		c.close()
		return err
	}
	if err := h.fs.Rename(path, h.partPath()); err != nil {
		c.close()
		h.thaw()
		return writeError(err)
	}
	err := h.exchange(&folded{content: c, sequence: h.segment.header.Before, replaces: true})
	h.checkpointed(err)
	return err
}

// readyToReplace ends the checkpoint under way, or says why there can be no
// other file now.
func (h *handle) readyToReplace() error {
	if h.folding != nil {
		h.finish(h.folds())
	}
	if err := h.settle(); err != nil {
		return err
	}
	h.look()
	if problem := h.current.Load().problem; problem != nil {
		return problem
	}
	if h.failed != nil {
		return sq.Wrap(h.failed, sq.Busy, "the disk failed and is being tried again; nothing was written")
	}
	return h.begins()
}

// Drop is described at sq.Store. The file goes to the trash, with everything
// that was pending in it.
func (s *Store) Drop(ctx context.Context, name sq.PhextName) error {
	h, err := s.pinned(ctx, name)
	if err != nil {
		return err
	}
	defer h.unpin()
	h.do(func() { err = h.drop() })
	return err
}

func (h *handle) drop() error {
	before := h.current.Load()
	if !before.exists {
		return sq.Errorf(sq.NotFound, "there is no phext %q", h.name)
	}
	if before.opaque && before.file == nil { // it is no regular file, or may not be read
		return before.problem
	}
	if err := h.foldNow(); err != nil && !(before.opaque && len(h.segments()) == 0) {
		return err
	}
	return h.store.discard(h.fs, h.info.Identity.Size, h.toTrash)
}

// toTrash moves the file to the trash, after which there is no phext.
func (h *handle) toTrash() error {
	to := trashDir + "/" + h.dated() + suffix
	if err := h.fs.RenameNew(h.filePath(), to); err != nil {
		return sq.Wrap(err, sq.Internal, "move the phext to the trash")
	}
	err := errors.Join(h.fs.SyncDir(trashDir), h.fs.SyncDir("."))
	h.ours = false // what is in the trash need not be kept a second time
	h.dropping = true
	h.look()
	h.dropping, h.foreign = false, time.Time{}
	h.store.retain(h.fs, trashDir)
	if err != nil {
		return sq.Wrap(err, sq.Uncertain, "the disk failed: it may have happened")
	}
	return nil
}

// foldNow folds the journal into the file while the committer waits, until there
// is no segment any more.
func (h *handle) foldNow() error {
	if h.damaged {
		return h.current.Load().problem
	}
	if h.folding != nil {
		h.finish(h.folds())
	}
	var err error
	h.startCheckpoint(func(e error) { err = e })
	if h.folding != nil {
		h.finish(h.folds())
	}
	if err == nil {
		err = h.rest()
	}
	if err == nil && len(h.segments()) > 0 {
		err = sq.Errorf(sq.Busy, "the journal is not folded yet, try again")
	}
	return err
}
