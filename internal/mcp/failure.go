package mcp

import (
	"context"
	"errors"

	"github.com/wbic16/sq-go"
)

// next is what to do after a failure, where its message does not say so.
var next = map[sq.Code]string{
	sq.Internal:     "whoever runs the server finds the reason in its log; doing the same again may help",
	sq.Busy:         "try again in a few seconds",
	sq.Limited:      "wait before the next call",
	sq.Full:         "there is room again when something is deleted; nothing was written",
	sq.Unreadable:   "nothing was changed; its owner has to mend the file",
	sq.Uncertain:    "it may have happened or not: look with sq_read before you do it again",
	sq.Unauthorized: "whoever runs this server has to give it the right token",
	sq.Closed:       "the server is ending",
}

// failure is what a caller is told of an error: what, where and what next. What is
// nobody's business but ours goes to the log.
func (s *Server) failure(tool string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return errors.New("the call was ended before it was done; a write may have happened or not")
	}
	code, message := sq.ErrorCode(err), sq.ErrorMessage(err)
	if code == sq.Internal {
		s.Logger.Error("a tool failed", "tool", tool, "error", err)
	}
	if hint := next[code]; hint != "" {
		message += "; " + hint
	}
	return errors.New(message)
}
