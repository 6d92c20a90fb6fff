package tenant

import (
	"hash/maphash"
	"io/fs"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/configfile"
)

// Config is a configuration of tenants that was read and checked whole.
type Config struct {
	// Entries are the tokens in the order of the file, disabled ones included.
	Entries []Entry
	// AdminKey is the hash of the key to the administration; the zero value
	// closes it.
	AdminKey TokenHash
	// ReloadOnChange asks for the file to be read again when it changes.
	ReloadOnChange bool
	// DataRoot is the directory under which tenants that are added later get
	// theirs; absolute, or empty where there is none.
	DataRoot string
}

// Entry is one token of one tenant.
type Entry struct {
	// Token is the hash of the token. No two entries have the same.
	Token TokenHash
	// Tenant is who shows the token. DataDir is absolute and clean. All but
	// ReadOnly is the same in all entries of a tenant.
	Tenant sq.Tenant
	// Enabled is whether the token is let in.
	Enabled bool
	// Durability is Fsync, Relaxed, or empty for what the server was told.
	Durability string
}

// The values of Entry.Durability.
const (
	Fsync   = "fsync"   // a write is answered when it is on the disk
	Relaxed = "relaxed" // it is answered when it is written, and on the disk within 100 ms
)

// Load reads and checks the file at path. Its errors are those of Parse, and
// sq.Internal when the file cannot be read, wrapping the *fs.PathError.
func Load(path string) (*Config, error) {
	r, err := load(path)
	if err != nil {
		return nil, err
	}
	return r.doc.config, nil
}

// loaded is a file that was read.
type loaded struct {
	doc     *document
	info    fs.FileInfo // what it looked like just before; nil only when it could not be opened
	content content
}

// content tells one content of a file from another, within this process. It gives
// nothing away.
type content struct {
	hash uint64
	size int
}

var seed = maphash.MakeSeed()

func contentOf(data []byte) content { return content{maphash.Bytes(seed, data), len(data)} }

// load reads and checks the file at path.
func load(path string) (loaded, error) {
	data, info, err := configfile.Read(path, room)
	if err != nil {
		return loaded{info: info}, unreadable(err)
	}
	defer release(data)
	doc, err := parse(data, path)
	return loaded{doc, info, contentOf(data)}, err
}

func unreadable(err error) error {
	return sq.Wrap(err, sq.Internal, "cannot read the configuration of tenants, check its path and mode")
}
