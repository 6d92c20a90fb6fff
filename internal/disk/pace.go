package disk

import (
	"time"

	"github.com/wbic16/sq-go/internal/vfs"
)

// pace keeps the writing of a large file from taking processor and disk from
// everyone else: after each piece it rests for twice as long as that took, and what
// was written is sent to the disk a little at a time, so that no sync is a flood that
// batches have to wait behind. A file of one piece is written without a rest, and so
// is any when someone is in a hurry. It is for one goroutine, except hurry.
type pace struct {
	began  time.Time // the piece
	sent   int64     // bytes of the file that are on their way to the disk
	synced int64     // bytes of the file
	hurry  chan struct{}
}

const (
	paceBytes = 64 << 10 // of a piece, which takes less than 100 µs
	paceSend  = 256 << 10
	paceSync  = 32 << 20              // also where files cannot be sent ahead
	paceMost  = 10 * time.Millisecond // of a rest
)

func newPace() *pace { return &pace{began: time.Now(), hurry: make(chan struct{})} }

// hurried returns a pace that never rests.
func hurried() *pace {
	p := newPace()
	close(p.hurry)
	return p
}

// rest ends a piece. The file has so many bytes.
func (p *pace) rest(file vfs.File, bytes int64) error {
	worked := time.Since(p.began)
	if bytes-p.sent >= paceSend {
		file.WriteBack(p.sent, bytes-p.sent)
		p.sent = bytes
	}
	if bytes-p.synced >= paceSync {
		p.synced = bytes
		if err := file.Sync(); err != nil {
			return err
		}
	}
	timer := time.NewTimer(min(2*worked, paceMost))
	select {
	case <-timer.C:
	case <-p.hurry:
		timer.Stop()
	}
	p.began = time.Now()
	return nil
}
