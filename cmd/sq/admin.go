package main

import (
	"log/slog"
	"net/http"

	"github.com/spf13/pflag"

	"github.com/wbic16/sq-go/internal/admin"
	"github.com/wbic16/sq-go/internal/api"
	"github.com/wbic16/sq-go/internal/tenant"
)

// adminFlags are the settings of the administration.
type adminFlags struct {
	auditLog string // empty: acts are only logged
	audit    *admin.Audit
}

func (a *adminFlags) register(f *pflag.FlagSet) {
	f.StringVar(&a.auditLog, "audit-log", "", "many tenants: append what administrators do to this `file`, as JSON lines")
}

func (a *adminFlags) check(f *pflag.FlagSet) error {
	if f.Changed("audit-log") && !f.Changed("config") {
		return usage("with one tenant there is no administration", "--audit-log goes with --config")
	}
	if f.Changed("audit-log") && a.auditLog == "" {
		return usage("was a variable not set? Leave the flag out for its default", "--audit-log is empty")
	}
	return nil
}

// open makes sure that acts can be recorded.
func (a *adminFlags) open(log *slog.Logger) (err error) {
	a.audit, err = admin.NewAudit(log, a.auditLog)
	return err
}

// recorder does what a request asks for and records it, with the tenant that it turns out
// to be about.
type recorder = func(r *http.Request, action string, do func() (id string, err error)) error

// record does what a request asks for, and records it where there is an
// administration: a daemon has none.
func (a *adminFlags) record(r *http.Request, action string, do func() (id string, err error)) error {
	if a.audit == nil {
		_, err := do()
		return err
	}
	return a.audit.DoFor(r, action, nil, do)
}

// recorded is record for what is about no tenant alone.
func (a *adminFlags) recorded(action string, do func() error) func(*http.Request) error {
	return func(r *http.Request) error {
		return a.record(r, action, func() (string, error) { return "", do() })
	}
}

// administration returns the routes of the administration.
func administration(live *tenant.Live, usage admin.Usage, audit *admin.Audit) (routes []api.Route) {
	for _, r := range admin.Routes(admin.Options{
		Config: func() *tenant.Config { return live.Current().Config() },
		Change: live.Change,
		Usage:  usage,
		Audit:  audit,
	}) {
		methods := map[string]api.Action{}
		for method, action := range r.Methods {
			methods[method] = action
		}
		routes = append(routes, api.Route{Path: r.Path, Name: r.Name, Right: api.Administration, Methods: methods})
	}
	return routes
}
