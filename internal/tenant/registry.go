package tenant

import (
	"cmp"
	"crypto/subtle"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/wbic16/sq-go"
)

// Registry answers who shows a token. It never changes, so goroutines share it
// freely, and a request that holds one finishes as the tenant it began as.
type Registry struct {
	revision   uint64
	config     *Config
	byToken    map[TokenHash]int // the index in config.Entries of each that is enabled
	newer      map[TokenHash]int // what goes before byToken: few, and nobody where it is disabled
	tenants    []sq.Tenant       // sorted by name, each once
	durability map[string]string // by name, for those that chose
	keyless    bool              // everyone is the only tenant
}

// revisions counts the registries there were.
var revisions atomic.Uint64

// Revision is the number of the registry, which no other of the process has.
func (r *Registry) Revision() uint64 { return r.revision }

// New returns the registry of c, which belongs to it from now on: nobody may
// change c any more. It costs less than a microsecond an entry.
func New(c *Config) *Registry {
	r := &Registry{revision: revisions.Add(1), config: c, byToken: make(map[TokenHash]int, len(c.Entries)), durability: map[string]string{}}
	for i := range c.Entries {
		e := &c.Entries[i]
		if !e.Enabled {
			continue
		}
		r.byToken[e.Token] = i
		r.tenants = append(r.tenants, e.Tenant)
		if e.Durability != "" {
			r.durability[e.Tenant.Name] = e.Durability
		}
	}
	slices.SortStableFunc(r.tenants, func(a, b sq.Tenant) int { return cmp.Compare(a.Name, b.Name) })
	r.tenants = unique(r.tenants)
	return r
}

// unique joins neighbours of one name. A tenant is read-only when all of its
// tokens are.
func unique(sorted []sq.Tenant) []sq.Tenant {
	kept := sorted[:0]
	for _, t := range sorted {
		if n := len(kept); n > 0 && kept[n-1].Name == t.Name {
			kept[n-1].ReadOnly = kept[n-1].ReadOnly && t.ReadOnly
			continue
		}
		kept = append(kept, t)
	}
	return slices.Clip(kept)
}

// Single returns the registry of a server with one tenant, which has no name
// and no limits. The token is taken as it is, never as a hash. Without a token
// everyone is the tenant. The administration is closed.
func Single(token, dataDir string) *Registry {
	r := New(&Config{Entries: []Entry{{
		Token:   HashToken(token),
		Tenant:  sq.Tenant{DataDir: dataDir},
		Enabled: true,
	}}})
	r.keyless = token == ""
	return r
}

// Find returns the tenant that a token, as the caller shows it, belongs to, and
// false when there is none or the token is disabled. Without a need for tokens
// it is the only tenant, whatever the token. ReadOnly is that of the token.
//
// The token is hashed before it is looked up, so the time that this takes tells
// nothing of the tokens there are. It costs one SHA-256 and one map look-up.
func (r *Registry) Find(token string) (sq.Tenant, bool) {
	if r.keyless {
		return r.tenants[0], true
	}
	if i := r.index(HashToken(token)); i != nobody && token != "" {
		return r.config.Entries[i].Tenant, true
	}
	return sq.Tenant{}, false
}

// nobody is the index of a token that is not let in.
const nobody = -1

// index returns the index in config.Entries of a token that is let in.
func (r *Registry) index(token TokenHash) int {
	if i, ok := r.newer[token]; ok {
		return i
	}
	if i, ok := r.byToken[token]; ok {
		return i
	}
	return nobody
}

// NeedsToken tells whether requests need a token. They do under every
// configuration file, even one without tenants.
func (r *Registry) NeedsToken() bool { return !r.keyless }

// IsAdmin tells whether a token is the administration's key. It takes the same
// time for every token of a length, and is false when the administration is
// closed.
func (r *Registry) IsAdmin(token string) bool {
	h := HashToken(token)
	same := subtle.ConstantTimeCompare(h[:], r.config.AdminKey[:]) == 1
	return same && r.HasAdmin() && token != ""
}

// HasAdmin tells whether there is an administration.
func (r *Registry) HasAdmin() bool { return r.config.AdminKey != TokenHash{} }

// Tenants returns the tenants with an enabled token, sorted by name, each once.
// ReadOnly is true when all those tokens are. The caller owns the slice, which
// costs the number of tenants.
func (r *Registry) Tenants() []sq.Tenant { return slices.Clone(r.tenants) }

// Tenant returns the tenant of a name, as Tenants does; false when there is
// none with an enabled token. It costs a binary search.
func (r *Registry) Tenant(name string) (sq.Tenant, bool) {
	i, ok := r.find(name)
	if !ok {
		return sq.Tenant{}, false
	}
	return r.tenants[i], true
}

// Durability returns what a tenant chose, Fsync or Relaxed, or "" where it takes
// what the server was told.
func (r *Registry) Durability(name string) string { return r.durability[name] }

// Chose returns how many tenants chose a durability. It costs a look at those that
// chose one.
func (r *Registry) Chose(durability string) (n int) {
	for _, own := range r.durability {
		if own == durability {
			n++
		}
	}
	return n
}

// Config returns the configuration that the registry was made of, for what
// requests do not need: disabled entries, data_root. It is shared
// and may not be changed.
func (r *Registry) Config() *Config { return r.config }

// maxNewer is how many tokens are found apart before all are sorted in again.
const maxNewer = 256

// amended returns the registry of a configuration that differs in some entries, of
// tenants with one token each: at these indices, or behind those there were. It
// costs a copy of the tenants, and now and then as much as New.
func (r *Registry) amended(c *Config, changed []int) *Registry {
	if len(r.newer)+len(changed) > maxNewer {
		return New(c)
	}
	next := &Registry{revision: revisions.Add(1), config: c, byToken: r.byToken, newer: maps.Clone(r.newer), durability: maps.Clone(r.durability)}
	if next.newer == nil {
		next.newer = map[TokenHash]int{}
	}
	next.tenants = make([]sq.Tenant, len(r.tenants), len(r.tenants)+len(changed))
	copy(next.tenants, r.tenants)
	for _, i := range changed {
		next.amend(i)
	}
	return next
}

// amend takes over an entry, in a registry that nobody else has yet.
func (r *Registry) amend(i int) {
	e := &r.config.Entries[i]
	name := e.Tenant.Name
	delete(r.durability, name)
	at, there := r.find(name)
	switch {
	case e.Enabled && there:
		r.tenants[at] = e.Tenant
	case e.Enabled:
		r.tenants = slices.Insert(r.tenants, at, e.Tenant)
	case there:
		r.tenants = slices.Delete(r.tenants, at, at+1)
	}
	r.newer[e.Token] = nobody
	if e.Enabled {
		r.newer[e.Token] = i
	}
	if e.Enabled && e.Durability != "" {
		r.durability[name] = e.Durability
	}
}

// find returns where a tenant is, or would be, in r.tenants.
func (r *Registry) find(name string) (at int, there bool) {
	return slices.BinarySearchFunc(r.tenants, name, func(t sq.Tenant, name string) int { return cmp.Compare(t.Name, name) })
}

func (r *Registry) has(name string) bool {
	_, there := r.find(name)
	return there
}
