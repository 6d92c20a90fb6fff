package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/storetest"
	"github.com/wbic16/sq-go/phext"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock stands still, so that equal data makes equal backups.
func clock() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

// put sets the first scroll of a phext; "" drops the phext.
func put(t testing.TB, s sq.Store, name sq.PhextName, text string) {
	t.Helper()
	var err error
	if text == "" {
		err = s.Drop(context.Background(), name)
	} else {
		_, err = s.Apply(context.Background(), name, sq.Batch{{Kind: sq.Put, Coordinate: phext.First, Text: []byte(text)}})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// two returns two tenants with phexts of all kinds of names.
func two(t testing.TB) (alice, bob *storetest.Model, tenants []Tenant) {
	t.Helper()
	alice, bob = storetest.NewModel(), storetest.NewModel()
	put(t, alice, "notes", "of alice")
	put(t, alice, "späße", "not ASCII\n")
	put(t, alice, sq.PhextName(strings.Repeat("long ", 39)), strings.Repeat("x", 1000))
	for c, text := range map[phext.Coordinate]string{phext.At(1, 1, 1, 1, 1, 1, 1, 1, 3): "third", phext.At(2, 1, 1, 1, 1, 1, 1, 1, 1): "far"} {
		if _, err := alice.Apply(context.Background(), "notes", sq.Batch{{Kind: sq.Put, Coordinate: c, Text: []byte(text)}}); err != nil {
			t.Fatal(err)
		}
	}
	put(t, bob, "notes", "of bob")
	return alice, bob, []Tenant{{"bob", bob}, {"alice", alice}, {"carol", nil}}
}

// written returns a backup.
func written(t testing.TB, tenants []Tenant, o Options) ([]byte, *Manifest) {
	t.Helper()
	if o.Now == nil {
		o.Now = clock
	}
	var b bytes.Buffer
	m, err := Write(context.Background(), &b, tenants, o)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), m
}

func verify(tar []byte) (*Manifest, error) {
	return Verify(context.Background(), bytes.NewReader(tar), nil)
}

// verified returns the manifest of a backup that is sound.
func verified(t testing.TB, tar []byte) *Manifest {
	t.Helper()
	m, err := verify(tar)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// extracted returns what a chain holds, by path.
func extracted(t testing.TB, tars ...[]byte) map[string]string {
	t.Helper()
	var manifests []*Manifest
	for _, tar := range tars {
		manifests = append(manifests, verified(t, tar))
	}
	c, err := NewChain(manifests...)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for i, tar := range tars {
		err := c.Extract(context.Background(), i, bytes.NewReader(tar), func(tenant string, p Phext) (io.Writer, func() error, error) {
			var b strings.Builder
			return &b, func() error { got[tenant+"/"+string(p.Name)] = b.String(); return nil }, nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	return got
}

// all returns what stores hold, by path.
func all(t testing.TB, tenants []Tenant) map[string]string {
	t.Helper()
	want := map[string]string{}
	for _, tenant := range tenants {
		if tenant.Store == nil {
			continue
		}
		names, err := tenant.Store.List(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			want[tenant.Name+"/"+string(name)] = phext.Implode(storetest.Read(t, tenant.Store, name))
		}
	}
	return want
}

func same(t testing.TB, what string, got, want map[string]string) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("%s: %q\nwant %q", what, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// wants fails unless err has a code and says something.
func wants(t testing.TB, what string, err error, code sq.Code, says string) {
	t.Helper()
	if sq.ErrorCode(err) != code || err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: %v (%s), want %q (%s)", what, err, sq.ErrorCode(err), says, code)
	}
}

// strange is a store whose snapshots are made strange.
type strange struct {
	sq.Store
	open atomic.Int64 // snapshots
	most atomic.Int64 // of them at once
	make func(sq.PhextName, sq.Snapshot) (sq.Snapshot, error)
}

func (s *strange) Snapshot(ctx context.Context, name sq.PhextName) (sq.Snapshot, error) {
	snap, err := s.Store.Snapshot(ctx, name)
	if err != nil {
		return nil, err
	}
	if s.make != nil {
		if snap, err = s.make(name, snap); err != nil {
			return nil, err
		}
	}
	s.most.Store(max(s.most.Load(), s.open.Add(1)))
	return &counting{Snapshot: snap, store: s}, nil
}

// counting tells its store when it is closed.
type counting struct {
	sq.Snapshot
	store  *strange
	closed bool
}

func (c *counting) Close() {
	if !c.closed {
		c.closed = true
		c.store.open.Add(-1)
	}
	c.Snapshot.Close()
}

func (c *counting) Problem() error {
	if s, ok := c.Snapshot.(Suspect); ok {
		return s.Problem()
	}
	return nil
}

// opaque is of a file that is no phext.
type opaque struct {
	sq.Snapshot
	text string
}

func (opaque) Err() error                          { return sq.Errorf(sq.Unreadable, "offset 3: byte 0xFF is not UTF-8") }
func (opaque) Scrolls() int                        { return 0 }
func (opaque) Size() int64                         { return 0 }
func (opaque) Exists() bool                        { return true }
func (o opaque) Checksum() (phext.Checksum, error) { return phext.Checksum{}, o.Err() }
func (o opaque) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, o.text)
	return int64(n), err
}

// damaged is of a phext whose journal is damaged.
type damaged struct{ sq.Snapshot }

func (damaged) Problem() error { return sq.Errorf(sq.Unreadable, "the journal is damaged") }

// breaking is of a phext of which only some bytes can be read.
type breaking struct {
	sq.Snapshot
	size  int64
	after int64
	err   error
}

func (b breaking) Size() int64 { return b.size }
func (b breaking) WriteTo(w io.Writer) (int64, error) {
	n, err := io.CopyN(w, zeros{}, b.after)
	return n, errors.Join(err, b.err)
}

// big is of a phext of many bytes that is nowhere.
type big struct {
	sq.Snapshot
	size int64
}

func (b big) Exists() bool                       { return true }
func (b big) Size() int64                        { return b.size }
func (b big) WriteTo(w io.Writer) (int64, error) { return io.CopyN(w, zeros{}, b.size) }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// entryOf is an entry of a tar made by hand.
type entryOf struct {
	tar.Header
	text string
}

func plainEntry(name, text string) entryOf {
	return entryOf{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: int64(len(text))}, text}
}

// entries takes a tar apart.
func entries(t testing.TB, b []byte) (list []entryOf) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, entryOf{*h, string(text)})
	}
}

// tarOf makes a tar by hand.
func tarOf(t testing.TB, list ...entryOf) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range list {
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sealed gives entries made by hand sums that are right.
func sealed(t testing.TB, list ...entryOf) []byte {
	t.Helper()
	var sums strings.Builder
	for _, e := range list {
		s := newSummer()
		io.WriteString(s, e.text)
		sum, _ := s.sums()
		sums.WriteString(sum.String() + "  " + e.Name + "\n")
	}
	return tarOf(t, append(slices.Clip(list), plainEntry(sumsName, sums.String()))...)
}
