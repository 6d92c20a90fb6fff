package main

import (
	"log/slog"

	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go"
	"github.com/wbic16/sq-go/internal/disk"
	"github.com/wbic16/sq-go/internal/tenant"
)

// durabilitySettings say when a write is answered.
type durabilitySettings struct {
	usual string // of those that have not chosen: tenant.Fsync or tenant.Relaxed
}

func (s *durabilitySettings) register(f *pflag.FlagSet) {
	f.StringVar(&s.usual, "durability", tenant.Fsync, "a write is answered when it is on the disk (`fsync`), or is there within 100 ms (relaxed); tenants may have their own")
}

func (s *durabilitySettings) check(*pflag.FlagSet) error {
	if s.usual != tenant.Fsync && s.usual != tenant.Relaxed {
		return usage("relaxed may lose the last 100 ms when the power goes", "--durability is %q; fsync or relaxed is wanted", s.usual)
	}
	return nil
}

// of returns the durability of a tenant: its own, or what the server was told.
func (s *durabilitySettings) of(name string, r *tenant.Registry) string {
	if own := r.Durability(name); own != "" {
		return own
	}
	return s.usual
}

// store returns where a tenant's phexts are, under the quota that it has, which holds
// from now on, and the durability that is in force for it. The API alone asks for it,
// once under each configuration: see api.Options.
func (v *service) store(t sq.Tenant) sq.Store {
	return v.durable(t, v.engine.StoreWithin(t.DataDir, t.QuotaBytes))
}

// durable returns a tenant's store under its durability.
func (v *service) durable(t sq.Tenant, s sq.Store) sq.Store {
	if v.durability.of(t.Name, v.live.Current()) == tenant.Relaxed {
		return disk.Relaxed(s)
	}
	return s
}

// tell says in the log how many tenants have another durability than the others,
// when that was not the same before.
func (s *durabilitySettings) tell(before, now *tenant.Registry, log *slog.Logger) {
	other := map[string]string{tenant.Fsync: tenant.Relaxed, tenant.Relaxed: tenant.Fsync}[s.usual]
	if n := now.Chose(other); before == nil && n > 0 || before != nil && n != before.Chose(other) {
		log.Info("tenants with a durability of their own", "durability", other, "tenants", n)
	}
}
