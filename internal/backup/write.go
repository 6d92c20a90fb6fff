package backup

import (
	"archive/tar"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/wbic16/sq-go"
)

// Tenant is a tenant to be backed up.
type Tenant struct {
	// Name is 1 to 64 of a-z, 0-9, '-', '_', '.', not beginning with a dot.
	Name string
	// Store has its phexts; nil: it is disabled and has no directory.
	Store sq.Store
}

// Options say how to back up. The zero value backs everything up.
type Options struct {
	// Since is the manifest of an earlier backup: what did not change since then is
	// listed and not stored. nil: everything is stored.
	Since *Manifest
	// Config is the configuration of the tenants, without a plain token; nil: none.
	Config []byte
	// SkipUnreadable goes on without what cannot be read, which the manifest then
	// lists. Otherwise the backup fails.
	SkipUnreadable bool
	// Held is how many snapshots are held at once; 0: 32. In the engine on disk each
	// takes up to four file descriptors.
	Held int
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Progress is told what is done after each phext; may be nil.
	Progress func(Progress)
}

// Progress is how far a backup or a restore is.
type Progress struct {
	Tenant       string // the one at work
	Done, Phexts int    // of the phexts of that tenant, or of all at a restore
	Bytes        int64  // stored or read so far, in all
}

// Write backs the tenants up to w, and returns the manifest of that. Their order does
// not matter. Nobody is held up. When ctx ends it stops.
//
// A phext that cannot be read ends it with an error that names the phext, unless
// SkipUnreadable: Unreadable where the file or its journal is to blame. A file that is no
// phext (not UTF-8, say) can be read: its bytes are stored, and marked. A file of more
// than 1 MiB that somebody edits in place while it is read ends it with Busy: try
// again. After an error that is not w's own, w has an entry that says why, and no
// reader takes it for a backup.
func Write(ctx context.Context, w io.Writer, tenants []Tenant, o Options) (*Manifest, error) {
	b := &writer{out: &failing{w: w}, o: o}
	b.tar = tar.NewWriter(b.out)
	if b.o.Now == nil {
		b.o.Now = time.Now
	}
	err := b.write(ctx, tenants)
	if err != nil && b.out.err == nil {
		b.tellFailed(err)
	}
	if err != nil {
		return nil, err
	}
	return &b.manifest, nil
}

// writer is a backup under way.
type writer struct {
	o        Options
	out      *failing
	tar      *tar.Writer
	manifest Manifest
	sums     strings.Builder
	bytes    int64
}

// failing remembers that its writer failed.
type failing struct {
	w   io.Writer
	err error
}

func (f *failing) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err != nil {
		f.err = err
	}
	return n, err
}

func (b *writer) write(ctx context.Context, tenants []Tenant) error {
	m := &b.manifest
	*m = Manifest{Format: format, Version: version, Program: sq.Version, Begun: b.now(), Tenants: []Listed{}}
	if b.o.Since != nil {
		m.Since = b.o.Since.ID()
	}
	if b.o.Config != nil {
		m.Config = &Config{int64(len(b.o.Config)), sha256.Sum256(b.o.Config)}
		if err := b.whole(configName, b.o.Config); err != nil {
			return err
		}
	}
	sorted := slices.SortedFunc(slices.Values(tenants), func(a, b Tenant) int { return cmp.Compare(a.Name, b.Name) })
	for _, t := range sorted {
		if err := b.tenant(ctx, t); err != nil {
			return err
		}
	}
	return b.seal()
}

// seal writes what makes a tar a backup.
func (b *writer) seal() error {
	b.manifest.Ended, b.manifest.Complete = b.now(), len(b.manifest.Flaws()) == 0
	text, err := b.manifest.encode()
	if err != nil {
		return err
	}
	if err := b.whole(manifestName, text); err != nil {
		return err
	}
	if err := b.whole(sumsName, []byte(b.sums.String())); err != nil {
		return err
	}
	return b.tar.Close()
}

// now has the seconds that all file systems have.
func (b *writer) now() time.Time { return b.o.Now().UTC().Truncate(time.Second) }

// header begins an entry.
func (b *writer) header(name string, size int64, at time.Time) error {
	return b.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: at, Format: formatOf(name, size)})
}

// mostUSTAR is the first size that the oldest format cannot write: it has 11 octal
// digits.
const mostUSTAR = 8 << 30

// formatOf has names that are not ASCII, or long, and large sizes in the way of POSIX,
// and the rest in the oldest that all programs read.
func formatOf(name string, size int64) tar.Format {
	if size < mostUSTAR && len(name) < 100 && strings.Trim(name, printable) == "" {
		return tar.FormatUSTAR
	}
	return tar.FormatPAX
}

// whole writes an entry that is at hand.
func (b *writer) whole(name string, text []byte) error {
	if err := b.header(name, int64(len(text)), b.now()); err != nil {
		return err
	}
	if _, err := b.tar.Write(text); err != nil {
		return err
	}
	b.sum(name, sha256.Sum256(text))
	return nil
}

// sum notes the sum of an entry. Names have neither line breaks nor backslashes,
// which would be written otherwise.
func (b *writer) sum(name string, sum Digest) { fmt.Fprintf(&b.sums, "%v  %s\n", sum, name) }

// tellFailed writes why the backup fails, if there is a place for it: within a phext
// there is none. Both ends refuse the tar in any case.
func (b *writer) tellFailed(err error) {
	text := sq.ErrorMessage(err)
	if b.header(failedName, int64(len(text)), b.now()) == nil {
		io.WriteString(b.tar, text) // whether it arrives or not: there is no seal
		b.tar.Flush()
	}
}

// tenant backs a tenant up, group by group.
func (b *writer) tenant(ctx context.Context, t Tenant) error {
	if !isTenantName(t.Name) || b.manifest.Tenant(t.Name) != nil {
		return sq.Errorf(sq.Invalid, "backup: %q cannot name a tenant, or names two: 1 to 64 of a-z, 0-9, '-', '_', '.' are wanted, not beginning with a dot", t.Name)
	}
	l := Listed{Name: t.Name, Phexts: []Phext{}}
	if t.Store == nil {
		l.Absent = true
		b.manifest.Tenants = append(b.manifest.Tenants, l)
		return nil
	}
	names, err := t.Store.List(ctx)
	if err != nil {
		return named(err, "tenant %q", t.Name)
	}
	var since *Listed
	if b.o.Since != nil {
		since = b.o.Since.Tenant(t.Name)
	}
	g := &group{b: b, store: t.Store, tenant: &l, since: since, all: len(names)}
	for part := range slices.Chunk(names, cmp.Or(b.o.Held, 32)) {
		if err := g.write(ctx, part); err != nil {
			return err
		}
	}
	b.manifest.Tenants = append(b.manifest.Tenants, l)
	return nil
}

// named says whose error it is, under its own code.
func named(err error, format string, args ...any) error {
	code, what := sq.ErrorCode(err), fmt.Sprintf(format, args...)
	if code == sq.Internal {
		return sq.Wrap(err, code, "%s", what)
	}
	return sq.Wrap(err, code, "%s: %s", what, sq.ErrorMessage(err))
}

const printable = " !#$%&'()+,-./0123456789:;=@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{}~"
