package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/journal"
	"github.com/wbic16/sq-go/internal/vfs"
	"github.com/wbic16/sq-go/phext"
)

// FuzzDirectory opens a directory with any bytes for a phext and for two
// segments of its journal. With sealed their checksums and places are made right
// first, so that what they say is taken for what a program wrote. Whatever they
// hold, each text that is served stands there; what is refused is left as it is;
// and what takes a batch goes on as any phext does.
func FuzzDirectory(f *testing.F) {
	l := twoSegments(f)
	text, one, two := l.files["notes.phext"], l.files[l.segments[0].path], l.files[l.segments[1].path]
	f.Add([]byte("a\x17b"), []byte{}, []byte{}, false)
	f.Add([]byte("a\x17\xff\xfe"), one, two, true)
	f.Add([]byte("\x01\x01\x17\x17"), one, []byte("not a segment"), false)
	f.Add(text, one, two, true)
	f.Add(text, one, []byte{}, true)
	f.Add(text, bytes.Replace(one, []byte("+1"), []byte("\x17x"), 1), []byte{}, true)
	over := oneSegment(f)
	f.Add(over.files["notes.phext"], over.files[over.segments[0].path], []byte{}, false)
	f.Add(text, append(bytes.Clone(one), "torn"...), []byte{}, false)
	f.Add(text, append(bytes.Clone(one[:200]), one[208:]...), []byte{}, false)
	f.Add(text, append(append(bytes.Clone(one[:180]), 1), one[181:]...), []byte{}, false)
	f.Add(text, one, two[:len(two)-9], false)
	f.Add(text, one[:len(one)/2], two, false)
	f.Add([]byte("edited"), one, two, true)
	f.Add([]byte{}, two, one, true)
	f.Fuzz(func(t *testing.T, text, one, two []byte, sealed bool) {
		if len(text) > 1<<16 || len(one)+len(two) > 1<<16 {
			return
		}
		if sealed {
			seal(one)
			seal(two)
		}
		synctest.Test(t, func(t *testing.T) { openAny(t, text, one, two) })
	})
}

// oneSegment leaves what puts and deletes do over what the file has.
func oneSegment(f *testing.F) *left {
	a := newAnswering(f, "base\x17two\x17three\x17four")
	a.batches(3)
	return a.leave()
}

func twoSegments(f *testing.F) *left {
	a := newAnswering(f, "base")
	for range 2 {
		a.batches(4)
		a.checkpoint("exchange")
	}
	return a.leave()
}

var le = binary.LittleEndian

// seal makes right what a segment says of itself: the checksum of its header, and
// of each of its records the id, the place, the checksum before and its own.
func seal(b []byte) {
	table := crc32.MakeTable(crc32.Castagnoli)
	if len(b) < 24 {
		return
	}
	at := int(le.Uint32(b[12:]))
	if at < 24 || at > len(b) || at%8 != 0 {
		return
	}
	chain := crc32.Checksum(b[:at-4], table)
	le.PutUint32(b[at-4:], chain)
	for len(b)-at >= 56 {
		whole := 56 + (int64(le.Uint32(b[at+48:]))+7)&^7
		if whole > int64(len(b)-at) {
			return
		}
		record := b[at : at+int(whole)]
		copy(record[8:16], b[16:24])
		le.PutUint64(record[16:], uint64(at))
		le.PutUint32(record[40:], chain)
		chain = crc32.Update(crc32.Checksum(record[:52], table), table, record[56:])
		le.PutUint32(record[52:], chain)
		at += int(whole)
	}
}

