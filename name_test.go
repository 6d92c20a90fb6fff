package sq_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/wbic16/sq-go"
)

// FuzzPhextName holds names to the words of their description, and to what a file
// system makes of them: one file in the directory itself.
func FuzzPhextName(f *testing.F) {
	for _, s := range []string{"notes", "", ".", "..", "a..b", ".hidden", "a/b", `a\b`, "a\x00", "a\u0085b", "δ 🔆", "\xff", strings.Repeat("n", 200), strings.Repeat("n", 201)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := sq.Code("")
		switch {
		case strings.Contains(s, "..") || strings.ContainsRune(s, '/') || strings.ContainsRune(s, '\\'):
			want = sq.Forbidden
		case len(s) < 1 || len(s) > 200 || s[0] == '.' || !utf8.ValidString(s) || strings.IndexFunc(s, unicode.IsControl) >= 0:
			want = sq.Invalid
		}
		name, err := sq.ParsePhextName(s)
		if err != nil {
			if sq.ErrorCode(err) != want || name != "" || strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Fatalf("%q: %q, %v; want %q", s, name, err, want)
			}
			return
		}
		if want != "" || string(name) != s {
			t.Fatalf("%q is taken as %q, want %q", s, name, want)
		}
	})
}

// FuzzPosition: what is read as a position is written as one that reads the same.
func FuzzPosition(f *testing.F) {
	for _, s := range []string{sq.Position{Epoch: 1<<64 - 1, Sequence: 7}.String(), "0-0", "-", "1-", "+1-1", "10000000000000000-1", "A-1", "1-1-1", "0x1-1", "1_0-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := sq.ParsePosition(s)
		if err != nil {
			if sq.ErrorCode(err) != sq.Invalid || p != (sq.Position{}) {
				t.Fatalf("%q: %v, %v", s, p, err)
			}
			return
		}
		if strings.Trim(s, "0123456789abcdefABCDEF-") != "" || strings.Count(s, "-") != 1 {
			t.Fatalf("%q is read as %v", s, p)
		}
		if again, err := sq.ParsePosition(p.String()); err != nil || again != p {
			t.Fatalf("%q: %v, read again %v, %v", s, p, again, err)
		}
	})
}
