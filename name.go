package sq

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// PhextName is the name of a phext: 1 to 200 bytes of UTF-8 without control
// characters, '/', '\', ".." or a leading dot. The phext NAME is the file
// NAME.phext. Only ParsePhextName makes one, so nobody checks again.
type PhextName string

// MaxPhextName is the longest phext name, in bytes.
const MaxPhextName = 200

// ParsePhextName returns s as a name. A name that reaches for another directory
// is Forbidden; any other name that is none is Invalid.
func ParsePhextName(s string) (PhextName, error) {
	if strings.Contains(s, "..") || strings.ContainsAny(s, `/\`) {
		return "", Errorf(Forbidden, "Forbidden: Invalid phext path")
	}
	switch {
	case s == "":
		return "", Errorf(Invalid, "phext name: is missing, give one as p=NAME")
	case len(s) > MaxPhextName:
		return "", Errorf(Invalid, "phext name: has %d bytes, at most %d are allowed", len(s), MaxPhextName)
	case s[0] == '.':
		return "", Errorf(Invalid, "phext name %q: begins with a dot", s)
	case !utf8.ValidString(s):
		return "", Errorf(Invalid, "phext name %q: is not UTF-8", s)
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", Errorf(Invalid, "phext name %q: has a control character", s)
	}
	return PhextName(s), nil
}