// openAny opens a directory and looks at it, writes to it and closes it.
func openAny(t *testing.T, text, one, two []byte) {
	files := map[string][]byte{"notes.phext": text}
	for name, b := range map[string][]byte{journalDir + "/notes.1": one, journalDir + "/notes.2": two} {
		if len(b) > 0 {
			files[name] = b
		}
	}
	mem := (&left{files: files}).put(t)
	e := inMemory(mem, Options{})
	defer e.Close(background)
	s := e.Store("dir")
	before, unreadable := look(t, s)
	if unreadable && before != string(text) {
		t.Fatalf("unreadable, and served as %q", before)
	}
	if !unreadable {
		if want, ok := plainly(text, one); ok && len(two) == 0 && before != want {
			t.Fatalf("%q is served, want %q", before, want)
		}
		explain(t, before, text, append(opsIn(one), opsIn(two)...))
	}
	_, refused := s.Apply(background, "notes", sq.Batch{{Kind: sq.Append, Coordinate: phext.First, Text: []byte("more")}})
	if code := sq.ErrorCode(refused); refused != nil && code != sq.Unreadable || refused == nil && unreadable {
		t.Fatalf("unreadable %v, and a batch gives %v", unreadable, refused)
	}
	after, _ := look(t, s)
	if err := e.Close(background); err != nil && refused == nil {
		t.Fatal(err)
	}
	if known, damaged := isDamaged(one); known && len(two) == 0 && !unreadable && damaged != (refused != nil) {
		t.Fatalf("damaged %v, and a batch gives %v", damaged, refused)
	}
	if unreadable {
		// The journal was tidied before that showed: what is in no chain is in tails.
		files = map[string][]byte{"notes.phext": text}
	}
	if refused != nil {
		wantFiles(t, mem, files)
		return
	}
	want := appended(t, before, "more")
	kept, err := mem.ReadFile("notes.phext")
	if after != want || string(kept) != want || err != nil {
		t.Fatalf("%q and a batch is %q, and on disk %q, %v", before, after, kept, err)
	}
	e = inMemory(mem, Options{})
	defer e.Close(background)
	if again, _ := look(t, e.Store("dir")); again != want {
		t.Fatalf("opened again it is %q, want %q", again, want)
	}
}

func wantFiles(t *testing.T, mem *vfs.Mem, files map[string][]byte) {
	t.Helper()
	for name, want := range files {
		if got, err := mem.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("refused, and %s is %q, %v; it was %q", name, got, err, want)
		}
	}
}

func appended(t *testing.T, text, more string) string {
	t.Helper()
	scrolls, err := phext.Explode(text)
	if err != nil {
		t.Fatal(err)
	}
	scrolls[phext.First] += more
	return phext.Implode(scrolls)
}

// look reads a phext in every way, which must agree.
func look(t *testing.T, s sq.Store) (text string, unreadable bool) {
	t.Helper()
	snapshot, err := s.Snapshot(background, "notes")
	if err != nil {
		t.Fatal(err)
	}
	defer snapshot.Close()
	var all strings.Builder
	if _, err := snapshot.WriteTo(&all); err != nil {
		t.Fatal(err)
	}
	text = all.String()
	if err := snapshot.Err(); err != nil {
		if sq.ErrorCode(err) != sq.Unreadable || snapshot.Size() != 0 || snapshot.Scrolls() != 0 {
			t.Fatalf("%v, %d scrolls, %d bytes", err, snapshot.Scrolls(), snapshot.Size())
		}
		return text, true
	}
	scrolls := map[phext.Coordinate]string{}
	for scroll, err := range snapshot.Scan(phext.Coordinate{}, phext.Last) {
		if err != nil {
			t.Fatal(err)
		}
		scrolls[scroll.Coordinate] = string(scroll.Text)
		got, ok, err := snapshot.Get(nil, scroll.Coordinate)
		if size, has := snapshot.Has(scroll.Coordinate); !ok || !has || err != nil || string(got) != string(scroll.Text) || int(size) != len(got) {
			t.Fatalf("%v: %q, %v, of %d bytes; scanned as %q", scroll.Coordinate, got, err, size, scroll.Text)
		}
	}
	sum, err := snapshot.Checksum()
	if phext.Implode(scrolls) != text || int(snapshot.Size()) != len(text) || snapshot.Scrolls() != len(scrolls) || sum != phext.Sum([]byte(text)) || err != nil {
		t.Fatalf("%q of %d bytes, %d scrolls, %v, %v; scanned %q", text, snapshot.Size(), snapshot.Scrolls(), sum, err, scrolls)
	}
	if !phext.ValidUTF8([]byte(text)) {
		t.Fatalf("%q is served", text)
	}
	if exploded, err := phext.Explode(text); err != nil || len(exploded) != len(scrolls) {
		t.Fatalf("%q is served, and is read as %q, %v", text, exploded, err)
	}
	return text, false
}

