package api

import (
	"bufio"
	"encoding/json"
	"time"

	"github.com/wbic16/sq-go"
)

// listed is a phext in the list in JSON.
type listed struct {
	Name     sq.PhextName `json:"name"`
	Bytes    int64        `json:"bytes"` // of the normal form
	Scrolls  int          `json:"scrolls"`
	Modified string       `json:"modified,omitempty"` // RFC 3339, where the store knows
	Error    string       `json:"error,omitempty"`    // why it cannot be read
}

// list answers the tenant's phexts, a name a line, which opens none of them; or as
// an array of JSON, for which each is opened, one after the other.
func (c *call) list() error {
	names, err := c.store.List(c.server.work)
	if err != nil {
		return err
	}
	if c.inJSON() {
		return c.stream(jsonText, func(w *bufio.Writer) error { return c.describeAll(w, names) })
	}
	return c.stream(plainText, func(w *bufio.Writer) error {
		for _, name := range names {
			w.WriteString(string(name)) // an error stays, and the last call returns it
			if err := w.WriteByte('\n'); err != nil {
				return err
			}
		}
		return nil
	})
}

// describeAll writes the array, an element a line.
func (c *call) describeAll(w *bufio.Writer, names []sq.PhextName) error {
	between := "["
	for _, name := range names {
		p, err := c.listed(name)
		if err != nil {
			return err
		}
		line, err := json.Marshal(p)
		if err != nil {
			return err
		}
		w.WriteString(between)
		if _, err := w.Write(line); err != nil {
			return err
		}
		between = ",\n"
	}
	if len(names) == 0 {
		w.WriteString(between)
	}
	_, err := w.WriteString("]\n")
	return err
}

// listed describes a phext. One that cannot be read is no reason to tell nothing
// of the others.
func (c *call) listed(name sq.PhextName) (listed, error) {
	p := listed{Name: name}
	s, err := c.store.Snapshot(c.server.work, name)
	switch sq.ErrorCode(err) {
	case "":
	case sq.Closed, sq.Busy:
		return p, err
	default:
		p.Error = detailOf(err)
		return p, nil
	}
	defer s.Close()
	p.Bytes, p.Scrolls, p.Modified = s.Size(), s.Scrolls(), Modified(s)
	if err := s.Err(); err != nil {
		p.Error = detailOf(err)
	}
	return p, nil
}

// Modified returns when a phext was changed last, as RFC 3339 in UTC; "" where the
// store cannot say. It costs a call of the file system.
func Modified(s sq.Snapshot) string {
	teller, ok := s.(interface{ Modified() (time.Time, bool) })
	if !ok {
		return ""
	}
	t, ok := teller.Modified()
	if !ok {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
