package tenant

import (
	"io"
	"io/fs"
	"os"

	"github.com/wbic16/sq-go"
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
	// Durability is "fsync", "relaxed", or empty for what the server was told.
	Durability string
}

// The values of Entry.Durability.
const (
	Fsync   = "fsync"
	Relaxed = "relaxed"
)

// Load reads and checks the file at path. Its errors are those of Parse, and
// sq.Internal when the file cannot be read, wrapping the *fs.PathError.
func Load(path string) (*Config, error) {
	c, _, err := load(path)
	return c, err
}

// load returns, with the configuration, what the file looked like just before
// it was read; that is nil only when it could not be opened.
func load(path string) (*Config, fs.FileInfo, error) {
	data, info, err := read(path)
	if err != nil {
		return nil, info, sq.Wrap(err, sq.Internal, "cannot read the configuration of tenants, check its path and mode")
	}
	defer clear(data) // tokens stand in it
	c, err := Parse(data, path)
	return c, info, err
}

func read(path string) ([]byte, fs.FileInfo, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	// Before the content: a change while reading then differs from info.
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(f)
	return data, info, err
}
