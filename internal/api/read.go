package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// version answers the version of the contract.
func (c *call) version() error { return c.sendLine(sq.Version) }

// load has the store look at the phext's file again.
func (c *call) load() error {
	if err := c.store.Refresh(c.server.work, c.phext); err != nil {
		return err
	}
	return c.reading(func(s sq.Snapshot) error {
		if err := s.Err(); err != nil {
			return err
		}
		return c.sendLine("Loaded " + string(c.phext) + ".phext")
	})
}

// reading calls do with a snapshot of the phext that is asked for. When someone
// else writes to the file while it is read, and nothing was sent yet, do is
// called again with another snapshot, after pauses of 5, 10, 20 and 40 ms.
func (c *call) reading(do func(sq.Snapshot) error) error {
	const tries, pause = 5, 5 * time.Millisecond
	for try := range tries - 1 {
		err := c.readOnce(do)
		if sq.ErrorCode(err) != sq.Busy || c.reply.started() {
			return err
		}
		if !c.wait(pause << try) {
			return err
		}
	}
	return c.readOnce(do)
}

// wait lets a moment pass; false when the server does not wait any more.
func (c *call) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.server.work.Done():
		return false
	}
}

func (c *call) readOnce(do func(sq.Snapshot) error) error {
	snapshot, err := c.store.Snapshot(c.server.work, c.phext)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	if err := c.showPosition(snapshot); err != nil {
		return err
	}
	return do(snapshot)
}

// selectScroll answers the text of a scroll, nothing when there is none.
func (c *call) selectScroll() error {
	at, err := c.query.coordinate.parsed(phext.ParseStored)
	if err != nil {
		return err
	}
	return c.reading(func(s sq.Snapshot) error {
		text, ok, err := s.Get(c.room[:0], at)
		if err != nil || !ok {
			return c.orSend(err, nil)
		}
		c.keepRoom(text)
		tag := `"` + phext.Sum(text).String() + `"`
		c.reply.Header()["Etag"] = []string{tag}
		if matchesNone(c.request.Header["If-None-Match"], tag) {
			c.reply.WriteHeader(http.StatusNotModified)
			return nil
		}
		return c.send(plainText, text)
	})
}

// orSend returns an error, or answers with a text when there is none.
func (c *call) orSend(err error, text []byte) error {
	if err != nil {
		return err
	}
	return c.send(plainText, text)
}

// matchesNone reports whether If-None-Match names a tag, weakly compared (RFC
// 9110, section 13.1.2), or anything.
func matchesNone(header []string, tag string) bool {
	for _, line := range header {
		for part := range strings.SplitSeq(line, ",") {
			part = strings.TrimSpace(part)
			if part == "*" || strings.TrimPrefix(part, "W/") == tag {
				return true
			}
		}
	}
	return false
}

// checksum answers the checksum of the phext.
func (c *call) checksum() error {
	return c.reading(func(s sq.Snapshot) error {
		sum, err := s.Checksum()
		return c.orSend(err, []byte(sum.String()))
	})
}
