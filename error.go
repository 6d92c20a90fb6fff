package sq

import (
	"errors"
	"fmt"
)

// Code says what kind of failure an error is. Callers decide by it, and one
// table in the HTTP layer turns it into a status. An error without a code is
// Internal: its text is for the log and not for the caller.
type Code string

// The codes.
const (
	Internal     Code = "internal"     // our fault, or the machine's
	Invalid      Code = "invalid"      // the request makes no sense; nothing was done
	Unauthorized Code = "unauthorized" // no token, or one that nobody has
	Forbidden    Code = "forbidden"    // the token may not do this
	NotFound     Code = "not_found"    // there is no such thing
	Gone         Code = "gone"         // there was such a thing, and there is none left
	Conflict     Code = "conflict"     // it stands in the way of what is there
	Precondition Code = "precondition" // a Condition did not hold; nothing was done
	TooLarge     Code = "too_large"    // more bytes than are taken
	Full         Code = "full"         // no room on the disk or in the quota; nothing was done
	Limited      Code = "limited"      // more requests than a tenant may make; nothing was done
	Busy         Code = "busy"         // too much at once; the same may work later
	Unreadable   Code = "unreadable"   // a file that is no phext, or a damaged journal
	Uncertain    Code = "uncertain"    // the disk failed while writing: it may have happened
	Closed       Code = "closed"       // the store is closed or closing
)

// Error is an error with a code. Its message is one line that says what, where
// and what next, and may be shown to the tenant it belongs to.
type Error struct {
	Code    Code
	Message string
	Err     error // what caused it, for the log; may be nil
}

// Error returns the message, and what caused it.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap returns what caused the error; it may be nil.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an *Error with a formatted message.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Wrap returns an *Error with a formatted message, caused by err.
func Wrap(err error, code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Err: err}
}

// OpError says which operation of a batch is why it was refused. Its code and its
// message are those of Err.
type OpError struct {
	Index int // in the batch, from 0
	Err   error
}

// Error returns what Err says, with the number of the operation, counted from 1.
func (e *OpError) Error() string { return fmt.Sprintf("operation %d: %v", e.Index+1, e.Err) }

// Unwrap returns Err.
func (e *OpError) Unwrap() error { return e.Err }

// ErrorCode returns the code of err: that of the first *Error in its chain,
// Internal when there is none, and "" for nil.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// ErrorMessage returns what the caller may be told: the message of the first
// *Error in the chain without its cause, or "internal error".
func ErrorMessage(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Code != Internal {
		return e.Message
	}
	return "internal error"
}
