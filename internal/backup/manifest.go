package backup

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/phext"
)

// The names of the entries that are no phexts.
const (
	configName   = "TENANTS.json"
	manifestName = "MANIFEST.json"
	sumsName     = "SHA256SUMS"
	failedName   = "FAILED"
)

const (
	format  = "sq-backup"
	version = 1
	suffix  = ".phext"

	// mostManifest is how long a manifest, the list of sums and a configuration may
	// be, in bytes: for about a million phexts.
	mostManifest = 512 << 20
)

// Manifest says what is in a backup.
type Manifest struct {
	Format  string    `json:"format"`  // "sq-backup"
	Version int       `json:"version"` // of the format: 1
	Program string    `json:"program"` // the version of SQ that wrote it
	Begun   time.Time `json:"begun"`
	Ended   time.Time `json:"ended"`
	// Since is the id of the backup that this one is against; zero: it is full.
	Since Digest `json:"since,omitzero"`
	// Complete says that nothing is missing and nothing damaged.
	Complete bool `json:"complete"`
	// Config is the configuration of the tenants; nil: there is none.
	Config *Config `json:"config,omitempty"`
	// Tenants are sorted by name.
	Tenants []Listed `json:"tenants"`

	id Digest
}

// Config is the entry with the configuration.
type Config struct {
	Bytes  int64  `json:"bytes"`
	SHA256 Digest `json:"sha256"`
}

// Listed is a tenant in a manifest.
type Listed struct {
	Name string `json:"name"`
	// Absent says that the tenant is disabled and has no directory.
	Absent bool `json:"absent,omitempty"`
	// Phexts are sorted by name.
	Phexts []Phext `json:"phexts"`
	// Missing could not be read, and is in no backup.
	Missing []Missing `json:"missing,omitempty"`
}

// Phext is a phext in a manifest.
type Phext struct {
	Name     sq.PhextName   `json:"name"`
	Bytes    int64          `json:"bytes"`
	Scrolls  int            `json:"scrolls"`
	Checksum phext.Checksum `json:"checksum"` // XXH3-128, as GET checksum answers it
	SHA256   Digest         `json:"sha256"`
	// Position is the moment, as Watch counts it; Taken is when that was.
	Position string    `json:"position"`
	Taken    time.Time `json:"taken"`
	// Stored says that the bytes are in this tar; otherwise they are in that of an
	// earlier backup.
	Stored bool `json:"stored"`
	// Unreadable is why the file is no phext; its bytes are stored as they are.
	Unreadable string `json:"unreadable,omitempty"`
	// Damaged is what is wrong with the journal; what is served is stored.
	Damaged string `json:"damaged,omitempty"`
}

// Missing is a phext that could not be read.
type Missing struct {
	Name  sq.PhextName `json:"name"`
	Error string       `json:"error"`
}

// Digest is a SHA-256. It is comparable with ==.
type Digest [sha256.Size]byte

// String returns 64 lower-case hex digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText returns String.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads 64 hex digits.
func (d *Digest) UnmarshalText(b []byte) error {
	if len(b) != hex.EncodedLen(len(d)) {
		return fmt.Errorf("SHA-256: has %d characters, want 64 hex digits", len(b))
	}
	_, err := hex.Decode(d[:], b)
	return err
}

// ID returns what tells the backup from every other: the SHA-256 of its
// MANIFEST.json.
func (m *Manifest) ID() Digest { return m.id }

// Count returns the numbers of phexts: all that are listed, and of those the ones
// stored in this backup, with their bytes, and the ones missing from it.
func (m *Manifest) Count() (listed, stored int, bytes int64, missing int) {
	for _, t := range m.Tenants {
		listed += len(t.Phexts)
		missing += len(t.Missing)
		for _, p := range t.Phexts {
			if p.Stored {
				stored++
				bytes += p.Bytes
			}
		}
	}
	return listed, stored, bytes, missing
}

// Flaws returns a line for each phext that is missing or damaged.
func (m *Manifest) Flaws() (lines []string) {
	for _, t := range m.Tenants {
		for _, p := range t.Missing {
			lines = append(lines, fmt.Sprintf("%s is missing: %s", entryName(t.Name, p.Name), p.Error))
		}
		for _, p := range t.Phexts {
			if p.Damaged != "" {
				lines = append(lines, fmt.Sprintf("%s is as far as its journal could be read: %s", entryName(t.Name, p.Name), p.Damaged))
			}
		}
	}
	return lines
}

