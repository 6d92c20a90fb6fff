package api

import (
	"encoding/json"

	"github.com/wbic16/sq-go"
)

// phextStatus is the status of a phext in JSON.
type phextStatus struct {
	Phext      sq.PhextName `json:"phext"`
	Exists     bool         `json:"exists"`
	Bytes      int64        `json:"bytes"` // of the normal form
	Scrolls    int          `json:"scrolls"`
	Position   string       `json:"position"`
	Connection uint64       `json:"connection"`
}

// status answers four lines about the phext, or an object of JSON. The
// connection's number counts the tenant's own requests: of those of others nobody
// learns.
func (c *call) status() error {
	return c.reading(func(s sq.Snapshot) error {
		if err := s.Err(); err != nil {
			return err
		}
		p := phextStatus{c.phext, s.Exists(), s.Size(), s.Scrolls(), s.Position().String(), c.server.slots.visits(c.served)}
		if c.inJSON() {
			return c.sendJSON(p)
		}
		return c.sendLine(StatusLines(p.Phext, p.Connection, p.Bytes, p.Scrolls))
	})
}

// inJSON reports whether the reply is to be JSON, and says that it may be either.
func (c *call) inJSON() bool {
	c.reply.Header()["Vary"] = append(c.reply.Header()["Vary"], "Accept")
	return wantsJSON(c.request.Header["Accept"])
}

// sendJSON answers with a value of JSON on a line.
func (c *call) sendJSON(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return c.send(jsonText, append(text, '\n'))
}
