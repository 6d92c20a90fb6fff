package tenant

import (
	"bytes"
	"encoding/json"

	"github.com/wbic16/sq-go"
)

// fileEntry is an Entry as the map form has it.
type fileEntry struct {
	Name              string  `json:"name"`
	DataDir           string  `json:"data_dir"`
	QuotaMB           int64   `json:"quota_mb,omitempty"`
	RequestsPerSecond float64 `json:"requests_per_second,omitempty"`
	RequestsPerDay    int64   `json:"requests_per_day,omitempty"`
	ReadOnly          bool    `json:"read_only,omitempty"`
	Enabled           *bool   `json:"enabled,omitempty"` // absent means true
	Durability        string  `json:"durability,omitempty"`
}

// MarshalJSON returns c in the map form, entries in order and every token as
// its hash: the content of a file that Parse reads back as an equal Config. So
// a Config that was changed is checked by encoding and parsing it. A quota is
// rounded up to whole megabytes. Strings that are not UTF-8 do not survive;
// Parse returns none.
func (c *Config) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(`{"tenants":{`)
	for i := range c.Entries {
		if i > 0 {
			b.WriteByte(',')
		}
		value, err := json.Marshal(c.Entries[i].file())
		if err != nil {
			return nil, sq.Wrap(err, sq.Internal, "encode tenant %q", c.Entries[i].Tenant.Name)
		}
		b.WriteString(`"` + c.Entries[i].Token.String() + `":`)
		b.Write(value)
	}
	b.WriteByte('}')
	if err := c.marshalRest(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (c *Config) marshalRest(b *bytes.Buffer) error {
	if c.AdminKey != (TokenHash{}) {
		b.WriteString(`,"admin_key":"` + c.AdminKey.String() + `"`)
	}
	if c.ReloadOnChange {
		b.WriteString(`,"reload_on_change":true`)
	}
	if c.DataRoot != "" {
		root, err := json.Marshal(c.DataRoot)
		if err != nil {
			return sq.Wrap(err, sq.Internal, "encode data_root")
		}
		b.WriteString(`,"data_root":`)
		b.Write(root)
	}
	b.WriteByte('}')
	return nil
}

func (e *Entry) file() fileEntry {
	f := fileEntry{
		Name:              e.Tenant.Name,
		DataDir:           e.Tenant.DataDir,
		QuotaMB:           (e.Tenant.QuotaBytes + 1<<mbShift - 1) >> mbShift,
		RequestsPerSecond: e.Tenant.RequestsPerSecond,
		RequestsPerDay:    e.Tenant.RequestsPerDay,
		ReadOnly:          e.Tenant.ReadOnly,
		Durability:        e.Durability,
	}
	if !e.Enabled {
		f.Enabled = &e.Enabled
	}
	return f
}
