package api

import (
	"strings"

	"github.com/wbic16/sq-go"
)

// A request to read that has the header SQ-Position is told in the same header of
// which moment the reply is, as EPOCH-SEQUENCE. Its value is such a position, and then no other
// moment is answered; or *, for any. So what takes several requests to read is read
// of one moment, or it shows that it is not. Who does not ask is not told: most
// selects have no use for it, and there are many.

// positionHeader is the header as net/http writes it.
const positionHeader = "Sq-Position"

// showPosition tells the moment that a snapshot is of, where that is asked for, and
// refuses a moment that is not the one that is asked for.
func (c *call) showPosition(s sq.Snapshot) error {
	asked := c.request.Header[positionHeader]
	if len(asked) == 0 || s.Err() != nil {
		return nil
	}
	now := s.Position()
	if value := strings.TrimSpace(asked[0]); value != "*" || len(asked) > 1 {
		want, err := sq.ParsePosition(value)
		if err != nil || len(asked) > 1 {
			return sq.Errorf(sq.Invalid, "SQ-Position: want * or one position as a reply had it, such as %v", sq.Position{Epoch: 1, Sequence: 2})
		}
		if want != now {
			return sq.Errorf(sq.Precondition, "the phext is at %v, and not at %v any more: begin to read anew", now, want)
		}
	}
	c.reply.Header()[positionHeader] = []string{now.String()}
	return nil
}
