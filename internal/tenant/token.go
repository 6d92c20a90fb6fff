package tenant

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"

	"github.com/wbic16/sq-go"
)

// TokenHash is the SHA-256 of a token. It can be stored and compared but not
// shown in place of the token. The zero value stands for no token.
type TokenHash [sha256.Size]byte

// hashPrefix marks a token that is written as its hash.
const hashPrefix = "sha256:"

// HashToken returns the hash of a token, as the registry looks it up.
func HashToken(token string) TokenHash {
	return sha256.Sum256([]byte(token))
}

// String returns the hash as the configuration file has it: "sha256:" and 64
// lower-case hex digits.
func (h TokenHash) String() string {
	return hashPrefix + hex.EncodeToString(h[:])
}

// parseToken reads a token, plain or hashed, as the file has it. A complaint
// that is not empty says what is wrong with it, without repeating any of it.
func parseToken(s string) (h TokenHash, complaint string) {
	if len(s) >= len(hashPrefix) && strings.EqualFold(s[:len(hashPrefix)], hashPrefix) {
		return parseHash(s[len(hashPrefix):])
	}
	switch {
	case s == "":
		return h, "is empty; give one, such as 32 random characters"
	case strings.ContainsFunc(s, unprintable), strings.TrimSpace(s) != s:
		// Such a token never arrives as it was written: HTTP trims what stands
		// around a header's value and refuses control characters inside.
		return h, "has a control character, or a space at an end, which no HTTP header carries; make another"
	}
	return HashToken(s), ""
}

func parseHash(digits string) (h TokenHash, complaint string) {
	if len(digits) != hex.EncodedLen(len(h)) {
		return h, "begins with sha256: but has not 64 hex digits after it; make them with sq tenants hash"
	}
	if _, err := hex.Decode(h[:], []byte(digits)); err != nil {
		return TokenHash{}, "begins with sha256: but what follows is not hex; make it with sq tenants hash"
	}
	if h == HashToken("") {
		// Otherwise a caller who shows nothing would be let in.
		return TokenHash{}, "is the hash of an empty token; hash the token itself (was a variable empty?)"
	}
	return h, ""
}

func unprintable(r rune) bool {
	return unicode.IsControl(r) || r == unicode.ReplacementChar
}

// ParseToken returns the hash of a token as a configuration file may have it,
// plain or hashed. The error is sq.Invalid for one that no request could show,
// and repeats none of it.
func ParseToken(s string) (TokenHash, error) {
	h, complaint := parseToken(s)
	if complaint != "" {
		return h, sq.Errorf(sq.Invalid, "the token %s", complaint)
	}
	return h, nil
}

// tokenPrefix is what new tokens begin with, so that people and programs that look
// for secrets know them.
const tokenPrefix = "pmb-v1-"

// NewToken returns a token that nobody can guess: 96 bits of the system's random
// source, as 24 hex digits behind a prefix and, where it is not 0, a slot of at
// least three digits.
func NewToken(slot int) string {
	random := make([]byte, 12)
	_, _ = rand.Read(random) // never fails: it ends the program rather
	if slot == 0 {
		return tokenPrefix + hex.EncodeToString(random)
	}
	return fmt.Sprintf("%s%03d-%x", tokenPrefix, slot, random)
}