// isDamaged reports whether a segment that is the only one is damaged; known is
// false where its header does not say.
func isDamaged(b []byte) (known, damaged bool) {
	h, err := journal.ReadHeader(bytes.NewReader(b), int64(len(b)))
	if err != nil || h.Name != "notes" || h.Previous != 0 {
		return false, false
	}
	r := journal.NewReader(bytes.NewReader(b), int64(len(b)), h, -1)
	for ok := true; ok; {
		_, ok = r.Next()
	}
	var damage *journal.DamageError
	return true, errors.As(r.Err(), &damage)
}

// plainly returns what a phext is whose only segment was begun on its file, when
// nothing but batches is in it.
func plainly(file, b []byte) (text string, ok bool) {
	scrolls, err := phext.Explode(string(file))
	if known, damaged := isDamaged(b); err != nil || !known || damaged {
		return "", false
	}
	h, _ := journal.ReadHeader(bytes.NewReader(b), int64(len(b)))
	if h.Base.File != (journal.Identity{Size: int64(len(file)), Sum: phext.Sum(file)}) || h.Base.Sequence != h.Before {
		return "", false
	}
	r := journal.NewReader(bytes.NewReader(b), int64(len(b)), h, -1)
	for record, ok := r.Next(); ok; record, ok = r.Next() {
		if record.Mark != nil {
			return "", false
		}
		for _, op := range record.Ops {
			if op.Kind != journal.Append {
				scrolls[op.Coordinate] = ""
			}
			if op.Kind != journal.Delete {
				scrolls[op.Coordinate] += string(op.Text)
			}
		}
	}
	return phext.Implode(scrolls), true
}

// opsIn returns the operations that a segment may have, those that do not verify
// included.
func opsIn(b []byte) (ops []journal.Op) {
	for at := 0; len(b)-at >= 56; at += 8 {
		body := b[at+56:]
		if length := le.Uint32(b[at+48:]); !bytes.HasPrefix(b[at:], []byte("\xffSQrec")) || int64(length) > int64(len(body)) {
			continue
		} else if body = body[:length]; b[at+44]&1 != 0 {
			body = body[min(32, length):]
		}
		for len(body) >= 24 {
			n := min(int64(le.Uint32(body)), int64(len(body)-24))
			ops = append(ops, journal.Op{Coordinate: phext.FromWords(le.Uint64(body[8:]), le.Uint64(body[16:])), Text: body[24 : 24+n]})
			body = body[24+n:]
		}
	}
	return ops
}

// explain holds that each scroll is what the file has there, or nothing, and then
// some of the texts that the journal has for it, in their order.
func explain(t *testing.T, text string, file []byte, ops []journal.Op) {
	t.Helper()
	served, err := phext.Explode(text)
	if err != nil {
		t.Fatalf("%q is served: %v", text, err)
	}
	had, _ := phext.Explode(string(file))
	for c, text := range served {
		reached := map[int]bool{0: true}
		if strings.HasPrefix(text, had[c]) {
			reached[len(had[c])] = true
		}
		for _, op := range ops {
			for n := range len(text) + 1 {
				if reached[n] && op.Coordinate == c && strings.HasPrefix(text[n:], string(op.Text)) {
					reached[n+len(op.Text)] = true
				}
			}
		}
		if !reached[len(text)] {
			t.Fatalf("%v is %q: the file has %q there, and the journal no such text", c, text, had[c])
		}
	}
}
