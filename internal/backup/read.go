package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// Verify reads a backup to its end, and returns its manifest if it is one, whole and
// as it was written: every phext in it has the size and the checksums that the
// manifest says, nothing else is in it, and nothing is missing from it. What is
// compressed must be decompressed before: see Decompress.
//
// Invalid: it is not, and the message says what is wrong. It trusts nothing: no
// name in the tar is used, and memory does not grow with what an entry claims to be,
// but for the manifest, which may have 512 MiB. An error of r is returned as it is,
// wrapped. progress is told of the entries and may be nil.
func Verify(ctx context.Context, r io.Reader, progress func(Progress)) (*Manifest, error) {
	v := newReader(ctx, r, progress)
	return v.read(func(string) (io.Writer, func() error) { return io.Discard, nil })
}

// ReadConfig returns the configuration of the tenants that stands in a backup, whose
// manifest must be known; nil when there is none. It is read no further than that.
func ReadConfig(r io.Reader, m *Manifest) ([]byte, error) {
	if m.Config == nil {
		return nil, nil
	}
	t := tar.NewReader(r)
	h, err := t.Next()
	if err != nil || h.Name != configName || h.Size != m.Config.Bytes {
		return nil, sq.Wrap(err, sq.Invalid, "backup: it is not the one that was verified")
	}
	text, err := io.ReadAll(t)
	if err != nil || sha256.Sum256(text) != m.Config.SHA256 {
		return nil, sq.Wrap(err, sq.Invalid, "backup: it is not the one that was verified")
	}
	return text, nil
}

// reader reads a backup.
type reader struct {
	ctx      context.Context
	in       *tail
	tar      *tar.Reader
	progress func(Progress)
	entries  []entry
	sums     strings.Builder
	bytes    int64
}

// entry is what was found in the tar.
type entry struct {
	name     string
	bytes    int64
	sha256   Digest
	checksum phext.Checksum
}

func newReader(ctx context.Context, r io.Reader, progress func(Progress)) *reader {
	in := &tail{r: r}
	return &reader{ctx: ctx, in: in, tar: tar.NewReader(in), progress: progress}
}

// open says where the text of an entry goes, and what is done when it is there.
type open func(name string) (io.Writer, func() error)

// read reads all of it.
func (v *reader) read(open open) (*Manifest, error) {
	for {
		h, err := v.next()
		if err != nil {
			return nil, err
		}
		switch h.Name {
		case manifestName:
			return v.seal(h)
		case failedName:
			return nil, v.failed()
		case sumsName:
			return nil, invalid("%s comes before %s", sumsName, manifestName)
		}
		if err := v.entry(h, open); err != nil {
			return nil, err
		}
	}
}

func invalid(format string, args ...any) error {
	return sq.Errorf(sq.Invalid, "backup: "+format, args...)
}

// cut is what a tar is that ends too early.
func (v *reader) cut(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return invalid("it is cut short after %d bytes: %s, which is the end of each, is missing", v.in.n, sumsName)
	}
	return v.broken(err)
}

// broken tells a tar that is none from a reader that failed.
func (v *reader) broken(err error) error {
	if sq.ErrorCode(v.in.err) == sq.Invalid { // it could not be decompressed
		return v.in.err
	}
	if v.in.err != nil && v.in.err != io.EOF {
		return fmt.Errorf("read the backup: %w", v.in.err)
	}
	return invalid("it is damaged near byte %d: %v", v.in.n, err)
}

// next returns the header of the next entry, which must be that of a plain file.
func (v *reader) next() (*tar.Header, error) {
	if err := v.ctx.Err(); err != nil {
		return nil, sq.Wrap(err, sq.Busy, "backup: reading it was stopped")
	}
	h, err := v.tar.Next()
	if err != nil {
		return nil, v.cut(err)
	}
	if h.Typeflag != tar.TypeReg || h.Size < 0 || h.Linkname != "" {
		return nil, invalid("%q in it is no plain file", h.Name)
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse") {
			return nil, invalid("%q in it has holes", h.Name)
		}
	}
	return h, nil
}

// entry reads a phext, or the configuration.
func (v *reader) entry(h *tar.Header, open open) error {
	if err := v.checkName(h.Name); err != nil {
		return err
	}
	w, done := open(h.Name)
	s := newSummer()
	n, err := io.Copy(io.MultiWriter(s, &stopping{v.ctx, w}), v.tar)
	if err != nil {
		return v.copied(h, err)
	}
	if n != h.Size {
		return v.cut(io.ErrUnexpectedEOF)
	}
	e := entry{name: h.Name, bytes: n}
	e.sha256, e.checksum = s.sums()
	v.add(e)
	if done != nil {
		return done()
	}
	return nil
}

// copied says whose fault a copy that failed is.
func (v *reader) copied(h *tar.Header, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || v.in.err != nil && v.in.err != io.EOF {
		return v.cut(err)
	}
	if errors.Is(err, tar.ErrHeader) {
		return invalid("%q in it is damaged", h.Name)
	}
	return err
}

// stopping is a writer that stops when its context ends.
type stopping struct {
	ctx context.Context
	w   io.Writer
}

func (s *stopping) Write(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, sq.Wrap(err, sq.Busy, "backup: reading it was stopped")
	}
	return s.w.Write(p)
}

