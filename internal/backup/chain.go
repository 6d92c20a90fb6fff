package backup

import (
	"context"
	"errors"
	"io"

	"github.com/wbic16/sq-go"
)

// Chain is a full backup and those that are against it and each other, in order.
// Its last one says what there is.
type Chain struct {
	manifests []*Manifest
}

// NewChain checks that each backup is against the one before it, the first against
// none, and that what one lists without storing it is what the one before has.
// Invalid otherwise.
func NewChain(manifests ...*Manifest) (*Chain, error) {
	c := &Chain{manifests}
	for i, m := range manifests {
		switch {
		case i == 0 && m.Since != (Digest{}):
			return nil, invalid("the first one is incremental: give the ones before it, too, from the full one with the id %v on", m.Since)
		case i == 0:
			continue
		case m.Since == (Digest{}):
			return nil, invalid("number %d is a full one: it needs none before it", i+1)
		case m.Since != manifests[i-1].ID():
			return nil, invalid("number %d is against the one with the id %v, and not against number %d, which has the id %v: give all of them, in the order in which they were made",
				i+1, m.Since, i, manifests[i-1].ID())
		}
		if err := m.follows(manifests[i-1]); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// follows checks that what m does not store is in the one before it.
func (m *Manifest) follows(last *Manifest) error {
	for _, t := range m.Tenants {
		for _, p := range t.Phexts {
			if p.Stored {
				continue
			}
			old := last.Tenant(t.Name).Phext(p.Name)
			if old == nil || old.Bytes != p.Bytes || old.SHA256 != p.SHA256 || old.Checksum != p.Checksum || old.Unreadable != p.Unreadable {
				return invalid("%s is said to be in the one before, and is not", entryName(t.Name, p.Name))
			}
		}
	}
	return nil
}

// Last returns the manifest of the last backup: what is restored.
func (c *Chain) Last() *Manifest { return c.manifests[len(c.manifests)-1] }

// holder returns which backup stores a phext of the last one.
func (c *Chain) holder(tenant string, name sq.PhextName) int {
	for i := len(c.manifests) - 1; i >= 0; i-- {
		if p := c.manifests[i].Tenant(tenant).Phext(name); p != nil && p.Stored {
			return i
		}
	}
	return -1 // NewChain has seen to it that this is not so
}

// Wanted is asked for each phext of the last backup, and gives where its bytes
// go: nil for nowhere. Done is called when all of them are there, and are right.
type Wanted func(tenant string, p Phext) (w io.Writer, done func() error, err error)

// Extract reads backup number i (from 0) of the chain again, verifies that it is the
// one that was verified, and hands out what the last one has of it. Its bytes must
// not be relied upon before done was called for them.
func (c *Chain) Extract(ctx context.Context, i int, r io.Reader, want Wanted, progress func(Progress)) error {
	x := &extract{chain: c, i: i, want: want}
	v := newReader(ctx, r, progress)
	x.reader = v
	m, err := v.read(x.open)
	if err == nil && m.ID() != c.manifests[i].ID() {
		err = errOther
	}
	return err
}

var errOther = errors.New("the backup is another one than was verified a moment ago")

// extract is an extraction under way.
type extract struct {
	*reader
	chain *Chain
	i     int
	want  Wanted
}

// open is called for each entry, whose name is one.
func (x *extract) open(entryName string) (io.Writer, func() error) {
	tenant, name, err := parseEntryName(entryName)
	if err != nil { // the configuration
		return io.Discard, nil
	}
	listed := x.chain.manifests[x.i].Tenant(tenant).Phext(name)
	if listed == nil || !listed.Stored {
		return refusing{errOther}, nil
	}
	last := x.chain.Last().Tenant(tenant).Phext(name)
	if last == nil || x.chain.holder(tenant, name) != x.i {
		return io.Discard, nil
	}
	w, done, err := x.want(tenant, *last)
	if err != nil {
		return refusing{err}, func() error { return err }
	}
	if w == nil {
		return io.Discard, nil
	}
	return &atMost{w, last.Bytes}, func() error {
		if e := x.entries[len(x.entries)-1]; e.bytes != last.Bytes || e.sha256 != last.SHA256 || e.checksum != last.Checksum {
			return errOther
		}
		return done()
	}
}

// refusing is a writer that has an error.
type refusing struct{ err error }

func (r refusing) Write([]byte) (int, error) { return 0, r.err }

// atMost is a writer that takes no more than was said.
type atMost struct {
	w    io.Writer
	left int64
}

func (a *atMost) Write(p []byte) (int, error) {
	if a.left -= int64(len(p)); a.left < 0 {
		return 0, errOther
	}
	return a.w.Write(p)
}
