package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/storetest"
)

// TestHostile: tars that Write never makes. All sums in them are right.
func TestHostile(t *testing.T) {
	_, _, tenants := two(t)
	good, _ := written(t, tenants, Options{Config: []byte("{}")})
	list := entries(t, good)
	list = list[:len(list)-1]
	end := len(list) - 1 // the manifest
	if _, err := verify(sealed(t, list...)); err != nil {
		t.Fatal(err)
	}
	with := func(at int, e ...entryOf) []byte { return sealed(t, slices.Insert(slices.Clone(list), at, e...)...) }
	special := func(kind byte, name, link string) entryOf {
		return entryOf{tar.Header{Typeflag: kind, Name: name, Linkname: link, Mode: 0o600}, ""}
	}
	for _, row := range []struct {
		name string
		tar  []byte
		says string
	}{
		{"a path that leads up", with(1, plainEntry("../evil.phext", "x")), "is no TENANT/NAME.phext"},
		{"further down", with(1, plainEntry("alice/../evil.phext", "x")), "is no TENANT/NAME.phext"},
		{"up and out", with(1, plainEntry("alice/..phext", "x")), "is no TENANT/NAME.phext"},
		{"an absolute path", with(1, plainEntry("/etc/evil.phext", "x")), "is no TENANT/NAME.phext"},
		{"a folder in a folder", with(1, plainEntry("alice/.sq/evil.phext", "x")), "is no TENANT/NAME.phext"},
		{"the lock", with(1, plainEntry("alice/.sq", "x")), "is no TENANT/NAME.phext"},
		{"backslashes", with(1, plainEntry(`alice/..\evil.phext`, "x")), "is no TENANT/NAME.phext"},
		{"a control character", with(1, plainEntry("alice/a\x1b.phext", "x")), "is no TENANT/NAME.phext"},
		{"a line break", with(1, plainEntry("alice/a\nb.phext", "x")), "is no TENANT/NAME.phext"},
		{"no tenant", with(1, plainEntry("evil.phext", "x")), "is no TENANT/NAME.phext"},
		{"upper case", with(1, plainEntry("Alice/evil.phext", "x")), "is no TENANT/NAME.phext"},
		{"no phext", with(1, plainEntry("alice/evil.sh", "x")), "is no TENANT/NAME.phext"},
		{"a name too long", with(1, plainEntry("alice/"+strings.Repeat("x", 201)+".phext", "x")), "is no TENANT/NAME.phext"},
		{"a link", with(1, special(tar.TypeSymlink, "alice/a.phext", "/etc/passwd")), "is no plain file"},
		{"a hard link", with(1, special(tar.TypeLink, "alice/a.phext", "alice/notes.phext")), "is no plain file"},
		{"a device", with(1, special(tar.TypeChar, "alice/a.phext", "")), "is no plain file"},
		{"a pipe", with(1, special(tar.TypeFifo, "alice/a.phext", "")), "is no plain file"},
		{"a folder", with(1, special(tar.TypeDir, "alice/", "")), "is no plain file"},
		{"not in the manifest", with(1, plainEntry("alice/a.phext", "x")), "is not what the manifest says"},
		{"not in it, at the end", with(end, plainEntry("zoe/z.phext", "x")), `"zoe/z.phext" is not in the manifest`},
		{"one that is missing", sealed(t, slices.Delete(slices.Clone(list), 1, 2)...), "is not what the manifest says"},
		{"the configuration is missing", sealed(t, list[1:]...), "TENANTS.json is not what the manifest says"},
		{"twice", with(2, list[1]), "or twice"},
		{"another order", sealed(t, append([]entryOf{list[0], list[2], list[1]}, list[3:]...)...), "or twice"},
		{"the configuration twice", with(1, list[0]), "is not at its beginning"},
		{"two manifests", with(end, list[end]), "SHA256SUMS does not list what is in it"},
		{"something behind the manifest", with(end+1, plainEntry("zoe/z.phext", "x")), "SHA256SUMS does not list what is in it"},
		{"no manifest", sealed(t, list[:end]...), "SHA256SUMS comes before MANIFEST.json"},
		{"no sums", tarOf(t, list...), "is cut short"},
		{"nothing", tarOf(t), "is cut short"},
		{"something behind its end", append(slices.Clone(good), good...), "something stands in it behind its end"},
		{"half a block behind its end", append(slices.Clone(good), make([]byte, 511)...), "is cut short"},
		{"a failure", with(1, plainEntry(failedName, "it\x1b[2Jfell")), "it failed while it was made: it [2Jfell"},
		{"no tar", []byte(strings.Repeat("no tar at all, ", 100)), "is damaged near byte"},
		{"empty", nil, "is cut short after 0 bytes"},
	} {
		_, err := verify(row.tar)
		wants(t, row.name, err, sq.Invalid, row.says)
	}
	if _, err := verify(append(slices.Clone(good), make([]byte, 10240)...)); err != nil {
		t.Errorf("empty blocks behind its end: %v", err)
	}
}

