//go:build unix

package phext

import (
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"unicode/utf8"
)

// TestLooksAtTextAlone has texts of all lengths at both ends of a page between two
// that may not be read: who looks at a byte beside a text is killed.
func TestLooksAtTextAlone(t *testing.T) {
	size := os.Getpagesize()
	pages, err := syscall.Mmap(-1, 0, 3*size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Munmap(pages); err != nil {
			t.Error(err)
		}
	}()
	for _, closed := range [][]byte{pages[:size], pages[2*size:]} {
		if err := syscall.Mprotect(closed, syscall.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	page, r := pages[size:2*size], rand.New(rand.NewPCG(1, 2))
	for length := range 300 {
		for range 50 {
			text := randomText(r, length+200)
			n := min(length, len(text))
			for _, p := range [][]byte{page[:n], page[size-n:]} {
				copy(p, text)
				if got, want := ValidUTF8(p), utf8.Valid(p); got != want {
					t.Fatalf("%q: %v", p, got)
				}
				if indexDelimiter(p) < n {
					t.Fatalf("%q has a delimiter", p)
				}
			}
		}
	}
}
