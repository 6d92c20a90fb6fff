package sq

// statuses says what each code is in HTTP (RFC 9110, section 15). It is the only
// such table: servers and clients read it.
//
// Unreadable is 500 and not of the 400s: the request is right, and asking
// otherwise would not help. What is wrong is what is kept, and whoever watches the
// server should hear of it. Unlike Internal it is explained.
var statuses = map[Code]int{
	Invalid:      400,
	Unauthorized: 401,
	Forbidden:    403,
	NotFound:     404,
	Gone:         410,
	Conflict:     409,
	Precondition: 412,
	TooLarge:     413,
	Full:         507,
	Limited:      429,
	Busy:         503,
	Closed:       503,
	Unreadable:   500,
	Uncertain:    500,
	Internal:     500,
}

// Status returns what the code is in HTTP; 500 where there is no such code.
func (c Code) Status() int {
	if status, ok := statuses[c]; ok {
		return status
	}
	return statuses[Internal]
}

// Known reports whether there is such a code.
func (c Code) Known() bool { _, ok := statuses[c]; return ok }

// StatusCode returns the code that a status of HTTP from 300 up stands for where the reply says
// nothing closer: Busy for what a proxy answers in the place of a server (502, 503,
// 504), Invalid for what a client did wrong otherwise, Internal for all else.
func StatusCode(status int) Code {
	switch status {
	case 500:
		return Internal
	case 502, 503, 504:
		return Busy
	}
	for code, s := range statuses {
		if s == status {
			return code
		}
	}
	if status >= 400 && status < 500 {
		return Invalid
	}
	return Internal
}