// TestManifests that are none.
func TestManifests(t *testing.T) {
	_, _, tenants := two(t)
	_, m := written(t, tenants, Options{})
	text, err := m.Text()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, old, new, says string }{
		{"another format", `"sq-backup"`, `"other"`, `format "other"`},
		{"a newer one", `"version": 1`, `"version": 2`, "use a newer sq"},
		{"an unknown field", `"version": 1`, `"version": 1, "more": 2`, "unknown field"},
		{"no JSON", `{`, `[`, "invalid character"},
		{"a tenant's name", `"alice"`, `"../alice"`, "is no name of a tenant"},
		{"tenants out of order", `"alice"`, `"zoe"`, `tenant "bob" stands behind "zoe"`},
		{"a tenant twice", `"bob"`, `"alice"`, `tenant "alice" stands behind "alice"`},
		{"a phext's name", `"notes"`, `"../notes"`, "Invalid phext path"},
		{"phexts out of order", `"notes"`, `"zz"`, "stands behind"},
		{"a size", `"bytes": 1000`, `"bytes": -1000`, "size below 0"},
		{"a checksum", `"sha256": "`, `"sha256": "0`, "want 64 hex digits"},
		{"complete", `"complete": true`, `"complete": false`, "the phexts say otherwise"},
		{"two", "\n}\n", "\n}\n{}", "something stands behind it"},
	} {
		changed := strings.Replace(string(text), row.old, row.new, 1)
		if changed == string(text) {
			t.Fatalf("%s: there is no %s in\n%s", row.name, row.old, text)
		}
		_, err := ParseManifest([]byte(changed))
		wants(t, row.name, err, sq.Invalid, row.says)
	}
	m.Program = "other"
	if _, err := m.Text(); err == nil {
		t.Error("a manifest that was changed has a text")
	}
}

// TestLies: what is extracted is what was verified, even if the file was exchanged meanwhile.
func TestLies(t *testing.T) {
	alice, _, tenants := two(t)
	tar, m := written(t, tenants, Options{})
	put(t, alice, "späße", "another, longer text")
	other, _ := written(t, tenants, Options{})
	c, err := NewChain(m)
	if err != nil {
		t.Fatal(err)
	}
	got, took := map[sq.PhextName]string{}, 0
	want := func(_ string, p Phext) (io.Writer, func() error, error) {
		var b strings.Builder
		return writerFunc(func(p []byte) (int, error) { took += len(p); return b.Write(p) }), func() error { got[p.Name] = b.String(); return nil }, nil
	}
	if err := c.Extract(context.Background(), 0, bytes.NewReader(other), want, nil); err != errOther {
		t.Errorf("another backup: %v", err)
	}
	if _, there := got["späße"]; there {
		t.Error("a text was given out that was not verified")
	}
	if most := len(tar); took > most {
		t.Errorf("%d bytes were given out", took)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestBomb: what unpacks to much more than it has takes no memory.
func TestBomb(t *testing.T) {
	const size = 64 << 20
	for name, header := range map[string]tar.Header{
		"a phext":    {Typeflag: tar.TypeReg, Name: "alice/notes.phext", Size: size, Mode: 0o600},
		"a manifest": {Typeflag: tar.TypeReg, Name: manifestName, Size: mostManifest + 1, Mode: 0o600},
	} {
		var packed bytes.Buffer
		z, err := Compress(&packed, Zstd)
		if err != nil {
			t.Fatal(err)
		}
		w := tar.NewWriter(z)
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		io.CopyN(w, zeros{}, min(size, header.Size))
		z.Close()
		if packed.Len() > size/1000 {
			t.Errorf("%s: that is no bomb, it has %d bytes", name, packed.Len())
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := verifyPacked(packed.Bytes()); sq.ErrorCode(err) != sq.Invalid {
			t.Errorf("%s: %v", name, err)
		}
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Errorf("%s: %d bytes of memory were taken", name, took)
		}
	}
}

// FuzzVerify: whatever is verified, its manifest is one, and all it lists can be
// extracted.
func FuzzVerify(f *testing.F) {
	s := storetest.NewModel()
	put(f, s, "notes", "text")
	full, m := written(f, []Tenant{{"a", s}}, Options{Config: []byte("{}")})
	put(f, s, "more", "text")
	more, _ := written(f, []Tenant{{"a", s}}, Options{Since: m})
	f.Add(full)
	f.Add(more)
	f.Add(full[:len(full)-1024])
	f.Add([]byte("\x28\xb5\x2f\xfd"))
	f.Fuzz(func(t *testing.T, b []byte) {
		z, err := Decompress(bytes.NewReader(b))
		if err != nil {
			return
		}
		defer z.Close()
		m, err := Verify(context.Background(), z, nil)
		if err != nil {
			return
		}
		if err := m.check(); err != nil {
			t.Fatal(err)
		}
		if m.Since == (Digest{}) {
			_, stored, _, _ := m.Count()
			if got := extracted(t, unpacked(t, b)); len(got) != stored {
				t.Fatalf("%d of %d were extracted", len(got), stored)
			}
		}
	})
}

// FuzzParseManifest: a manifest that is taken says the same when it is written again.
func FuzzParseManifest(f *testing.F) {
	_, _, tenants := two(f)
	_, m := written(f, tenants, Options{})
	text, err := m.Text()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"format": "sq-backup", "version": 1, "complete": true, "tenants": []}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseManifest(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseManifest(again); err != nil {
			t.Fatalf("%v\n%s", err, again)
		}
	})
}
