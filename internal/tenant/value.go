package tenant

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/wbic16/sq-go/internal/configfile"
)

// Each function here understands the value of a field. A complaint that is not
// empty goes on where the field's name ended: "is a number; want a string".
// Values are not repeated, because a misplaced token may be among them.

// The longest and shortest rates, in requests per second; 0 means no limit.
const (
	maxRate = 1e9
	minRate = 1e-6 // slower than this, "retry after" is no number of seconds worth telling
)

const maxName = 64

func whole(value json.Token, most int64) (n int64, complaint string) {
	number, ok := value.(json.Number)
	if !ok {
		return 0, "is " + configfile.Kind(value) + wantWhole(most)
	}
	n, err := strconv.ParseInt(number.String(), 10, 64)
	switch {
	case err == nil && n < 0:
		return 0, "is negative" + wantWhole(most)
	case err != nil || n > most:
		return 0, "is out of range or has a fraction or an exponent" + wantWhole(most)
	}
	return n, ""
}

func wantWhole(most int64) string {
	return fmt.Sprintf("; want a whole number from 0 (no limit) to %d", most)
}

func rate(value json.Token) (perSecond float64, complaint string) {
	const want = "want 0 (no limit), or a number from 0.000001 to 1000000000"
	number, ok := value.(json.Number)
	if !ok {
		return 0, "is " + configfile.Kind(value) + "; " + want
	}
	perSecond, err := strconv.ParseFloat(number.String(), 64)
	switch {
	case err == nil && perSecond == 0:
		return 0, "" // and not -0
	case err == nil && perSecond < 0:
		return 0, "is negative; " + want
	case err != nil || perSecond < minRate || perSecond > maxRate:
		return 0, "is out of range; " + want
	}
	return perSecond, ""
}

func durability(value json.Token) (s, complaint string) {
	if value == Fsync || value == Relaxed {
		return value.(string), ""
	}
	if _, complaint = configfile.Text(value); complaint != "" {
		return "", complaint
	}
	return "", fmt.Sprintf("is something else; want %q or %q", Fsync, Relaxed)
}

func tokenValue(value json.Token) (h TokenHash, complaint string) {
	token, complaint := configfile.Text(value)
	if complaint != "" {
		return h, complaint
	}
	return parseToken(token)
}

func directoryValue(value json.Token) (dir, complaint string) {
	s, complaint := configfile.Text(value)
	if complaint != "" {
		return "", complaint
	}
	return directory(s)
}

func parseName(value json.Token) (name, complaint string) {
	const want = "want 1 to 64 of a-z, 0-9, '-', '_', '.', not beginning with a dot"
	name, complaint = configfile.Text(value)
	switch {
	case complaint != "":
		return "", complaint
	case name == "":
		return "", "is empty; " + want
	case len(name) > maxName:
		return "", fmt.Sprintf("has %d bytes; %s", len(name), want)
	case name[0] == '.':
		return "", "begins with a dot; " + want
	}
	for _, r := range name {
		if !nameRune(r) {
			return "", fmt.Sprintf("has the character %q; %s", r, want)
		}
	}
	return name, ""
}

func nameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
}
