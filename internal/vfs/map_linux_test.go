package vfs

import (
	"bytes"
	"testing"
	"time"
)

// TestMap: a mapping has what the file has, and where it cannot tell it says so;
// what is cut off under it kills nobody.
func TestMap(t *testing.T) {
	dir, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	f, err := dir.Create("text")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text := bytes.Repeat([]byte("0123456789abcdef"), 4<<10) // 64 KiB
	if _, err := f.WriteAt(text, 0); err != nil {
		t.Fatal(err)
	}
	m := Map(f, int64(len(text)))
	if m == nil {
		t.Fatal("there is no mapping")
	}
	defer m.Close()
	for _, row := range []struct {
		size   int
		offset int64
		want   bool
	}{
		{1, 0, true},
		{1000, 4000, true}, // of two pages
		{MostMapped, 4095, true},
		{16, int64(len(text) - 16), true},
		{16, int64(len(text) - 15), false},
		{16, int64(len(text)) + 1, false},
		{16, -1, false},
		{0, 0, false},
		{MostMapped + 1, 0, false},
	} {
		p := make([]byte, row.size)
		m.rests.Store(0) // this machine may be busy
		if ok := m.Read(p, row.offset); ok != row.want || ok && !bytes.Equal(p, text[row.offset:][:row.size]) {
			t.Errorf("%d bytes at %d: %v %.20q", row.size, row.offset, ok, p)
		}
	}
	t.Run("rests", func(t *testing.T) { testRests(t, m) })
	t.Run("cut", func(t *testing.T) { testCut(t, f, m) })
	if Map(f, 0) != nil {
		t.Error("nothing was mapped")
	}
}

// testRests: after a wait the file is asked for a while, and then no more.
func testRests(t *testing.T, m *Mapping) {
	p := make([]byte, 100)
	m.rests.Store(int64(time.Since(began) + time.Hour))
	if m.Read(p, 0) {
		t.Error("it does not rest")
	}
	now := time.Since(began)
	m.rests.Store(0)
	m.faults.Store(7)
	if m.waited(now, time.Hour, 7); m.rests.Load() != 0 {
		t.Error("it rests though no page was waited for")
	}
	if m.waited(now, time.Hour, 8); m.rests.Load() < int64(now+restsFor*time.Hour) {
		t.Error("it does not rest though a page was waited for")
	}
	other := &Mapping{}
	other.faults.Store(7)
	if other.waited(now, time.Hour, 8); other.rests.Load() == 0 {
		t.Error("another mapping, which may have waited too, does not rest")
	}
	m.rests.Store(int64(now))
	if !m.Read(p, 0) || string(p[:16]) != "0123456789abcdef" {
		t.Errorf("after its rest: %.20q", p)
	}
}

// testCut: a mapping of what is not there any more.
func testCut(t *testing.T, f File, m *Mapping) {
	if err := f.Truncate(100); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 1000)
	m.rests.Store(0)
	if m.Read(p, 8192) {
		t.Error("what was cut off was read")
	}
	m.rests.Store(0)
	if m.Read(p, 50) && !bytes.Equal(p[50:], make([]byte, 950)) {
		t.Errorf("behind the end of the file in its last page: %q", p)
	}
}
