package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

func TestRoundTrip(t *testing.T) {
	_, _, tenants := two(t)
	config := []byte(`{"tenants": {}}`)
	tar, m := written(t, tenants, Options{Config: config})
	read := verified(t, tar)
	if read.ID() != m.ID() || !read.Complete || read.Tenant("carol") == nil || !read.Tenant("carol").Absent {
		t.Errorf("read %+v\nwritten %+v", read, m)
	}
	same(t, "extracted", extracted(t, tar), all(t, tenants))
	got, err := ReadConfig(bytes.NewReader(tar), read)
	if err != nil || !bytes.Equal(got, config) {
		t.Errorf("configuration %q, %v", got, err)
	}
	p := read.Tenant("alice").Phext("notes")
	if want := phext.Sum([]byte(all(t, tenants)["alice/notes"])); p.Checksum != want || p.Scrolls != 3 || !p.Stored {
		t.Errorf("alice/notes is %+v, want the checksum %v", p, want)
	}
	text, err := read.Text()
	if parsed, err2 := ParseManifest(text); err != nil || err2 != nil || parsed.ID() != m.ID() {
		t.Errorf("the text of the manifest: %v, %v", err, err2)
	}
}

func TestNothing(t *testing.T) {
	tar, _ := written(t, nil, Options{})
	if m := verified(t, tar); len(m.Tenants) != 0 || !m.Complete {
		t.Errorf("%+v", m)
	}
}

