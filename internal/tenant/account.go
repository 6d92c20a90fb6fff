package tenant

import (
	"cmp"
	"slices"

	"github.com/wbic16/sq-go"
)

// Account is a tenant as an administrator sees it, disabled ones included.
type Account struct {
	// Tenant has the limits; ReadOnly is true when all tokens that count are.
	Tenant     sq.Tenant
	Enabled    bool   // one of its tokens is
	Tokens     int    // how many are enabled
	Durability string // Fsync, Relaxed, or "" for what the server was told
}

// QuotaMB is the quota in megabytes of 1,048,576 bytes; 0 means no limit.
func (a *Account) QuotaMB() int64 { return a.Tenant.QuotaBytes >> mbShift }

// Status is "active" or "disabled".
func (a *Account) Status() string {
	if a.Enabled {
		return "active"
	}
	return "disabled"
}

// Accounts returns all tenants, sorted by name. It costs about as much as New.
func (c *Config) Accounts() []Account {
	list := make([]Account, 0, len(c.Entries))
	at := make(map[string]int, len(c.Entries))
	for i := range c.Entries {
		e := &c.Entries[i]
		j, ok := at[e.Tenant.Name]
		if !ok {
			j = len(list)
			at[e.Tenant.Name] = j
			list = append(list, Account{Tenant: e.Tenant, Durability: e.Durability})
		}
		list[j].count(e)
	}
	slices.SortFunc(list, func(a, b Account) int { return cmp.Compare(a.Tenant.Name, b.Tenant.Name) })
	return list
}

// Account returns the tenant of a name, disabled or not. It costs a look at each
// entry.
func (c *Config) Account(name string) (Account, bool) {
	var a Account
	found := false
	for i := range c.Entries {
		if e := &c.Entries[i]; e.Tenant.Name == name {
			if !found {
				a, found = Account{Tenant: e.Tenant, Durability: e.Durability}, true
			}
			a.count(e)
		}
	}
	return a, found
}

// count adds a token. The enabled ones say what the tenant may; where there are
// none, all do.
func (a *Account) count(e *Entry) {
	switch {
	case e.Enabled && !a.Enabled:
		a.Enabled, a.Tenant.ReadOnly = true, e.Tenant.ReadOnly
	case e.Enabled == a.Enabled:
		a.Tenant.ReadOnly = a.Tenant.ReadOnly && e.Tenant.ReadOnly
	}
	if e.Enabled {
		a.Tokens++
	}
}