// Tenant returns the tenant of a name; nil when it is not listed.
func (m *Manifest) Tenant(name string) *Listed {
	i, ok := slices.BinarySearchFunc(m.Tenants, name, func(t Listed, name string) int { return cmp.Compare(t.Name, name) })
	if !ok {
		return nil
	}
	return &m.Tenants[i]
}

// Phext returns the phext of a name; nil when it is not listed.
func (l *Listed) Phext(name sq.PhextName) *Phext {
	if l == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(l.Phexts, name, func(p Phext, name sq.PhextName) int { return cmp.Compare(p.Name, name) })
	if !ok {
		return nil
	}
	return &l.Phexts[i]
}

func entryName(tenant string, name sq.PhextName) string { return tenant + "/" + string(name) + suffix }

// Text returns the MANIFEST.json that the manifest was read from. Invalid: it was not
// written by Write.
func (m *Manifest) Text() ([]byte, error) {
	same := *m
	text, err := same.encode()
	if err == nil && same.id != m.id {
		err = sq.Errorf(sq.Invalid, "backup: the manifest was changed after it was written")
	}
	return text, err
}

// encode returns the manifest as it is stored, a phext a line or so, and gives it
// its id.
func (m *Manifest) encode() ([]byte, error) {
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return nil, err
	}
	text = append(text, '\n')
	if len(text) > mostManifest {
		return nil, sq.Errorf(sq.TooLarge, "backup: its manifest would have %d bytes, at most %d are allowed; back up fewer tenants at once", len(text), mostManifest)
	}
	m.id = sha256.Sum256(text)
	return text, nil
}

// ParseManifest reads the text of a MANIFEST.json and checks it whole. Every error
// is Invalid.
func ParseManifest(text []byte) (*Manifest, error) {
	m := &Manifest{id: sha256.Sum256(text)}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(m)
	if m.Format == format && m.Version > version {
		return nil, sq.Errorf(sq.Invalid, "backup: its format has version %d, and this program reads up to %d: use a newer sq", m.Version, version)
	}
	if err == nil {
		if _, end := d.Token(); end != io.EOF {
			err = fmt.Errorf("something stands behind it")
		}
	}
	if err == nil {
		err = m.check()
	}
	if err != nil {
		return nil, sq.Errorf(sq.Invalid, "backup: the manifest is none: %v", err)
	}
	return m, nil
}

func (m *Manifest) check() error {
	if m.Format != format || m.Version != version {
		return fmt.Errorf("format %q and version %d, want %q and %d", m.Format, m.Version, format, version)
	}
	if m.Config != nil && (m.Config.Bytes < 0 || m.Config.Bytes > mostManifest) {
		return fmt.Errorf("a configuration of %d bytes", m.Config.Bytes)
	}
	before := ""
	for _, t := range m.Tenants {
		if !isTenantName(t.Name) {
			return fmt.Errorf("%q is no name of a tenant", t.Name)
		}
		if t.Name <= before {
			return fmt.Errorf("tenant %q stands behind %q", t.Name, before)
		}
		if before = t.Name; t.Absent && len(t.Phexts)+len(t.Missing) > 0 {
			return fmt.Errorf("tenant %q has no directory, and phexts", t.Name)
		}
		if err := t.check(); err != nil {
			return fmt.Errorf("tenant %q: %w", t.Name, err)
		}
	}
	if m.Complete != (len(m.Flaws()) == 0) {
		return fmt.Errorf("complete is %v, and the phexts say otherwise", m.Complete)
	}
	return nil
}

func (l *Listed) check() error {
	before := sq.PhextName("")
	for _, p := range l.Phexts {
		if _, err := sq.ParsePhextName(string(p.Name)); err != nil {
			return err
		}
		if p.Name <= before {
			return fmt.Errorf("phext %q stands behind %q", p.Name, before)
		}
		if before = p.Name; p.Bytes < 0 || p.Scrolls < 0 {
			return fmt.Errorf("phext %q has a size below 0", p.Name)
		}
	}
	for _, p := range l.Missing {
		if _, err := sq.ParsePhextName(string(p.Name)); err != nil {
			return err
		}
		if l.Phext(p.Name) != nil {
			return fmt.Errorf("phext %q is there, and missing", p.Name)
		}
	}
	return nil
}

// isTenantName reports whether s is 1 to 64 of a-z, 0-9, '-', '_', '.', not
// beginning with a dot: a tenant's name can be a folder as it is.
func isTenantName(s string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyz0123456789-_."
	return len(s) >= 1 && len(s) <= 64 && s[0] != '.' && strings.Trim(s, allowed) == ""
}
