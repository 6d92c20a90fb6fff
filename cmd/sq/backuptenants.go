package main

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/tenant"
)

// chooseTenants returns the configuration with the one tenant of a name alone, and without the
// admin key; as it is when the name is empty, or its only tenant has none.
func chooseTenants(c *tenant.Config, only string) (*tenant.Config, error) {
	if only == "" || len(c.Entries) == 1 && c.Entries[0].Tenant.Name == "" {
		return c, nil
	}
	chosen := &tenant.Config{}
	for _, e := range c.Entries {
		if e.Tenant.Name == only {
			chosen.Entries = append(chosen.Entries, e)
		}
	}
	if len(chosen.Entries) == 0 {
		return nil, sq.Errorf(sq.NotFound, "there is no tenant %q", only)
	}
	return chosen, nil
}

// configText returns a configuration as a file that can be loaded again.
func configText(c *tenant.Config) ([]byte, error) {
	text, err := json.MarshalIndent(c, "", "  ")
	return append(text, '\n'), err
}

// configuredTenant is a tenant with whether any of its tokens is let in.
type configuredTenant struct {
	sq.Tenant
	Enabled bool
}

// eachTenant returns the tenants of a configuration, each once, disabled ones
// included, sorted by name.
func eachTenant(c *tenant.Config) []configuredTenant {
	var all []configuredTenant
	for _, e := range c.Entries {
		all = append(all, configuredTenant{e.Tenant, e.Enabled})
	}
	slices.SortStableFunc(all, func(a, b configuredTenant) int { return cmp.Compare(a.Name, b.Name) })
	kept := all[:0]
	for _, t := range all {
		if n := len(kept); n > 0 && kept[n-1].Name == t.Name {
			kept[n-1].Enabled = kept[n-1].Enabled || t.Enabled
			continue
		}
		kept = append(kept, t)
	}
	return kept
}