// TestSystemsTools: the tar is nothing of our own.
func TestSystemsTools(t *testing.T) {
	for _, program := range []string{"tar", "sha256sum"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skipf("%v; it comes with every Linux", err)
		}
	}
	_, _, tenants := two(t)
	tar, _ := written(t, tenants, Options{Config: []byte("{}\n")})
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "b.tar"), tar, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	listed := strings.Split(strings.TrimSpace(run("tar", "tf", "b.tar", "--quoting-style=literal")), "\n")
	if n := len(listed); n != 7 || listed[0] != "TENANTS.json" || listed[n-2] != "MANIFEST.json" || listed[n-1] != "SHA256SUMS" {
		t.Errorf("tar tf lists %q", listed)
	}
	run("tar", "xf", "b.tar")
	if out := run("sha256sum", "--strict", "-c", "SHA256SUMS"); strings.Count(out, ": OK\n") != 6 {
		t.Errorf("sha256sum -c says\n%s", out)
	}
	for path, want := range all(t, tenants) {
		if got, err := os.ReadFile(filepath.Join(dir, path+suffix)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}

// TestCut: a backup that ends at any byte before its last is refused, compressed or not.
func TestCut(t *testing.T) {
	_, _, tenants := two(t)
	tar, _ := written(t, tenants, Options{Config: []byte("{}")})
	for n := range len(tar) {
		if n%7 != 0 && n%512 != 0 && n < len(tar)-1100 { // as much as is needed
			continue
		}
		if _, err := verify(tar[:n]); sq.ErrorCode(err) != sq.Invalid {
			t.Fatalf("cut after %d of %d bytes: %v", n, len(tar), err)
		}
	}
	for _, c := range []Compression{Gzip, Zstd} {
		packed := pack(t, tar, c)
		if _, err := verify(unpacked(t, packed)); err != nil {
			t.Errorf("compression %d: %v", c, err)
		}
		for n := range len(packed) {
			if err := verifyPacked(packed[:n]); sq.ErrorCode(err) != sq.Invalid {
				t.Fatalf("compression %d, cut after %d of %d bytes: %v", c, n, len(packed), err)
			}
		}
	}
}

func pack(t testing.TB, b []byte, c Compression) []byte {
	t.Helper()
	var packed bytes.Buffer
	w, err := Compress(&packed, c)
	if err == nil {
		_, err = w.Write(b)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func unpacked(t testing.TB, packed []byte) []byte {
	t.Helper()
	r, err := Decompress(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func verifyPacked(packed []byte) error {
	r, err := Decompress(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = Verify(context.Background(), r, nil)
	return err
}

// TestFlips: a bit that is flipped anywhere is found, or says nothing: it is in the padding
// behind a text, or makes a space of a zero that leads a number.
func TestFlips(t *testing.T) {
	_, _, tenants := two(t)
	tar, m := written(t, tenants, Options{Config: []byte("{}")})
	unnoticed, zeros := 0, bytes.Count(tar, []byte{0})
	for i := 0; i < len(tar); i += 3 { // and so each bit of some bytes in 24
		was := tar[i]
		tar[i] ^= 1 << (i % 8)
		if got, err := verify(tar); err == nil {
			if unnoticed++; got.ID() != m.ID() {
				t.Fatalf("bit %d of byte %d is flipped, and nobody says so", i%8, i)
			}
		}
		tar[i] = was
	}
	if unnoticed == 0 || unnoticed > zeros+100 {
		t.Errorf("%d flips were not noticed, of %d in zeros", unnoticed, zeros)
	}
}

// TestRewritten: whoever rewrites all sums but not the manifest is found out.
func TestRewritten(t *testing.T) {
	_, _, tenants := two(t)
	tar, _ := written(t, tenants, Options{})
	list := entries(t, tar)
	list = list[:len(list)-1]
	for i := range list {
		if list[i].Name == manifestName {
			continue
		}
		was := list[i].text
		list[i].text = "X" + was[1:]
		if was[0] != 'X' {
			_, err := verify(sealed(t, list...))
			wants(t, list[i].Name, err, sq.Invalid, "is not what the manifest says")
		}
		list[i].text = was
	}
	if _, err := verify(sealed(t, list...)); err != nil {
		t.Errorf("as it was: %v", err)
	}
}

func TestIncremental(t *testing.T) {
	alice, bob, tenants := two(t)
	full, m0 := written(t, tenants, Options{})
	put(t, alice, "notes", "changed")
	put(t, alice, "new", "new")
	put(t, bob, "notes", "")
	one, m1 := written(t, tenants, Options{Since: m0})
	if listed, stored, bytes, _ := m1.Count(); listed != 4 || stored != 2 || bytes != int64(len(all(t, tenants)["alice/notes"])+3) {
		t.Errorf("%d listed, %d stored, %d bytes", listed, stored, bytes)
	}
	state1 := all(t, tenants)
	put(t, alice, "notes", "changed again")
	put(t, bob, "notes", "back")
	two, m2 := written(t, tenants, Options{Since: verified(t, one)})
	same(t, "full", extracted(t, full), map[string]string{"alice/notes": extracted(t, full)["alice/notes"], "alice/späße": "not ASCII\n",
		"alice/" + strings.Repeat("long ", 39): strings.Repeat("x", 1000), "bob/notes": "of bob"})
	same(t, "one", extracted(t, full, one), state1)
	same(t, "two", extracted(t, full, one, two), all(t, tenants))
	nothing, m3 := written(t, tenants, Options{Since: m2})
	if _, stored, _, _ := m3.Count(); stored != 0 {
		t.Errorf("nothing changed, and %d are stored", stored)
	}
	same(t, "three", extracted(t, full, one, two, nothing), all(t, tenants))

	for _, row := range []struct {
		name  string
		chain []*Manifest
		says  string
	}{
		{"without the full one", []*Manifest{m1}, "the first one is incremental"},
		{"one left out", []*Manifest{m0, m2}, "number 2 is against the one with the id " + m1.ID().String()},
		{"wrong order", []*Manifest{m0, m2, m1}, "number 2 is against"},
		{"twice", []*Manifest{m0, m1, m1}, "number 3 is against"},
		{"two full ones", []*Manifest{m0, m0}, "number 2 is a full one"},
	} {
		_, err := NewChain(row.chain...)
		wants(t, row.name, err, sq.Invalid, row.says)
	}
	lie := *m1
	lie.Since = m3.ID()
	_, err := NewChain(m0, m1, m2, m3, &lie)
	if err != nil {
		t.Errorf("what the one before has, too: %v", err)
	}
	lie.Tenants = []Listed{{Name: "bob", Phexts: []Phext{{Name: "other", Bytes: 1}}}}
	_, err = NewChain(m0, m1, m2, m3, &lie)
	wants(t, "a lie", err, sq.Invalid, "bob/other.phext is said to be in the one before, and is not")
}

// TestSameSize: what has as many bytes and others is stored.
func TestSameSize(t *testing.T) {
	alice, _, tenants := two(t)
	_, m0 := written(t, tenants, Options{})
	put(t, alice, "späße", "not ascii\n")
	_, m1 := written(t, tenants, Options{Since: m0})
	if _, stored, _, _ := m1.Count(); stored != 1 {
		t.Errorf("%d are stored", stored)
	}
}

func TestUnreadable(t *testing.T) {
	alice, _, _ := two(t)
	broken := sq.Errorf(sq.Unreadable, "is a directory")
	for _, row := range []struct {
		name     string
		make     func(sq.Snapshot) (sq.Snapshot, error)
		code     sq.Code // without skipping; "" for none
		missing  int     // with it
		complete bool
		text     string
	}{
		{"no phext", func(s sq.Snapshot) (sq.Snapshot, error) { return opaque{s, "of\xff"}, nil }, "", 0, true, "of\xff"},
		{"a large file that is no phext", func(s sq.Snapshot) (sq.Snapshot, error) { return opaque{s, strings.Repeat("\xff", atHand+1)}, nil },
			"", 0, true, strings.Repeat("\xff", atHand+1)},
		{"cannot be opened", func(sq.Snapshot) (sq.Snapshot, error) { return nil, broken }, sq.Unreadable, 1, false, ""},
		{"cannot be read", func(s sq.Snapshot) (sq.Snapshot, error) { return breaking{s, s.Size(), 2, broken}, nil }, sq.Unreadable, 1, false, ""},
		{"damaged journal", func(s sq.Snapshot) (sq.Snapshot, error) { return damaged{s}, nil }, sq.Unreadable, 0, false, "not ASCII\n"},
	} {
		s := &strange{Store: alice, make: func(name sq.PhextName, snap sq.Snapshot) (sq.Snapshot, error) {
			if name == "späße" {
				return row.make(snap)
			}
			return snap, nil
		}}
		tenants := []Tenant{{"alice", s}}
		var b bytes.Buffer
		_, err := Write(context.Background(), &b, tenants, Options{})
		if sq.ErrorCode(err) != row.code {
			t.Errorf("%s: %v", row.name, err)
		}
		if row.code != "" {
			wants(t, row.name, err, row.code, "alice/späße.phext cannot be backed up: ")
			_, err = verify(b.Bytes())
			wants(t, row.name+", read", err, sq.Invalid, "it failed while it was made: alice/späße.phext cannot be backed up: ")
		}
		tar, m := written(t, tenants, Options{SkipUnreadable: true})
		if _, _, _, missing := m.Count(); missing != row.missing || m.Complete != row.complete || len(m.Flaws()) == 0 != row.complete {
			t.Errorf("%s: %d missing, complete %v, %q", row.name, missing, m.Complete, m.Flaws())
		}
		if got := extracted(t, tar); got["alice/späße"] != row.text || got["alice/notes"] == "" {
			t.Errorf("%s: extracted %.100q", row.name, got)
		}
		if s.open.Load() != 0 {
			t.Errorf("%s: %d snapshots are open", row.name, s.open.Load())
		}
	}
}

// TestEdited: a file that is edited while it is read is read again if it is not large;
// otherwise the backup fails, and does not seem whole, even where the unreadable is skipped.
func TestEdited(t *testing.T) {
	alice, _, _ := two(t)
	busy := sq.Errorf(sq.Busy, "somebody writes to the file")
	times := 0
	tenants := []Tenant{{"alice", &strange{Store: alice, make: func(_ sq.PhextName, s sq.Snapshot) (sq.Snapshot, error) {
		if times++; times%3 != 0 {
			return breaking{s, s.Size(), 1, busy}, nil
		}
		return s, nil
	}}}}
	tar, _ := written(t, tenants, Options{})
	same(t, "edited", extracted(t, tar), all(t, []Tenant{{"alice", alice}}))

	for name, s := range map[string]breaking{
		"fails":     {size: atHand + 1, after: 7, err: busy},
		"too short": {size: atHand + 1, after: 7},
		"too long":  {size: atHand + 1, after: atHand + 2},
	} {
		tenants[0].Store.(*strange).make = func(_ sq.PhextName, snap sq.Snapshot) (sq.Snapshot, error) {
			s.Snapshot = snap
			return s, nil
		}
		var b bytes.Buffer
		if _, err := Write(context.Background(), &b, tenants, Options{SkipUnreadable: true}); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := verify(b.Bytes()); sq.ErrorCode(err) != sq.Invalid {
			t.Errorf("%s, read: %v", name, err)
		}
	}
}

// TestHuge: a phext of more than 8 GiB has a header that says so. Its text breaks off.
func TestHuge(t *testing.T) {
	alice, _, _ := two(t)
	s := &strange{Store: alice, make: func(_ sq.PhextName, snap sq.Snapshot) (sq.Snapshot, error) {
		return breaking{snap, 9 << 30, 7, sq.Errorf(sq.Busy, "somebody writes to the file")}, nil
	}}
	var b bytes.Buffer
	_, err := Write(context.Background(), &b, []Tenant{{"alice", s}}, Options{})
	wants(t, "write", err, sq.Busy, "somebody writes to the file")
	if h, err := tar.NewReader(&b).Next(); err != nil || h.Size != 9<<30 {
		t.Errorf("%+v, %v", h, err)
	}
}

// TestHeld: the snapshots of a tenant are taken together, up to a number.
func TestHeld(t *testing.T) {
	alice, _, _ := two(t)
	for held, want := range map[int]int64{0: 3, 2: 2, 1: 1} {
		s := &strange{Store: alice}
		written(t, []Tenant{{"alice", s}}, Options{Held: held})
		if s.most.Load() != want || s.open.Load() != 0 {
			t.Errorf("held %d: %d at once, %d left", held, s.most.Load(), s.open.Load())
		}
	}
}

// TestMemory stays the same however large a phext is, on both ends.
func TestMemory(t *testing.T) {
	alice, _, _ := two(t)
	const size = 16 << 20
	s := &strange{Store: alice, make: func(_ sq.PhextName, snap sq.Snapshot) (sq.Snapshot, error) { return big{snap, size}, nil }}
	r, w := io.Pipe()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	go func() {
		_, err := Write(context.Background(), w, []Tenant{{"alice", s}}, Options{})
		w.CloseWithError(err)
	}()
	m, err := Verify(context.Background(), r, nil)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, bytes, _ := m.Count(); bytes != 3*size {
		t.Errorf("%d bytes are stored", bytes)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
		t.Errorf("%d bytes of memory were taken for %d", took, 3*size)
	}
}

// TestStops at once when its context ends, or when nobody takes it.
func TestStops(t *testing.T) {
	_, _, tenants := two(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Write(ctx, io.Discard, tenants, Options{})
	wants(t, "write", err, sq.Busy, "stopped")
	tar, _ := written(t, tenants, Options{})
	_, err = Verify(ctx, bytes.NewReader(tar), nil)
	wants(t, "verify", err, sq.Busy, "stopped")
	gone := errors.New("nobody there")
	for n := int64(0); n < int64(len(tar)); n += 61 {
		_, err = Write(context.Background(), &full{n, gone}, tenants, Options{Now: clock, SkipUnreadable: true})
		if !errors.Is(err, gone) {
			t.Fatalf("after %d bytes: %v", n, err)
		}
		_, err = Verify(context.Background(), io.MultiReader(bytes.NewReader(tar[:n]), breaks{gone}), nil)
		if !errors.Is(err, gone) {
			t.Fatalf("read after %d bytes: %v", n, err)
		}
	}
}

// full takes some bytes and no more.
type full struct {
	left int64
	err  error
}

func (f *full) Write(p []byte) (int, error) {
	if f.left -= int64(len(p)); f.left < 0 {
		return 0, f.err
	}
	return len(p), nil
}

type breaks struct{ err error }

func (b breaks) Read([]byte) (int, error) { return 0, b.err }
