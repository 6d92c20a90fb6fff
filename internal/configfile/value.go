package configfile

import "encoding/json"

// A complaint that is not empty goes on where the name of a field ended: "is a
// number; want a string". Values are not repeated, because a misplaced token may be
// among them.

// Text returns a value that has to be a string.
func Text(value json.Token) (s, complaint string) {
	s, ok := value.(string)
	if !ok {
		return "", "is " + Kind(value) + "; want a string"
	}
	return s, ""
}

// Flag returns a value that has to be true or false.
func Flag(value json.Token) (b bool, complaint string) {
	b, ok := value.(bool)
	if !ok {
		return false, "is " + Kind(value) + "; want true or false, without quotes"
	}
	return b, ""
}

// Kind says what a value is.
func Kind(value json.Token) string {
	switch value {
	case nil:
		return "null"
	case json.Delim('{'):
		return "an object"
	case json.Delim('['):
		return "a list"
	}
	switch value.(type) {
	case string:
		return "a string"
	case bool:
		return "true or false"
	}
	return "a number"
}
