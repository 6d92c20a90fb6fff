package phext

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestWriterOrder(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out)
	if n, err := w.Write([]byte("x")); n != 0 || err == nil {
		t.Errorf("text of no scroll: %d, %v", n, err)
	}
	for _, c := range []Coordinate{{}, First.With(8, 0), First.With(4, 0), Last.With(0, 0)} {
		if err := w.WriteScroll(c, []byte("x")); err == nil || !strings.Contains(err.Error(), "a component is 0") {
			t.Errorf("%v: %v", c, err)
		}
	}
	steps := []struct {
		c    Coordinate
		text string
		ok   bool
	}{
		{First, "", true}, {First, "again", false}, {First.With(8, 3), "a", true}, {First.With(8, 2), "back", false},
		{First.With(7, 2), "", true}, {First.With(7, 2), "b", false}, {First.With(7, 2).With(8, 2), "c", true}, {Last, "d", true},
	}
	for _, s := range steps {
		if err := w.WriteScroll(s.c, []byte(s.text)); (err == nil) != s.ok {
			t.Errorf("%q at %v: %v", s.text, s.c, err)
		}
	}
	if n, err := w.Write([]byte("e")); n != 1 || err != nil {
		t.Errorf("more text: %d, %v", n, err)
	}
	if err := w.Flush(); err != nil || w.Offset() != int64(out.Len()) {
		t.Errorf("%d bytes of %d, %v", out.Len(), w.Offset(), err)
	}
	scrolls, err := Explode(out.String())
	if err != nil || len(scrolls) != 3 || scrolls[First.With(8, 3)] != "a" ||
		scrolls[First.With(7, 2).With(8, 2)] != "c" || scrolls[Last] != "de" {
		t.Errorf("%v, %v", scrolls, err)
	}
}

var errFull = errors.New("full")

// full takes room bytes.
type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	n := min(f.room, len(p))
	if f.room -= n; n < len(p) {
		return n, errFull
	}
	return n, nil
}

// TestWriterFails lets the writer below fail at every byte.
func TestWriterFails(t *testing.T) {
	write := func(room int) error {
		w := newWriter(&full{room}, 16) // so that it is full soon
		for n := 1; n <= 20; n++ {
			if err := w.WriteScroll(First.With(8, 3*n), []byte("0123456789")); err != nil {
				return err
			}
		}
		return w.Flush()
	}
	size := 20*10 + 3*20 - 1
	for room := range size {
		if err := write(room); !errors.Is(err, errFull) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
	}
	if err := write(size); err != nil {
		t.Error(err)
	}
}

func TestNoPlace(t *testing.T) {
	nowhere := First.With(3, 0)
	if text := Implode(map[Coordinate]string{nowhere: "x", First: "y"}); text != "y" {
		t.Errorf("%q", text)
	}
	if text, err := Insert([]byte("y"), nowhere, "x"); err == nil || text != nil {
		t.Errorf("insert: %q", text)
	}
	if text, err := Update([]byte("y"), nowhere, "x"); err == nil || text != nil {
		t.Errorf("update: %q", text)
	}
}
