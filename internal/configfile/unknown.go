package configfile

import (
	"fmt"
	"strings"
)

// maxShown is the longest unknown field that an error repeats; tokens are
// longer, or have digits.
const maxShown = 24

// Unknown complains about a field that there is not, and names the one of those
// known that was probably meant. Someone may have put a token where a field
// belongs, so a field is only repeated when it looks like a word and holds a plain
// value, which opening, the first byte of it, tells.
func Unknown(key string, opening byte, known []string) (complaint string) {
	word := len(key) <= maxShown && !strings.ContainsFunc(key, notInWord)
	if !word || opening == '{' || opening == '[' {
		return "unknown field; " + Choices(known)
	}
	if near := nearest(key, known); near != "" {
		return fmt.Sprintf("unknown field %q; did you mean %q?", key, near)
	}
	return fmt.Sprintf("unknown field %q; %s", key, Choices(known))
}

func notInWord(r rune) bool {
	return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// Choices lists the fields that are known.
func Choices(known []string) string {
	return "the fields here are " + strings.Join(known, ", ")
}

// nearest returns the known field that key was probably meant to be: a part of
// it, or at most two typing mistakes away. It returns "" when there is none.
func nearest(key string, known []string) string {
	const tooFar = 3
	best, least := "", tooFar
	for _, name := range known {
		d := distance(flatten(key), flatten(name))
		if d > 0 && partOf(flatten(key), flatten(name)) {
			d = 1
		}
		if d < least && d < len(name)-1 {
			best, least = name, d
		}
	}
	return best
}

func partOf(a, b string) bool {
	return len(a) >= 3 && strings.Contains(b, a) || len(b) >= 3 && strings.Contains(a, b)
}

// flatten makes quotaMB, quota-mb and Quota_MB one.
func flatten(s string) string {
	return strings.ToLower(strings.ReplaceAll(s, "_", ""))
}

// distance is the number of bytes to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
