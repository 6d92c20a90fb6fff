package tenant

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/wbic16/sq-go"
)

// TestAmendedIsParsed: whatever is changed, what is in force and where it is in the
// text are those of a server that reads the file, or it is refused as parsing it
// would.
func TestAmendedIsParsed(t *testing.T) {
	quick := 0
	for seed := range uint64(21) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := open(t, []string{
			`{"tenants": {}}`,
			"\ufeff{\"tenants\": {\n\t\"token-of-t0\": {\"name\": \"t0\", \"data_dir\": \"DIR/t0\"}\n}, \"admin_key\": \"token-of-t9\"}",
			`{"admin_key": "x", "tenants": [{"id": "t0", "data_dir": "DIR/t0", "api_key": "token-of-t0"},{"data_dir":"DIR/t1","id":"t1","api_key":"token-of-t1"}]}`,
		}[seed%3])
		dir := t.TempDir()
		s.write(strings.ReplaceAll(s.text(), "DIR", dir))
		if err := s.live.Reload(); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(dir, "t0"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(dir, "t0"), filepath.Join(dir, "link")); err != nil {
			t.Fatal(err)
		}
		for range 40 {
			before, text := s.live.Current(), s.text()
			err := s.live.Change(func(e *Edit) error { return manyThings(r, e, dir) })
			if err != nil && (s.live.Current() != before || s.text() != text) {
				t.Fatalf("seed %d: changed with %v", seed, err)
			}
			if code := sq.ErrorCode(err); err != nil && code != sq.Conflict && code != sq.NotFound && code != sq.Invalid {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if err == nil && len(s.live.Current().newer) > 0 {
				quick++
			}
			s.isParsed(seed)
		}
	}
	if quick < 40 {
		t.Errorf("only %d of 840 changes were quick", quick)
	}
}

// manyThings makes some edits, of which some are refused.
func manyThings(r *rand.Rand, e *Edit, dir string) error {
	for range 1 + r.IntN(3) {
		n := r.IntN(10)
		name := fmt.Sprint("t", n)
		var err error
		switch r.IntN(12) {
		case 0:
			_, err = e.Rotate(name, HashToken(fmt.Sprint("other-", r.Uint64())), Rotation{Now: r.IntN(2) == 0})
		case 1:
			_, err = e.Finish(name, false)
		case 2: // in or above another's, as written or through a link
			err = e.Add(name, filepath.Join(dir, []string{"", "t0", "t0/below", "link", "link/below"}[r.IntN(5)]), HashToken("token-of-"+name), Settings{})
		case 3: // another's token, perhaps
			err = e.Add(name, filepath.Join(dir, name), HashToken(fmt.Sprint("token-of-t", r.IntN(10))), Settings{})
		case 4, 5, 6:
			err = e.Set(name, Settings{Enabled: ptr(r.IntN(2) == 0), QuotaMB: ptr(r.Int64N(3)), Durability: ptr([]string{Fsync, Relaxed}[r.IntN(2)])})
		case 7:
			err = e.Set(name, Settings{ReadOnly: ptr(r.IntN(2) == 0)})
		default:
			err = e.Add(name, filepath.Join(dir, name), HashToken("token-of-"+name), Settings{Enabled: ptr(r.IntN(5) > 0), QuotaMB: ptr(r.Int64N(3))})
		}
		if code := sq.ErrorCode(err); err != nil && code != sq.Conflict && code != sq.NotFound {
			return err
		}
	}
	return nil
}

// isParsed holds what is in force to what parsing the file gives.
func (s *stage) isParsed(seed uint64) {
	s.t.Helper()
	want, err := parse([]byte(s.text()), s.path)
	if err != nil {
		s.t.Fatalf("seed %d: %v\n%s", seed, err, s.text())
	}
	got := *s.live.doc
	if taken := got.taken; taken != nil && !reflect.DeepEqual(taken, want.take()) {
		s.t.Fatalf("seed %d: taken is %+v, want %+v", seed, taken, want.take())
	}
	got.taken = nil
	if !reflect.DeepEqual(&got, want) {
		s.t.Fatalf("seed %d: got\n%+v %+v\nwant\n%+v %+v\n%s", seed, got, got.config, want, want.config, s.text())
	}
	r, registry := s.live.Current(), New(want.config)
	if len(r.tenants)+len(registry.tenants) > 0 && !reflect.DeepEqual(r.tenants, registry.tenants) || !reflect.DeepEqual(r.durability, registry.durability) {
		s.t.Fatalf("seed %d: tenants\n%+v %v, want\n%+v %v", seed, r.tenants, r.durability, registry.tenants, registry.durability)
	}
	for _, e := range want.config.Entries {
		if i, j := r.index(e.Token), registry.index(e.Token); i != j {
			s.t.Fatalf("seed %d: the token of %q is at %d, want %d", seed, e.Tenant.Name, i, j)
		}
	}
	for token := range r.newer {
		if r.index(token) != registry.index(token) {
			s.t.Fatalf("seed %d: a token that is gone is let in", seed)
		}
	}
}

// TestManyAmended: more tokens than are found apart, and none is lost.
func TestManyAmended(t *testing.T) {
	s := open(t, `{"tenants": {}}`)
	add := s.root()
	for i := range maxNewer + 70 {
		if err := s.live.Change(add(fmt.Sprint("t", i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range maxNewer + 70 {
		if i%2 == 0 {
			if err := s.live.Change(func(e *Edit) error { return e.Disable(fmt.Sprint("t", i)) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.isParsed(0)
}
