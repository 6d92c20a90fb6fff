package phext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// pieces returns what a stream yields: COORD@OFFSET and the pieces of a scroll,
// and "..." where its last piece is missing.
func pieces(s *Stream) string {
	var out strings.Builder
	for s.Next() {
		if s.First() {
			fmt.Fprintf(&out, " %v@%d", s.Coordinate(), s.Offset())
		}
		fmt.Fprintf(&out, " %q", s.Text())
	}
	if !s.last {
		out.WriteString(" ...")
	}
	return strings.TrimSpace(out.String())
}

func TestStreamPieces(t *testing.T) {
	const text = "ab\x17\x17longer\x18"
	for window, want := range map[int]string{
		1:  `1.1.1/1.1.1/1.1.1@0 "a" "b" "" 1.1.1/1.1.1/1.1.3@4 "l" "o" "n" "g" "e" "r" ""`,
		2:  `1.1.1/1.1.1/1.1.1@0 "ab" "" 1.1.1/1.1.1/1.1.3@4 "lo" "ng" "er" ""`,
		4:  `1.1.1/1.1.1/1.1.1@0 "ab" 1.1.1/1.1.1/1.1.3@4 "long" "er"`,
		7:  `1.1.1/1.1.1/1.1.1@0 "ab" 1.1.1/1.1.1/1.1.3@4 "longer"`,
		99: `1.1.1/1.1.1/1.1.1@0 "ab" 1.1.1/1.1.1/1.1.3@4 "longer"`,
	} {
		for how, r := range map[string]io.Reader{
			"at once": strings.NewReader(text), "by bytes": iotest.OneByteReader(strings.NewReader(text)),
			"end with text": iotest.DataErrReader(strings.NewReader(text)), "some empty": &stuttering{r: strings.NewReader(text)},
		} {
			s := NewStream(r, make([]byte, window))
			if got := pieces(s); got != want || s.Err() != nil || s.Next() {
				t.Errorf("window %d, %s: %s, %v; want %s", window, how, got, s.Err(), want)
			}
		}
	}
	for _, empty := range []string{"", "\x17", "\x01\x18\x17"} {
		if s := NewStream(strings.NewReader(empty), nil); s.Next() || s.Err() != nil {
			t.Errorf("%q has a scroll: %v", empty, s.Err())
		}
	}
}

// stuttering reads nothing without an error a few times before each byte.
type stuttering struct {
	r io.Reader
	n int
}

func (s *stuttering) Read(p []byte) (int, error) {
	if s.n++; s.n%5 != 0 {
		return 0, nil
	}
	return s.r.Read(p[:1])
}

type nothing struct{}

func (nothing) Read([]byte) (int, error) { return 0, nil }

// TestStreamEnds holds that a reader that fails ends the stream with its error,
// and that what stood before it is yielded.
func TestStreamEnds(t *testing.T) {
	lost := errors.New("lost")
	wrapped := fmt.Errorf("lost: %w", io.EOF) // not the end of the document
	for _, want := range []error{lost, wrapped, io.ErrUnexpectedEOF, io.ErrNoProgress} {
		end := iotest.ErrReader(want)
		if want == io.ErrNoProgress {
			end = nothing{}
		}
		for window, yields := range map[int]string{
			2:   `1.1.1/1.1.1/1.1.1@0 "a" 1.1.1/1.1.1/1.1.2@2 "bc" "de" ...`,
			100: `1.1.1/1.1.1/1.1.1@0 "a"`,
		} {
			s := NewStream(io.MultiReader(strings.NewReader("a\x17bcdef"), end), make([]byte, window))
			if got := pieces(s); got != yields || s.Err() != want || s.Next() {
				t.Errorf("window %d: %s, %v; want %s, %v", window, got, s.Err(), yields, want)
			}
		}
		s := NewStream(&failing{"a\x17b\x18c", want}, nil) // text and error in one call
		if got := pieces(s); got != `1.1.1/1.1.1/1.1.1@0 "a" 1.1.1/1.1.1/1.1.2@2 "b"` || s.Err() != want {
			t.Errorf("together: %s, %v", got, s.Err())
		}
	}
}

// failing reads text and returns its error with it.
type failing struct {
	text string
	err  error
}

func (f *failing) Read(p []byte) (int, error) {
	n := copy(p, f.text)
	f.text = ""
	return n, f.err
}

func TestStreamCountsTooFar(t *testing.T) {
	text := "a" + strings.Repeat("\x17", MaxStored-1) + "b\x17x"
	for _, window := range []int{1, 100, 1 << 20} {
		s, n := NewStream(strings.NewReader(text), make([]byte, window)), 0
		for s.Next() {
			if s.First() {
				n++
			}
		}
		var limit *DimensionError
		if !errors.As(s.Err(), &limit) || limit.Offset != MaxStored+1 || n != 2 {
			t.Errorf("window %d: %d scrolls, %v", window, n, s.Err())
		}
	}
}

// TestStreamTextIsFenced holds that who appends to a piece does not overwrite what
// follows it.
func TestStreamTextIsFenced(t *testing.T) {
	s := NewStream(strings.NewReader("a\x17b\x17c"), nil)
	var got []byte
	for s.Next() {
		got = append(got, s.Text()...)
		_ = append(s.Text(), "overwritten"...)
	}
	if string(got) != "abc" {
		t.Errorf("%q", got)
	}
}

func TestStreamAllocatesNothing(t *testing.T) {
	text, buf := bytes.Repeat([]byte("0123456789abcdef\x17"), 1000), make([]byte, 4096)
	r := bytes.NewReader(text)
	n := testing.AllocsPerRun(10, func() {
		r.Reset(text)
		scrolls, s := 0, NewStream(r, buf)
		for s.Next() {
			scrolls++
		}
		if scrolls != 1000 || s.Err() != nil {
			t.Error(scrolls, s.Err())
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