// checkName refuses what Write never writes, before any of it is read: paths that
// lead elsewhere, names that are none, and a second one or a wrong order.
func (v *reader) checkName(name string) error {
	last := ""
	if n := len(v.entries); n > 0 {
		last = v.entries[n-1].name
	}
	if name == configName {
		if last != "" {
			return invalid("%s is not at its beginning", configName)
		}
		return nil
	}
	if _, _, err := parseEntryName(name); err != nil {
		return err
	}
	if last != "" && last != configName && !before(last, name) {
		return invalid("%q comes after %q in it, or twice", name, last)
	}
	return nil
}

// before reports whether one entry stands before another: by tenant, then by name.
func before(a, b string) bool {
	tenantA, nameA, _ := parseEntryName(a)
	tenantB, nameB, _ := parseEntryName(b)
	return tenantA < tenantB || tenantA == tenantB && nameA < nameB
}

func parseEntryName(s string) (tenant string, name sq.PhextName, err error) {
	tenant, file, ok := strings.Cut(s, "/")
	stem, isPhext := strings.CutSuffix(file, suffix)
	if ok && isPhext && isTenantName(tenant) {
		if name, err = sq.ParsePhextName(stem); err == nil {
			return tenant, name, nil
		}
	}
	return "", "", invalid("%q in it is no TENANT/NAME%s", s, suffix)
}

func (v *reader) add(e entry) {
	v.entries = append(v.entries, e)
	fmt.Fprintf(&v.sums, "%v  %s\n", e.sha256, e.name)
	if v.bytes += e.bytes; v.progress != nil {
		tenant, _, _ := parseEntryName(e.name)
		v.progress(Progress{Tenant: tenant, Done: len(v.entries), Bytes: v.in.n})
	}
}

// failed returns what the writer of the backup had to say when it gave up.
func (v *reader) failed() error {
	text, _ := io.ReadAll(io.LimitReader(v.tar, 4<<10))
	line := strings.Map(func(r rune) rune { // a terminal would obey them
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(text), "?"))
	return sq.Errorf(sq.Invalid, "backup: it failed while it was made: %s", line)
}

// seal reads the manifest, the list of sums and the end.
func (v *reader) seal(h *tar.Header) (*Manifest, error) {
	text, err := v.text(h)
	if err != nil {
		return nil, err
	}
	m, err := ParseManifest(text)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&v.sums, "%v  %s\n", m.id, manifestName)
	if h, err = v.next(); err != nil {
		return nil, err
	}
	sums, err := v.text(h)
	if err != nil {
		return nil, err
	}
	if h.Name != sumsName || string(sums) != v.sums.String() {
		return nil, invalid("%s does not list what is in it: it is damaged", sumsName)
	}
	if err := v.end(); err != nil {
		return nil, err
	}
	return m, v.compare(m)
}

// text reads an entry that may not be long.
func (v *reader) text(h *tar.Header) ([]byte, error) {
	if h.Size > mostManifest {
		return nil, invalid("%q in it has more than %d bytes", h.Name, mostManifest)
	}
	text, err := io.ReadAll(v.tar)
	if err != nil {
		return nil, v.cut(err)
	}
	return text, nil
}

// end sees to it that nothing but the two empty blocks follows. Some programs add
// more of them.
func (v *reader) end() error {
	switch h, err := v.tar.Next(); {
	case err == nil:
		return invalid("%q stands in it behind its end", h.Name)
	case err != io.EOF:
		return v.cut(err)
	}
	rest, err := io.Copy(io.Discard, v.in)
	switch {
	case err != nil:
		return v.broken(err)
	case v.in.zeros < rest:
		return invalid("something stands in it behind its end")
	case v.in.n%512 != 0 || v.in.zeros < rest+1024:
		return v.cut(io.EOF)
	}
	return nil
}

// compare holds what was found against the manifest.
func (v *reader) compare(m *Manifest) error {
	found := v.entries
	if m.Config != nil {
		if len(found) == 0 || found[0].name != configName || found[0].bytes != m.Config.Bytes || found[0].sha256 != m.Config.SHA256 {
			return invalid("%s is not what the manifest says", configName)
		}
		found = found[1:]
	}
	for _, t := range m.Tenants {
		for _, p := range t.Phexts {
			if !p.Stored {
				if m.Since == (Digest{}) {
					return invalid("%s is not in it, and it is no incremental one", entryName(t.Name, p.Name))
				}
				continue
			}
			want := entry{entryName(t.Name, p.Name), p.Bytes, p.SHA256, p.Checksum}
			if len(found) == 0 || found[0] != want {
				return invalid("%s is missing, or is not what the manifest says", want.name)
			}
			found = found[1:]
		}
	}
	if len(found) > 0 {
		return invalid("%q is not in the manifest", found[0].name)
	}
	return nil
}

// tail counts what is read, and the zeros at its end.
type tail struct {
	r     io.Reader
	n     int64
	zeros int64
	err   error
}

func (t *tail) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.n += int64(n)
	if rest := len(bytes.TrimRight(p[:n], "\x00")); rest > 0 {
		t.zeros = int64(n - rest)
	} else {
		t.zeros += int64(n)
	}
	if err != nil {
		t.err = err
	}
	return n, err
}
